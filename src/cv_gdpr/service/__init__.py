"""Access to the Training API: the only modules that import the SDK. Downloads are in `downloads`."""
