"""Tests of config.toml, of the runs over several profiles, and of `cv-gdpr doctor`."""
