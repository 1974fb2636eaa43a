"""Answers that no HTTP server sends: byte by byte, or endless. Each function yields the raw parts to send."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from itertools import chain, repeat

from custom_vision_simulator.answers import Answer

_BLANKS = b" " * (1 << 16)
_EMPTY_BLOCK = b"\0\0\0\xff\xff"  # of a deflate stream (RFC 1951, section 3.2.4)
_MORE = 50_000  # bytes announced beyond the body
_TERABYTE = 1 << 40


def status(answer: Answer) -> Iterator[bytes]:
    """A status line that never ends."""
    return chain([f"HTTP/1.1 {answer.status} ".encode()], repeat(b"O"))


def header(answer: Answer) -> Iterator[bytes]:
    """A header whose value never ends."""
    return chain([_head(answer, "X-Padding: ")], repeat(b"x"))


def headers(answer: Answer) -> Iterator[bytes]:
    """Header after header."""
    return chain([_head(answer, "")], repeat(b"X-Padding: x\r\n"))


def interim(_: Answer) -> Iterator[bytes]:
    """100 Continue, again and again."""
    return repeat(b"HTTP/1.1 100 Continue\r\n\r\n")


def body(answer: Answer) -> Iterator[bytes]:
    """The body byte by byte, then blanks."""
    return _bytewise(answer, len(answer.body) + _MORE)


def chunk_extension(answer: Answer) -> Iterator[bytes]:
    """A chunk whose extension never ends."""
    return chain([_chunked(answer), b"1;x="], repeat(b"x"))


def trailer(answer: Answer) -> Iterator[bytes]:
    """The whole body, then a trailer that never ends."""
    return chain([_chunked(answer), _chunk(answer.body), b"0\r\nX-Padding: "], repeat(b"x"))


def trailers(answer: Answer) -> Iterator[bytes]:
    """The whole body, then trailer after trailer."""
    return chain([_chunked(answer), _chunk(answer.body), b"0\r\n"], repeat(b"X-Padding: x\r\n" * 4000))


def blanks(answer: Answer) -> Iterator[bytes]:
    """The body, then blanks."""
    return chain([_chunked(answer), _chunk(answer.body)], repeat(_chunk(_BLANKS)))


def announced(answer: Answer) -> Iterator[bytes]:
    """The body byte by byte, then blanks, up to an announced length of a terabyte."""
    return _bytewise(answer, _TERABYTE)


def crawl(answer: Answer) -> Iterator[bytes]:
    """The body, then a hundred blanks at a time."""
    return chain([_chunked(answer), _chunk(answer.body)], repeat(_chunk(b" " * 100)))


def gzip_members(answer: Answer) -> Iterator[bytes]:
    """The packed body, then empty gzip streams."""
    head = _chunked(answer, "Content-Encoding: gzip\r\n")
    return chain([head, _chunk(gzip.compress(answer.body))], repeat(_chunk(gzip.compress(b"") * 1000)))


def deflate_blocks(answer: Answer) -> Iterator[bytes]:
    """A deflate stream of empty blocks."""
    head = _chunked(answer, "Content-Encoding: deflate\r\n")
    return chain([head, _chunk(b"\x78\x9c")], repeat(_chunk(_EMPTY_BLOCK * 4000)))


def bomb(answer: Answer) -> Iterator[bytes]:
    """Gzip streams that each unpack to a thousand times their size."""
    head = _chunked(answer, "Content-Encoding: gzip\r\n")
    return chain([head], repeat(_chunk(gzip.compress(_BLANKS * 16))))


def _bytewise(answer: Answer, length: int) -> Iterator[bytes]:
    head = _head(answer, f"Content-Length: {length}\r\n\r\n")
    return chain([head], (answer.body[at : at + 1] for at in range(len(answer.body))), repeat(b" "))


def _head(answer: Answer, more: str) -> bytes:
    typed = f"Content-Type: {answer.content_type}\r\n" if answer.content_type else ""
    return f"HTTP/1.1 {answer.status} OK\r\n{typed}{more}".encode()


def _chunked(answer: Answer, more: str = "") -> bytes:
    return _head(answer, f"{more}Transfer-Encoding: chunked\r\n\r\n")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
