"""An export: read what is in scope, store its JSON and bytes, check the counts, close the bag."""
