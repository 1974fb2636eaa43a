"""Access to the service: the only modules that import the SDK, and the downloads from blob storage."""
