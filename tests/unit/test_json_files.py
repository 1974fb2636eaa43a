"""A finished bag read in bounded memory: links and pipes refused, lines and documents up to a limit, keys once."""

import errno
import hashlib
import tracemalloc

import pytest

from cv_gdpr.archive import json_files
from cv_gdpr.archive.json_files import InvalidContent, content_of, digests, lines_of, open_regular, value_of
from tests.platforms import named_pipe
from tests.unit.listing import open_handles


@pytest.fixture
def small(monkeypatch):
    """Let the longest line be of 10 bytes, and let files be read 4 bytes at a time."""
    monkeypatch.setattr(json_files, "LONGEST", 10)
    monkeypatch.setattr(json_files, "_AT_ONCE", 4)


def test_a_link_is_not_opened(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(OSError, match="a link, not a file") as refused:
        open_regular(tmp_path / "link")
    assert refused.value.errno == errno.ELOOP


def test_what_is_not_there_says_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "missing")


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_only_a_file_is_opened(tmp_path, kind):
    path = tmp_path / kind
    named_pipe(path) if kind == "pipe" else path.mkdir()
    before = open_handles()
    with pytest.raises(OSError, match="not a file") as refused:
        open_regular(path)
    assert (refused.value.errno, refused.value.filename) == (errno.EINVAL, path)
    assert open_handles() <= before  # what an earlier test left may be closed meanwhile


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("content", [b"", b"x", b"1234", b"12345", b"x" * 1000])
def test_size_and_digests_in_the_order_asked_for(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    found = digests(tmp_path / "file", ("sha256", "md5"))
    assert found.size == len(content)
    assert found.digests == (hashlib.sha256(content).digest(), hashlib.md5(content, usedforsecurity=False).digest())


def test_a_file_that_was_hashed_is_closed(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    before = open_handles()
    digests(tmp_path / "file", ("sha256",))
    with pytest.raises(ValueError, match="unsupported"):
        digests(tmp_path / "file", ("nothing",))
    assert open_handles() <= before  # what an earlier test left may be closed meanwhile


@pytest.mark.usefixtures("small")
def test_lines_up_to_the_limit(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"123456789\n1\n\nno end")
    assert list(lines_of(path)) == [b"123456789\n", b"1\n", b"\n", b"no end"]
    path.write_bytes(b"1\n1234567890\n")
    with pytest.raises(InvalidContent, match="line 2 is longer than 0 MiB"):
        list(lines_of(path))


@pytest.mark.usefixtures("small")
def test_a_line_too_long_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(16 << 20)
    tracemalloc.start()
    with pytest.raises(InvalidContent):
        list(lines_of(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.usefixtures("small")
def test_a_document_up_to_the_limit(tmp_path):
    path = tmp_path / "document"
    path.write_bytes(b"1234567890")
    assert content_of(path) == b"1234567890"
    path.write_bytes(b"1234567890\n")
    with pytest.raises(InvalidContent, match="larger than 0 MiB"):
        content_of(path)


def test_the_limits_are_64_mib(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(InvalidContent, match="larger than 64 MiB"):
        content_of(path)
    with pytest.raises(InvalidContent, match="line 1 is longer than 64 MiB"):
        list(lines_of(path))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a":[1,2.5,null]}\n', {"a": [1, 2.5, None]}),
        (b'{ "a" : 1 }', {"a": 1}),
        (b'"\\ud800"', "\ud800"),
        (b"1E2", 100.0),
        ('"é"'.encode(), "é"),
        (b'[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}]),
    ],
    ids=range(6),
)
def test_the_value_of_a_text(text, value):
    assert value_of(text) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'{"a":1,"a":1}', "a key twice"),
        (b'[{"b":{"a":1,"\\u0061":2}}]', "a key twice"),
        (b"NaN", "NaN"),
        (b"[Infinity]", "Infinity"),
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
    ids=range(8),
)
def test_a_text_that_is_unfit(text, why):
    with pytest.raises(InvalidContent, match=why):
        value_of(text)
