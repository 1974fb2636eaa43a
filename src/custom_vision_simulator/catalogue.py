"""The faults with names, for `cv-gdpr simulate --fault NAME` and for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from custom_vision_simulator import azure_faults, edits, wire
from custom_vision_simulator.answers import Answer
from custom_vision_simulator.faults import API, Fault

_AT_ONCE, _IN_AN_HOUR = {"Retry-After": "0"}, {"Retry-After": "3600"}
_PAGE = "<html><body>Sign in</body></html>"
_ELSEWHERE = {"Location": "https://example.org/"}
_WRONG_MD5 = {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
_GATEWAY = {"error": {"code": "429", "message": "Requests have exceeded rate limit. Please retry after 1 second."}}
_EXPIRED = "<Error><Code>AuthenticationFailed</Code></Error>"
_SHORT_JPEG = b"\xff\xd8\xff\xe0abc"
_UNPUBLISHED_LATE = "UnpublishIteration is answered 204, and takes effect seconds later."
_OF_ITERATIONS = "GetTaggedImages is answered 500 for every iteration, and works for workspaces."
_HUNG = 600.0  # seconds
_SECONDS = 3.0
_SLOWLY = 0.1  # seconds between two parts


class Entry(NamedTuple):
    """A name, a sentence that describes it, and the faults that it arms."""

    name: str
    what: str
    faults: tuple[Fault, ...]


def _at(route: str, name: str, what: str, *, beside: tuple[Fault, ...] = (), **how: Any) -> Entry:
    """Return an entry of a fault; `beside` are faults that belong to it."""
    return Entry(name, what, (Fault(route, **{"times": None, **how}), *beside))


def _api(name: str, what: str, **how: Any) -> Entry:
    return _at(API, name, what, **how)


def _blob(name: str, what: str, **how: Any) -> Entry:
    return _at("Blob", f"blob-{name}", what, **how)


def _raw_answers(entry: Callable[..., Entry]) -> Iterator[Entry]:
    def slow(name: str, what: str, parts: Callable[[Answer], Iterator[bytes]]) -> Entry:
        return entry(f"trickling-{name}", what, wire=parts, pause=_SLOWLY)

    def endless(name: str, what: str, parts: Callable[[Answer], Iterator[bytes]]) -> Entry:
        return entry(f"endless-{name}", what, wire=parts)

    yield slow("status", "An answer is an endless status line, byte by byte.", wire.status)
    yield slow("head", "An answer has an endless header, byte by byte.", wire.header)
    yield slow("continue", "A call is answered only 100 Continue, ten times a second.", wire.interim)
    yield slow("body", "An answer has an endless body, byte by byte.", wire.body)
    yield slow("announced", "An answer announces a body of a terabyte, and sends it byte by byte.", wire.announced)
    yield slow("crawl", "An answer has an endless body, a thousand bytes a second.", wire.crawl)
    yield slow("chunk", "An answer has an endless chunk extension, byte by byte.", wire.chunk_extension)
    yield slow("trailer", "An answer has its whole body, then an endless trailer, byte by byte.", wire.trailer)
    yield endless("continue", "A call is answered only 100 Continue, as fast as possible.", wire.interim)
    yield endless("head", "An answer sends header after header, endlessly.", wire.headers)
    yield endless("body", "An answer has an endless body.", wire.blanks)
    yield endless("trailer", "An answer has its whole body, then trailer after trailer, endlessly.", wire.trailers)
    yield endless("gzip", "An answer has its body in gzip, then empty gzip streams, endlessly.", wire.gzip_members)
    yield endless("deflate", "An answer is an endless deflate stream of empty blocks.", wire.deflate_blocks)
    yield endless("bomb", "An answer is an endless gzip body that unpacks to a thousand times its size.", wire.bomb)


_ENTRIES = (
    _api("timeout", "Calls are answered 408.", status=408, body=b""),
    _api("throttled", "Calls are answered 429, with an empty body.", status=429, body=b""),
    _api("throttled-told", "Calls are answered 429 with Retry-After: 0.", status=429, body=b"", headers=_AT_ONCE),
    _api("throttled-gateway", "Calls are answered 429 with the gateway's message.", status=429, body=_GATEWAY),
    _api("throttled-hour", "Calls are answered 429 with Retry-After: 3600.", status=429, body=b"", headers=_IN_AN_HOUR),
    _api("error-500", "Calls are answered 500.", status=500),
    _api("error-500-empty", "Calls are answered 500 with an empty body.", status=500, body=b""),
    _api("error-502", "Calls are answered 502 with an HTML page.", status=502, body=_PAGE),
    _api("error-503", "Calls are answered 503.", status=503),
    _api("error-504", "Calls are answered 504 with an HTML page.", status=504, body=_PAGE),
    _api("dropped", "The connection is closed without an answer.", drop=True),
    _api("dropped-done", "Calls are executed, then the connection is closed without an answer.", drop=True, done=True),
    _api("cut", "The body of an answer breaks off after ten bytes.", cut=10),
    _api("cut-at-once", "The body of an answer breaks off before its first byte.", cut=0),
    _api("hung", "Each call is answered after ten minutes.", delay=_HUNG),
    _api("page", "The answer is an HTML page instead of JSON.", status=200, body=_PAGE),
    _api("empty", "The answer is empty instead of JSON.", status=200, body=b""),
    _api("broken-json", "The answer is complete, but its JSON breaks off.", status=200, body=b'[{"id": "x'),
    _api("redirect", "Calls are redirected to another host.", status=302, headers=_ELSEWHERE),
    _api("unauthorised", "Calls are answered 401: the key is refused.", status=401, body=b""),
    _api("forbidden", "Calls are answered 403: the key lacks permission.", status=403, body=b""),
    *_raw_answers(_api),
    _at("*", "lying-delete", "Every DELETE is answered 204, but nothing is deleted.", lie=True),
    _at("UnpublishIteration", "unpublish-late", _UNPUBLISHED_LATE, late=_SECONDS),
    _at("GetTags", "tags-403", "GetTags is answered 403.", status=403, body=b""),
    _at("GetIterationPerformance", "performance-500", "GetIterationPerformance is answered 500.", status=500),
    _at("GetTaggedImages", "iteration-images-500", _OF_ITERATIONS, status=500, match="iterationId="),
    _at("GetImagesByIds", "by-ids-400", "GetImagesByIds is answered 400.", status=400),
    _at("GetImagesByIds", "by-ids-404", "GetImagesByIds is answered 404.", status=404),
    _at("GetImagesByIds", "by-ids-414", "GetImagesByIds is answered 414: URI too long.", status=414, body=b""),
    _at("GetImagesByIds", "by-ids-empty", "GetImagesByIds finds no image: 200, [].", body=[]),
    _at(
        "GetImagesByIds",
        "by-ids-reordered",
        "GetImagesByIds returns labels in reverse order.",
        edit=edits.reversed_labels,
    ),
    _at(
        "QueryPredictions",
        "endless-predictions",
        "Every page of QueryPredictions has a continuation.",
        edit=edits.one_more_page,
    ),
    _at(
        "QueryPredictions",
        "spellings",
        "QueryPredictions spells the same number in two ways, alternately.",
        edit=edits.respelled(("1E-05", "0.00001")),
    ),
    _api("links-plain", "Links to blobs are plain http.", edit=edits.links_to("http://storage.example")),
    _api("links-inside", "Links to blobs lead to 169.254.169.254.", edit=edits.links_to("https://169.254.169.254")),
    _blob("expired", "Blobs are answered 403, as for an expired link.", status=403, body=_EXPIRED),
    _blob("404", "Blobs are answered 404: not found.", status=404, body=b""),
    _blob("410", "Blobs are answered 410: gone.", status=410, body=b""),
    _blob("416", "Blobs are answered 416.", status=416),
    _blob("timeout", "Blobs are answered 408.", status=408, body=b""),
    _blob("throttled", "Blobs are answered 429.", status=429),
    _blob("throttled-told", "Blobs are answered 429 with Retry-After: 0.", status=429, headers=_AT_ONCE),
    _blob("throttled-hour", "Blobs are answered 429 with Retry-After: 3600.", status=429, headers=_IN_AN_HOUR),
    _blob("500", "Blobs are answered 500.", status=500),
    _blob("503", "Blobs are answered 503.", status=503, body=b""),
    _blob("dropped", "The connection is closed without an answer.", drop=True),
    _blob("cut", "A blob breaks off after a hundred bytes.", cut=100),
    _blob("cut-at-once", "A blob breaks off before its first byte.", cut=0),
    _blob("hung", "Each blob is answered after ten minutes.", delay=_HUNG),
    _blob("altered", "Blobs do not match their Content-MD5.", headers=_WRONG_MD5),
    _blob("short", "Blobs are cut: their Content-MD5 does not match.", body=_SHORT_JPEG, headers=_WRONG_MD5),
    _blob("empty", "Blobs are empty.", status=200, body=b"", content_type="image/jpeg"),
    _blob("page", "The answer is an HTML page instead of a blob.", status=200, body=_PAGE),
    _blob("no-content", "Blobs are answered 204.", status=204, body=b""),
    _blob("part", "Blobs are answered 206, with a part of the blob.", status=206, body=b"part"),
    _blob("redirect", "Blobs are redirected to another host.", status=302, headers=_ELSEWHERE),
    _blob("gzip", "Blobs are sent with Content-Encoding: gzip.", edit=edits.gzipped),
    _blob("deflate", "Blobs are sent with Content-Encoding: deflate.", edit=edits.deflated),
    _blob("broken-gzip", "Blobs are sent in gzip that breaks off.", edit=edits.broken_gzip),
    _blob("unknown-encoding", "Blobs are sent with an unknown Content-Encoding.", edit=edits.unknown),
    *_raw_answers(_blob),
    *azure_faults.entries(_at),
)
CATALOGUE = {entry.name: entry for entry in _ENTRIES}


def faults(name: str, **changed: Any) -> list[Fault]:
    """Return the faults of that name, with some of their fields changed; raise KeyError for an unknown name.

    `changed` may set `route`, `times`, `after`, `match` and `within`; without `times` the faults fire every time.
    """
    return [replace(fault, **changed) for fault in CATALOGUE[name].faults]
