"""What a person sees on a terminal, and what machines read beside it."""
