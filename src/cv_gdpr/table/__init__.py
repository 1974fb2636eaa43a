"""The table: one record for each kind of data, how it is read and deleted, and what a run asks of it."""
