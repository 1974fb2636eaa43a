"""What a resource holds, without exporting it: counted by the same readers as an export, or estimated from counts."""
