"""Pages in a real browser: what they load, run and show, whether everyone can use them, how they print."""
