"""File names that Windows, macOS and Linux all take, made of what a service names."""

import hashlib
import re
import unicodedata

MODELS = "exported-models"  # the folder of exported models, by iteration and name
_READABLE = 32  # characters kept of a name; with an id, a path of three levels stays below Windows' 260
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_AT_THE_END = re.compile(rf"(?:^|-)({UUID.pattern}|x[0-9a-f]{{32}})$")
_SIGNATURES = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\x00", ".tif"),
    (b"MM\x00*", ".tif"),
    (b"PK\x03\x04", ".zip"),
)


def identity(text: str) -> str:
    """Give an id as a file name: itself where it is a UUID as the service writes it, else a hash."""
    if UUID.fullmatch(text):
        return text
    return "x" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def readable(name: object, id_: str) -> str:
    """Give a folder name that a person recognises and that no other id can have: `name-id`."""
    text = unicodedata.normalize("NFKC", str(name or ""))
    kept = "".join(letter if letter.isalnum() else "-" for letter in text)
    short = re.sub("-+", "-", kept)[:_READABLE].strip("-")
    return f"{short}-{identity(id_)}" if short else identity(id_)


def identity_in(folder: str) -> str:
    """Give the id in a folder name that `readable` made, as `identity` writes it; empty if there is none."""
    found = _AT_THE_END.search(folder)
    return found[1] if found else ""


def model_stem(iteration: str, name: str) -> str:
    """Give the path of an exported model, made of its iteration's identity and its platform and flavor."""
    return f"{MODELS}/{iteration}/{_word(name)}"


def safe_stem(stem: str) -> str:
    """Give a path of safe names for `folder/id`, or `folder/id/name`, whatever the service put into id and name."""
    folder, _, rest = stem.partition("/")
    if folder != MODELS:
        return f"{folder}/{identity(rest)}"
    iteration, _, name = rest.partition("/")
    return model_stem(identity(iteration), name)


def _word(part: str) -> str:
    if re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}", part) and not _reserved(part):
        return part
    return identity(part)


def _reserved(part: str) -> bool:
    return re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", part) is not None


def suffix_for(head: bytes, otherwise: str = "") -> str:
    """Give the suffix of a file's true type from its first 12 bytes; `otherwise`, or .bin, if they tell nothing."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    for start, suffix in _SIGNATURES:
        if head.startswith(start):
            return suffix
    return otherwise or ".bin"
