"""The evidence of an erasure: its ledger, its JSON, its certificate. Nothing here calls the service."""
