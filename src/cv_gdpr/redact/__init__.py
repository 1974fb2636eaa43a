"""Takes what an erasure erased out of exports that were made before it."""
