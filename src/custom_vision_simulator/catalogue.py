"""The faults that anybody can ask for by name: `cv-gdpr simulate --fault NAME`, and the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from custom_vision_simulator import edits, wire
from custom_vision_simulator.answers import Answer
from custom_vision_simulator.faults import API, Fault

_AT_ONCE, _IN_AN_HOUR = {"Retry-After": "0"}, {"Retry-After": "3600"}
_PAGE = "<html><body>Sign in</body></html>"
_ELSEWHERE = {"Location": "https://example.org/"}
_WRONG_MD5 = {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
_GATEWAY = {"error": {"code": "429", "message": "Requests have exceeded rate limit. Please retry after 1 second."}}
_EXPIRED = "<Error><Code>AuthenticationFailed</Code></Error>"
_SHORT_JPEG = b"\xff\xd8\xff\xe0abc"
_HUNG = 600.0  # seconds
_SLOWLY = 0.1  # seconds between two parts


class Entry(NamedTuple):
    """A fault by name, or several at once, and a sentence for a person."""

    name: str
    what: str
    faults: tuple[Fault, ...]


def _at(route: str, name: str, what: str, **how: Any) -> Entry:
    return Entry(name, what, (Fault(route, **{"times": None, **how}),))


def _api(name: str, what: str, **how: Any) -> Entry:
    return _at(API, name, what, **how)


def _blob(name: str, what: str, **how: Any) -> Entry:
    return _at("Blob", f"blob-{name}", what, **how)


def _on_the_wire(entry: Callable[..., Entry]) -> Iterator[Entry]:
    def slow(name: str, what: str, parts: Callable[[Answer], Iterator[bytes]]) -> Entry:
        return entry(f"trickling-{name}", what, wire=parts, pause=_SLOWLY)

    def endless(name: str, what: str, parts: Callable[[Answer], Iterator[bytes]]) -> Entry:
        return entry(f"endless-{name}", what, wire=parts)

    yield slow("status", "A status line comes byte by byte, and has no end.", wire.status)
    yield slow("head", "A header comes byte by byte, and has no end.", wire.header)
    yield slow("continue", "100 Continue comes ten times a second, and nothing else.", wire.interim)
    yield slow("body", "The body comes byte by byte, and has no end.", wire.body)
    yield slow("announced", "A body of a terabyte is announced, and comes byte by byte.", wire.announced)
    yield slow("crawl", "The body comes at a thousand bytes a second, and has no end.", wire.crawl)
    yield slow("chunk", "The extension of a chunk comes byte by byte, and has no end.", wire.chunk_extension)
    yield slow("trailer", "A trailer comes byte by byte after the whole body, and has no end.", wire.trailer)
    yield endless("continue", "100 Continue comes as fast as it can, and nothing else.", wire.interim)
    yield endless("head", "Header comes after header.", wire.headers)
    yield endless("body", "The body has no end.", wire.blanks)
    yield endless("trailer", "Trailer comes after trailer.", wire.trailers)
    yield endless("gzip", "Empty gzip streams follow the packed body, without end.", wire.gzip_members)
    yield endless("deflate", "The body is a deflate stream of empty blocks, without end.", wire.deflate_blocks)
    yield endless("bomb", "The body unpacks to a thousand times its size, and has no end.", wire.bomb)


_ENTRIES = (
    _api("timeout", "Calls are answered 408.", status=408, body=b""),
    _api("throttled", "Calls are answered 429, with an empty body.", status=429, body=b""),
    _api("throttled-told", "Calls are answered 429 with Retry-After: 0.", status=429, body=b"", headers=_AT_ONCE),
    _api("throttled-gateway", "Calls are answered 429 in the gateway's words.", status=429, body=_GATEWAY),
    _api("throttled-hour", "Calls are answered 429 with Retry-After: 3600.", status=429, body=b"", headers=_IN_AN_HOUR),
    _api("error-500", "Calls are answered 500.", status=500),
    _api("error-500-empty", "Calls are answered 500 with an empty body.", status=500, body=b""),
    _api("error-502", "Calls are answered 502 with a page of HTML.", status=502, body=_PAGE),
    _api("error-503", "Calls are answered 503.", status=503),
    _api("error-504", "Calls are answered 504 with a page of HTML.", status=504, body=_PAGE),
    _api("dropped", "The connection is closed without an answer.", drop=True),
    _api("dropped-done", "Calls are carried out, and the connection is closed unanswered.", drop=True, done=True),
    _api("cut", "The body of an answer breaks off after ten bytes.", cut=10),
    _api("cut-at-once", "The body of an answer breaks off before its first byte.", cut=0),
    _api("hung", "Nothing is answered for ten minutes.", delay=_HUNG),
    _api("page", "A page of HTML comes where JSON is due.", status=200, body=_PAGE),
    _api("empty", "Nothing comes where JSON is due.", status=200, body=b""),
    _api("broken-json", "The JSON breaks off, in an answer that is whole.", status=200, body=b'[{"id": "x'),
    _api("redirect", "Calls are redirected to another host.", status=302, headers=_ELSEWHERE),
    _api("unauthorised", "The key is refused: 401.", status=401, body=b""),
    _api("forbidden", "What the key asks for is refused: 403.", status=403, body=b""),
    *_on_the_wire(_api),
    _at("*", "lying-delete", "A DELETE is answered 204, and nothing is done.", lie=True),
    _at("GetImagesByIds", "by-ids-400", "GetImagesByIds is refused: 400.", status=400),
    _at("GetImagesByIds", "by-ids-404", "GetImagesByIds is refused: 404.", status=404),
    _at("GetImagesByIds", "by-ids-414", "GetImagesByIds is refused, its address too long: 414.", status=414, body=b""),
    _at("GetImagesByIds", "by-ids-empty", "GetImagesByIds knows no image: 200, [].", body=[]),
    _at("GetImagesByIds", "by-ids-reordered", "It sorts labels its own way.", edit=edits.reversed_labels),
    _at("QueryPredictions", "endless-predictions", "Each page leads to one more.", edit=edits.one_more_page),
    _at("QueryPredictions", "spellings", "Numbers are spelled in turns.", edit=edits.respelled(("1E-05", "0.00001"))),
    _api("links-plain", "The links to blobs are plain http.", edit=edits.links_to("http://storage.example")),
    _api("links-inside", "The links to blobs lead to 169.254.169.254.", edit=edits.links_to("https://169.254.169.254")),
    _blob("expired", "Blobs are refused as by an expired link: 403.", status=403, body=_EXPIRED),
    _blob("404", "Blobs are not found: 404.", status=404, body=b""),
    _blob("410", "Blobs are gone: 410.", status=410, body=b""),
    _blob("416", "Blobs are refused: 416.", status=416),
    _blob("timeout", "Blobs are answered 408.", status=408, body=b""),
    _blob("throttled", "Blobs are answered 429.", status=429),
    _blob("throttled-told", "Blobs are answered 429 with Retry-After: 0.", status=429, headers=_AT_ONCE),
    _blob("throttled-hour", "Blobs are answered 429 with Retry-After: 3600.", status=429, headers=_IN_AN_HOUR),
    _blob("500", "Blobs are answered 500.", status=500),
    _blob("503", "Blobs are answered 503.", status=503, body=b""),
    _blob("dropped", "The connection is closed without an answer.", drop=True),
    _blob("cut", "A blob breaks off after a hundred bytes.", cut=100),
    _blob("cut-at-once", "A blob breaks off before its first byte.", cut=0),
    _blob("hung", "No blob is answered for ten minutes.", delay=_HUNG),
    _blob("altered", "Blobs have other bytes than their Content-MD5 says.", headers=_WRONG_MD5),
    _blob("short", "Blobs have fewer bytes than their Content-MD5 says.", body=_SHORT_JPEG, headers=_WRONG_MD5),
    _blob("empty", "Blobs are empty.", status=200, body=b"", content_type="image/jpeg"),
    _blob("page", "A page of HTML comes where a blob is due.", status=200, body=_PAGE),
    _blob("no-content", "Blobs are answered 204.", status=204, body=b""),
    _blob("part", "A part comes where the whole blob is due: 206.", status=206, body=b"part"),
    _blob("redirect", "Blobs are redirected to another host.", status=302, headers=_ELSEWHERE),
    _blob("gzip", "Blobs are packed: Content-Encoding: gzip.", edit=edits.gzipped),
    _blob("deflate", "Blobs are packed: Content-Encoding: deflate.", edit=edits.deflated),
    _blob("broken-gzip", "Blobs are packed, and what is packed breaks off.", edit=edits.broken_gzip),
    _blob("unknown-encoding", "Blobs are packed in a way that nobody knows.", edit=edits.unknown),
    *_on_the_wire(_blob),
)
CATALOGUE = {entry.name: entry for entry in _ENTRIES}


def faults(name: str, **changed: Any) -> list[Fault]:
    """Give the faults of that name, some of their fields changed (`route`, `times`, `after`, `match`).

    They last unless `times` is given. Raises KeyError for an unknown name.
    """
    return [replace(fault, **changed) for fault in CATALOGUE[name].faults]
