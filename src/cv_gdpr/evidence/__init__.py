"""The evidence of an erasure: its ledger, its JSON, its certificate. Nothing here speaks with the service."""
