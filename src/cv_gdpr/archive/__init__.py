"""The folder on disk: names, durable writes, the journal, the bag."""
