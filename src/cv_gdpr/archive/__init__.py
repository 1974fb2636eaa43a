"""The export folder on disk: file names, durable writes, the journal, the bag."""
