"""The tests of the table: a new row, and Microsoft's own."""
