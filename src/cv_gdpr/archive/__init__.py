"""The export folder on disk: its file names, durable writes, the journal; and the reader of finished bags (bag.py)."""
