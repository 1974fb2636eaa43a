"""File names that are valid on Windows, macOS and Linux, made from the service's names and ids."""

import re
import unicodedata

from cv_gdpr.patterns import pattern
from cv_gdpr.platforms.names import is_device

MODELS = "exported-models"  # the folder of exported models, by iteration and name
_READABLE = 32  # characters kept of a name, so that a path of three levels with ids stays below Windows' 260
_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
UUID = pattern(_UUID)
_DIGITS = pattern("[0-9a-f]{32}")
_AT_THE_END = pattern(rf"(?:^|-)({_UUID}|x[0-9a-f]{{32}})$")
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
    """Return an id as a file name: unchanged if it is a UUID in lower case, otherwise a hash of it."""
    if UUID.fullmatch(text):
        return text
    import hashlib  # on use, so that usage errors stay fast

    return "x" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def guid(text: str) -> str:
    """Return a GUID in lower case with dashes; empty for another text.

    It may have capitals, braces or blanks around it, and be without dashes, as tools and people write it.
    """
    if UUID.fullmatch(text):
        return text
    digits = text.strip().lower().removeprefix("urn:uuid:").strip("{}()").replace("-", "")
    if not _DIGITS.fullmatch(digits):
        return ""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def same_id(text: str) -> str:
    """Return an id in the one spelling of all that mean it: that of `guid`, or as it is."""
    return guid(text) or text


def text_of(name: object) -> str:
    """Return a name as the service sent it; an empty text where it sent no text."""
    return name if isinstance(name, str) else ""


def readable(name: object, id_: str) -> str:
    """Return `name-id`, a folder name that a person recognises and that is unique to the id."""
    text = unicodedata.normalize("NFKC", text_of(name))
    kept = "".join(letter if letter.isalnum() else "-" for letter in text)
    short = re.sub("-+", "-", kept)[:_READABLE].strip("-")
    return f"{short}-{identity(id_)}" if short else identity(id_)


def identity_in(folder: str) -> str:
    """Return the id in a folder name that `readable` made, as `identity` writes it, or an empty string."""
    found = _AT_THE_END.search(folder)
    return found[1] if found else ""


def model_stem(iteration: str, name: str) -> str:
    """Return the path of an exported model, without suffix, from its iteration's safe id, its platform and flavor."""
    return f"{MODELS}/{iteration}/{_word(name)}"


def safe_stem(stem: str) -> str:
    """Return `folder/id` or `folder/id/name` with id and name made safe as file names."""
    folder, _, rest = stem.partition("/")
    if folder != MODELS:
        return f"{folder}/{identity(rest)}"
    iteration, _, name = rest.partition("/")
    return model_stem(identity(iteration), name)


def _word(part: str) -> str:
    if re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}", part) and not is_reserved(part):
        return part
    return identity(part)


def is_reserved(part: str) -> bool:
    """Return whether Windows keeps a name for a device."""
    return is_device(part)


def is_known_type(head: bytes) -> bool:
    """Return whether a file's first 16 bytes show a file type, and cannot be text that begins like one (BM)."""
    return suffix_for(head) != ".bin" and (not head.startswith(b"BM") or head[6:10] == bytes(4))


def suffix_for(head: bytes, otherwise: str = "") -> str:
    """Return the suffix for the file type that the first 12 bytes show, or else `otherwise`, or else .bin."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    for start, suffix in _SIGNATURES:
        if head.startswith(start):
            return suffix
    return otherwise or ".bin"
