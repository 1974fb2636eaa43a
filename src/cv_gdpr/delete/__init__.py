"""An erasure: planned, confirmed, executed, and everything in the plan looked for again."""
