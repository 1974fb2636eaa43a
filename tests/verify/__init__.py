"""Tests of `cv-gdpr verify`."""
