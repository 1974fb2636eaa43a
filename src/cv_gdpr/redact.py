"""Credentials cut out of what the service sends, before any of it is stored or shown."""

import hashlib
import json
import re
from typing import Any

# A SAS is a query with a `sig` parameter; a value named ...Uri is cut at its query whatever that holds.
_SIGNED_QUERY = re.compile(r'\?[^"\s?]*\bsig=[^"\s]*', re.IGNORECASE)
_URI_QUERY = re.compile(r'("\w*[uU]ri": ?"[^"?]*)\?(?:[^"\\]|\\.)*')


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Give `value` as JSON text, keys and order as they came, with every signature cut off its URI."""
    separators = None if indent else (",", ":")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot hold but a JSON escape can
        text = json.dumps(value, indent=indent, separators=separators)
    if "?" not in text:
        return text
    return _SIGNED_QUERY.sub("", _URI_QUERY.sub(r"\1", text))


def without_signature(text: str) -> str:
    """Give `text` (a message, a log line) with every signed query cut out of it."""
    return _SIGNED_QUERY.sub("", text)


def without_query(uri: str) -> str:
    """Give a URI up to its query."""
    return uri.split("?", 1)[0].split("#", 1)[0]


def fingerprint(secret: str) -> str:
    """Give the first 8 hex digits of a secret's SHA-256: enough to compare two keys, too little to use one."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()[:8]


def without_keys(value: Any, *, secret: bool = False) -> Any:
    """Give `value` with each string below a field whose name holds "Key" replaced by its fingerprint."""
    if isinstance(value, dict):
        return {name: without_keys(part, secret=secret or "key" in name.lower()) for name, part in value.items()}
    if isinstance(value, list):
        return [without_keys(part, secret=secret) for part in value]
    if secret and isinstance(value, str):
        return f"sha256:{fingerprint(value)}"
    return value
