"""Endurance: a service that fails, hangs, changes and lies; a machine that breaks; a run that is cut off."""
