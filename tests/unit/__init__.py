"""Tests of single functions: properties of any text, name or journal."""
