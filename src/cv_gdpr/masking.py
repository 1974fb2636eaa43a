"""Removes credentials from all output about a run: known values in any spelling, and whatever looks like one.

The output is every message, reason, log line and trace, the ledger and the evidence; never the user's own data. Known
values are the run's training key and each signature (SAS) that the service sent in it. Only the first letters and
digits of a signature are kept, about 5 MB for a run of 100,000 images.

A text is searched as it is, and again after each round of decoding, until nothing changes: Unicode compatibility forms,
invisible characters, percent-encoding, JSON, C and HTML escapes. Case, and characters between letters and digits, are
ignored. Base64 and hexadecimal are decoded. Ciphers, compression and look-alike letters of other alphabets are not
recognised.
"""

import re
import threading
import unicodedata
from binascii import a2b_base64, unhexlify
from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from cv_gdpr.patterns import pattern

WITHHELD = "(left out: it repeats a credential)"
_WINDOW = 12  # letters and digits that identify a value
_SHORTEST = 4  # letters and digits of a key; shorter ones are not secret, and would match ordinary words
_BUCKETS = 1024
_MOST = 1 << 19  # signatures remembered; beyond that, the older half is forgotten
_SAID = 64
_ROUNDS = 12  # of decoding; a text that needs more is withheld
_LENGTH = 43  # characters of a signature: 32 bytes in base64

# A SAS is a query with a `sig` parameter; a value named ...Uri loses its query in any case.
SIGNED_QUERY = pattern(r'\?(?:[^"\s?\\]|\\.)*\bsig=(?:[^"\s\\]|\\.)*', re.IGNORECASE)
SIGNATURE = pattern(  # not inside a word, unless the letter before it ends an escape sequence
    r"(?:(?<![a-z])|(?<=3F)|(?<=u[0-9a-f]{4}))(sig(?:=|%(?:25)*3D|\\*u003d))"
    r"(?:[a-z0-9%+/=_-]|\\+u[0-9a-f]{4}){20,}",
    re.IGNORECASE,
)
_VERSION = pattern(r"(?:(?<![a-z])|(?<=3F)|(?<=26)|(?<=u[0-9a-f]{4}))sv(?:=|%(?:25)*3D|\\*u003d)", re.IGNORECASE)
_STANDARD_BASE64 = pattern(r"(?:[0-9a-z+/=]|%(?:25)*(?:2[BF]|3D)|\\+u[0-9a-f]{4})+", re.IGNORECASE)
_SERVICE_FIELDS = (b'ImageUri":', b'imageUri":', b'thumbnailUri":', b'downloadUri":', b'ContainerUri":', b'QueueUri":')
_VALUE = r"[0-9A-Za-z+/=_%-]{16,}"
_KEYS = (  # not words that merely end like one: monkey, turkey
    r"(?:[a-z]+[-_ ])?"
    r"(?:(?:account|access|api|shared|primary|secondary|subscription|training|prediction|auth|sas)[-_ ]?)?"
    r"(?:key|token|secret)"
)
_BY_LOOKS = (  # `sig = ...`, `{"sig": "..."}`, `AccountKey=...`; a bearer's token; a proxy's user and password
    (
        pattern(
            rf"(?<![a-z])((?:sig(?:nature)?|{_KEYS})[\"'\s\\]{{0,8}}[=:][\"'\s\\]{{0,8}})" + _VALUE,
            re.IGNORECASE,
        ),
        r"\1(a credential)",
    ),
    (pattern(r"\b((?:Bearer|Basic)\s+)[0-9A-Za-z+/=_.~-]{16,}", re.IGNORECASE), r"\1(a credential)"),
    (pattern(r"(?<=://)(?:[^\s/?#@\"']*|[^\s/?#@:\"']*:(?!\d{1,5}(?:[/?#\s]|$))[^\s\"']*)@"), "(credentials)@"),
)
_SIG, _BETWEEN_HEADS = b"sig=", b"&"
_HEAD = 24  # bytes of a signature as sent: enough for a window even with six escaped characters
_PAGES = 1024  # answers with links not yet learned: 260,000 images; older ones are forgotten
_NO_LETTER = pattern(rb"(?:%|\\u00)(?:2[bf]|3d)|[^0-9a-z]+")
_BETWEEN_LETTERS = pattern("[^0-9A-Za-z]+")
_LETTER = pattern("[0-9A-Za-z]")
_RUN = pattern(r"[0-9A-Za-z+/=_%-]*")
_HEXADECIMAL = pattern(rb"[0-9a-f]{24,}")
_BASE64 = pattern(r"[0-9A-Za-z+/_-]{16,}")
_BASE64_URL = str.maketrans("-_", "+/")
_ESCAPES = pattern(  # of JSON, JavaScript, C, Python, and IIS
    r"(?:\\+|%)[uU]([0-9A-Fa-f]{4})|\\+u\{([0-9A-Fa-f]{1,6})\}|\\+U([0-9A-Fa-f]{8})|\\+x([0-9A-Fa-f]{2})|\\+([0-7]{3})|\\+[nrt]"
)
_LONE = pattern("[\ud800-\udfff]")
# Letters and digits, as Azure's keys and their base64; the names of classes and errors are letters alone.
_LIKE_A_KEY = pattern("(?=[A-Za-z]*[0-9])[0-9A-Za-z]{32,}", re.ASCII)


def without_signature_values(text: str) -> str:
    """Return `text` with nothing after each `sig=` that has a value of the length of a signature."""
    return SIGNATURE.sub(r"\1", text) if "sig" in text.lower() else text


def without_credentials(text: str) -> tuple[str, int]:
    """Return a text that a user wrote without the signatures in it, and how many were removed.

    A signature is the base64 value of a `sig` beside an `sv` (a whole shared access signature), or one that the service
    sent in a link of this run. Anything else that merely resembles one is the user's, and stays.
    """
    if "sig" not in text.lower():
        return text, 0
    whole = _VERSION.search(text) is not None
    removed = 0

    def kept(found: re.Match[str]) -> str:
        nonlocal removed
        value = found[0].removeprefix(found[1])
        if (whole and _STANDARD_BASE64.fullmatch(value)) or RUN.was_given(value):
            removed += 1
            return found[1]
        return found[0]

    return SIGNATURE.sub(kept, text), removed


def without_signature(text: str) -> str:
    """Return `text` without signed queries, recognised by their form alone."""
    if "sig" not in text.lower():  # neither pattern can match
        return text
    return SIGNATURE.sub(r"\1", SIGNED_QUERY.sub("", text))


class _Span(NamedTuple):
    """A credential in a text: its begin, its end, and its replacement."""

    begin: int
    end: int
    word: str


class Mask:
    """The credentials of a run; removes them from texts. Safe to use from several threads."""

    def __init__(self) -> None:
        self._learning = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Forget all credentials, as at the beginning of a run."""
        self._signatures = [bytearray() for _ in range(_BUCKETS)]
        self._remembered = 0
        self._said: dict[str, str] = {}  # results since the last change: thousands of messages may be alike
        self._heads: deque[bytes] = deque(maxlen=_PAGES)
        self._keys: set[bytes] = set()  # windows
        self._words: set[str] = set()  # keys too short for a window

    def know_key(self, key: str) -> None:
        """Remember a key and its parts; a key of fewer than 12 letters and digits is matched as a whole word only."""
        self._said = {}
        for spelling in {key, _decoded_once(key)}:
            letters = _letters_of(spelling)
            self._keys.update(_windows(letters))
            if _SHORTEST <= len(letters) < _WINDOW:
                self._words.add(spelling)

    def know_links(self, body: bytes) -> None:
        """Remember the signature of every link of the service in one of its answers.

        Since it is called for each page of a listing, it only stores how they begin; the rare call of `masked` indexes
        them. A signature in a text that a user wrote is not a link of the service.
        """
        parts = body.split(_SIG)
        heads = [part[:_HEAD] for before, part in pairwise(parts) if _is_in_link(before)]
        if heads:
            self._heads.append(_BETWEEN_HEADS.join(heads))

    def was_given(self, value: str) -> bool:
        """Return whether the service sent that signature, in whatever encoding, in a link of this run."""
        self._learn()
        return self._is_signature(_NO_LETTER.sub(b"", value.lower().encode(errors="replace"))[:_WINDOW])

    def _learn(self) -> None:
        with self._learning:
            if self._heads:
                self._said = {}
            while self._heads:
                for head in self._heads.popleft().lower().split(_BETWEEN_HEADS):
                    window = (head if head.isalnum() else _NO_LETTER.sub(b"", head))[:_WINDOW]
                    if len(window) == _WINDOW:
                        self._signatures[hash(window) % _BUCKETS] += window
                        self._remembered += 1
            if self._remembered > _MOST:
                self._forget_half()

    def _forget_half(self) -> None:
        for bucket in self._signatures:
            del bucket[: len(bucket) // _WINDOW // 2 * _WINDOW]
        self._remembered = sum(map(len, self._signatures)) // _WINDOW

    def masked(self, text: str) -> str:
        """Return `text` with each credential replaced by a placeholder.

        A text without credentials is returned unchanged, one with an encoded credential is returned decoded.
        """
        self._learn()
        said = self._said
        known = said.get(text)
        if known is None:
            known = self._masked(text)
            if len(said) < _SAID:
                said[text] = known
        return known

    def _masked(self, text: str) -> str:
        view = shown = self._cut(text)
        for _ in range(_ROUNDS):
            deeper = _decoded_once(view)
            if deeper == view:
                return shown
            view = self._cut(deeper)
            if view != deeper:
                shown = view
        return WITHHELD

    def _cut(self, text: str) -> str:
        """Return a text without the credentials that it holds undecoded."""
        for word in tuple(self._words):
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "(the key)", text)
        text = _replaced(text, sorted(self._spans(text)))
        text = without_signature(text)
        for looks, word in _BY_LOOKS:
            text = looks.sub(word, text)
        return text

    def _spans(self, text: str) -> Iterator[_Span]:
        """Yield the places of known values in a text; spans may overlap."""
        if not self._keys and not self._remembered:
            return
        letters = _letters_of(text)
        places = _Places(text)
        for at, window in enumerate(_windows(letters)):
            if window in self._keys:
                yield _Span(places[at], places[at + _WINDOW - 1] + 1, "(the key)")
            elif self._is_signature(window):
                yield _Span(places[at], places.end_of_signature(at), "(a signature)")
        for run in _HEXADECIMAL.finditer(letters):
            if any(map(self._holds, _from_hexadecimal(run[0]))):
                yield _Span(places[run.start()], places[run.end() - 1] + 1, "(a credential)")
        for run_of_text in _BASE64.finditer(text):
            if any(map(self._holds, _from_base64(run_of_text[0]))):
                yield _Span(*run_of_text.span(), "(a credential)")

    def _is_signature(self, window: bytes) -> bool:
        return self._remembered > 0 and window in self._signatures[hash(window) % _BUCKETS]

    def _holds(self, decoded: bytes) -> bool:
        """Return whether decoded base64 or hexadecimal holds a known value."""
        text = decoded.decode("latin-1")
        windows = {window for view in (text, _decoded_once(text)) for window in _windows(_letters_of(view))}
        return any(window in self._keys or self._is_signature(window) for window in windows)


def _is_in_link(before: bytes) -> bool:
    """Return whether the last string that begins in `before` is a URI that the service sends."""
    begin = before.rfind(b'"')
    return before[max(0, begin - 20) : max(0, begin)].rstrip(b" ").endswith(_SERVICE_FIELDS)


class _Places:
    """The position in a text of its n-th letter or digit; computed on first use."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._places: list[int] = []

    def __getitem__(self, number: int) -> int:
        self._places = self._places or [found.start() for found in _LETTER.finditer(self._text)]
        return self._places[number]

    def end_of_signature(self, number: int) -> int:
        """Return the end of the signature that begins at that letter, with any characters in between."""
        begin = self[number]
        run = _RUN.match(self._text, begin)
        end = run.end() if run else begin
        if end - begin >= _LENGTH:
            return end
        return max(end, self._places[min(number + _LENGTH, len(self._places)) - 1] + 1)


RUN = Mask()  # the credentials of this process: a command is one run


def know_likely_keys(text: str) -> None:
    """Remember whatever looks like a key in the text of another program."""
    for likely in _LIKE_A_KEY.findall(text):
        RUN.know_key(likely)


def masked(text: str) -> str:
    """Return `text` with a placeholder for each known credential and for whatever looks like one."""
    return RUN.masked(text)


def _letters_of(text: str) -> bytes:
    return _BETWEEN_LETTERS.sub("", text).lower().encode()


def _windows(letters: bytes) -> Iterator[bytes]:
    return (letters[at : at + _WINDOW] for at in range(len(letters) - _WINDOW + 1))


def _from_hexadecimal(digits: bytes) -> Iterator[bytes]:
    """Yield the bytes of hexadecimal digits, read from the first digit and from the second."""
    for start in (0, 1):
        yield unhexlify(digits[start : start + (len(digits) - start) // 2 * 2])


def _from_base64(text: str) -> Iterator[bytes]:
    """Yield the bytes of a base64 text, read from each of its first four characters."""
    standard = text.translate(_BASE64_URL)
    for start in range(4):
        yield a2b_base64(standard[start : start + (len(text) - start) // 4 * 4])


def _replaced(text: str, spans: list[_Span]) -> str:
    parts, done = [], 0
    for begin, end, word in spans:
        if begin >= done:
            parts += [text[done:begin], word]
        done = max(done, end)
    return "".join([*parts, text[done:]])


def _decoded_once(text: str) -> str:
    """Return a text with one layer of each known encoding decoded."""
    if not text.isascii():
        text = "".join(char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) != "Cf")
    if "\\" in text or "%u" in text.lower():
        text = _ESCAPES.sub(_unescaped, text)
        if _LONE.search(text):  # the halves of a character beyond 65,535
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if "%" in text:
        from urllib.parse import unquote

        text = unquote(text, errors="replace")
    if "&" in text:
        from html import unescape

        text = unescape(text)
    return text


def _unescaped(escape: re.Match[str]) -> str:
    digits = next(filter(None, escape.groups()), "")
    if not digits:
        return " "  # a line end or a tab
    number = int(digits, 8 if escape[5] else 16)
    return chr(number) if number <= 0x10FFFF else " "


def fingerprint(secret: str) -> str:
    """Return the first 8 hex digits of a secret's SHA-256: enough to compare two keys, too little to use one."""
    import hashlib  # on use: OpenSSL takes a tenth of the time until a usage error

    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()[:8]


def without_keys(value: Any, *, secret: bool = False) -> Any:
    """Return `value` with each string in a field whose name contains "key" replaced by its fingerprint."""
    if isinstance(value, dict):
        return {name: without_keys(part, secret=secret or "key" in name.lower()) for name, part in value.items()}
    if isinstance(value, list):
        return [without_keys(part, secret=secret) for part in value]
    if secret and isinstance(value, str):
        return f"sha256:{fingerprint(value)}"
    return value
