"""What `files.jsonl` says of a file that is kept as the service stores it, although something about it is unusual."""

EMPTY = "empty"
MD5_DIFFERS = "md5 differs"  # from the stored Content-MD5, and two downloads brought the same bytes
MD5_HEXADECIMAL = "md5 hexadecimal"  # the right MD5, but not in base64 as RFC 1864 wants it

_KNOWN = frozenset({EMPTY, MD5_DIFFERS, MD5_HEXADECIMAL})


def joined(flags: list[str]) -> str:
    """Return flags as one text, empty for none."""
    return ", ".join(flags)


def fits(flag: str, size: int) -> bool:
    """Return whether an export writes such a flag; it calls exactly the files of 0 bytes empty. Raise if not text."""
    flags = flag.split(", ") if flag else []
    return _KNOWN.issuperset(flags) and len(set(flags)) == len(flags) and (EMPTY in flags) == (size == 0)
