"""Signatures of OpenSSH and time-stamps of RFC 3161: made, and checked. It knows nothing of evidence or exports."""
