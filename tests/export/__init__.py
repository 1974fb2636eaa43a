"""Tests of `cv-gdpr export`, over HTTP against the simulator."""
