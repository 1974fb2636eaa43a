"""Tests of single functions: what holds for any text, name or journal."""
