"""`cv-gdpr report`: the pages of an export."""
