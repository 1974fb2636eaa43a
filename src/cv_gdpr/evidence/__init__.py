"""What proves an erasure: its ledger, the outcomes derived from it, and the files. Nothing here calls the service."""
