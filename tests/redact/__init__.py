"""Tests of `redact`: an export made before an erasure, its evidence, and the export without what was erased."""
