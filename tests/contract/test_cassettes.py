"""The cassettes: one a row, none with a secret or an address of this machine, each saying where it comes from."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from vcr.serializers import yamlserializer

from cv_gdpr.table.categories import ROWS
from tests.contract.tapes import CASSETTES, ENDPOINT, MANAGER, REDACTED, STORAGE, scrubbed

ALL = sorted(CASSETTES.glob("*.yaml"))
BYTES_MAX = 200_000
_FORBIDDEN = {
    "a training key": r"training-key",
    "a key of the resource": r'"key[12]": ?"(?!KEY-)',
    "a token": r"bearer |access_token",
    "a signature": rf"\bsig=(?!{REDACTED}\b)",
    "an expiry": r"[?&]se=",
    "an address of this machine": r"127\.0\.0\.1|localhost|\[::1\]",
    "a claim to come from the real service": r"azure|microsoft\.com|windows\.net",
    "what the recording machine runs": r"python/|linux|user-agent",
}


@pytest.fixture(params=ALL, ids=lambda path: path.stem)
def cassette(request: pytest.FixtureRequest) -> Path:
    """Every cassette in turn."""
    return Path(request.param)


def test_each_row_has_a_cassette() -> None:
    """There is one cassette for each row and for each body about the Azure resource, and no other."""
    assert {path.stem for path in ALL} == {*ROWS, "resource-read", "resource-deleted"}


def test_cassette_names_its_origin(cassette: Path) -> None:
    """Each says that it comes from the simulator, and says nothing of the real service."""
    origin = _load(cassette)["recorded_from"]
    assert re.fullmatch(r"the simulator of cv-gdpr \d\S*, which stands in for the service", origin)


@pytest.mark.parametrize("what", _FORBIDDEN)
def test_cassette_holds_nothing_private(cassette: Path, what: str) -> None:
    """Neither the file nor any text in it, however YAML folds it, holds what must not be there."""
    pattern = re.compile(_FORBIDDEN[what], re.IGNORECASE)
    texts = [cassette.read_text(), *_texts(_load(cassette))]
    assert [found.group() for text in texts if (found := pattern.search(text))] == []


def test_cassette_asks_placeholders_alone(cassette: Path) -> None:
    """Every recorded request went, as written, to one of the three placeholders, and there is at least one."""
    uris = [each["request"]["uri"] for each in _load(cassette)["interactions"]]
    assert uris
    assert all(uri.startswith((f"{ENDPOINT}/", f"{STORAGE}/", f"{MANAGER}/")) for uri in uris)


def test_cassette_is_small(cassette: Path) -> None:
    """A cassette stays small enough to be read in a review."""
    assert cassette.stat().st_size < BYTES_MAX


def test_scrubbing_takes_out_what_signs_a_link() -> None:
    """Signature, expiry and address go, the rest stays, and a second time changes nothing."""
    link = '{"uri":"http://127.0.0.1:1/i?sv=2017&sr=b&sig=a%2Bb%3D&se=2020-06-07T16%3A50%3A40Z&sp=r"}'
    once = scrubbed(link, {"http://127.0.0.1:1": STORAGE})
    assert once == f'{{"uri":"{STORAGE}/i?sv=2017&sr=b&sig={REDACTED}&sp=r"}}'
    assert scrubbed(once, {}) == once


@cache
def _load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yamlserializer.deserialize(path.read_text())
    return loaded


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    if isinstance(value, bytes):
        return [value.decode("latin-1")]
    return [str(value)]
