"""Tests of `cv-gdpr delete`."""
