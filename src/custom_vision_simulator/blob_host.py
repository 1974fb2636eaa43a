"""The blob host: serves blobs through signed links, with errors worded as Azure Storage words them."""

from __future__ import annotations

import re
import uuid
from base64 import b64encode
from email.utils import format_datetime
from hashlib import md5
from xml.sax.saxutils import escape

from custom_vision_simulator.answers import Answer
from custom_vision_simulator.blobs import Blob, find_blob
from custom_vision_simulator.host import Incoming
from custom_vision_simulator.links import Links
from custom_vision_simulator.records import Options
from custom_vision_simulator.store import Store, now

AUTHENTICATION = (
    "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
    "including the signature."
)
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class BlobHost:
    """Answers blob requests from a store."""

    def __init__(self, store: Store, options: Options, links: Links) -> None:
        """Take the store of the blobs, the options and the links that check signatures."""
        self._store = store
        self._options = options
        self._links = links

    def name_of(self, method: str, path: str) -> str:
        """Return "Blob", the operation name of every request to this host."""
        del method, path
        return "Blob"

    def answer(self, incoming: Incoming) -> Answer:
        """Return the blob or the requested range; 403 for a bad or expired link, 404 for a missing blob."""
        if incoming.method not in {"GET", "HEAD"}:
            return storage_error(405, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb.")
        if refusal := self._links.refusal(incoming.path, incoming.query):
            return storage_error(403, "AuthenticationFailed", AUTHENTICATION, refusal)
        with self._store.lock:
            self._store.settle()
            blob = find_blob(self._store, incoming.path)
        if blob is None:
            return storage_error(404, "BlobNotFound", "The specified blob does not exist.")
        return _ranged(blob, incoming.headers.get("Range", ""))

    def finish(self, answer: Answer) -> Answer:
        """Return the answer with the headers that Azure Storage puts on every answer."""
        common = {"x-ms-request-id": str(uuid.uuid4()), "x-ms-version": "2017-04-17"}
        return Answer(answer.status, answer.body, answer.content_type, {**common, **answer.headers})

    def latency(self) -> float:
        """Return the seconds to wait before each answer."""
        return self._options.blob_latency


def _ranged(blob: Blob, wanted: str) -> Answer:
    matched, size = _RANGE.fullmatch(wanted), len(blob.data)
    headers = {"Accept-Ranges": "bytes", "Last-Modified": format_datetime(blob.created, usegmt=True)}
    headers |= {"x-ms-blob-type": "BlockBlob"}
    if matched is None:
        headers["Content-MD5"] = _md5(blob.data)
        return Answer(200, blob.data, blob.content_type, headers)
    first, last = int(matched[1]), min(int(matched[2] or size), size - 1)
    if first > last:
        return storage_error(
            416, "InvalidRange", "The range specified is invalid for the current size of the resource."
        )
    headers |= {"Content-Range": f"bytes {first}-{last}/{size}", "x-ms-blob-content-md5": _md5(blob.data)}
    return Answer(206, blob.data[first : last + 1], blob.content_type, headers)


def _md5(data: bytes) -> str:
    return b64encode(md5(data, usedforsecurity=False).digest()).decode()


def storage_error(status: int, code: str, message: str, detail: str = "") -> Answer:
    """Return an error in the XML form of Azure Storage, which starts with a byte order mark."""
    text = f"{message}\nRequestId:{uuid.uuid4()}\nTime:{now().isoformat()}"
    more = f"<AuthenticationErrorDetail>{escape(detail)}</AuthenticationErrorDetail>" if detail else ""
    error = f"<Error><Code>{code}</Code><Message>{escape(text)}</Message>{more}</Error>"
    body = f'\ufeff<?xml version="1.0" encoding="utf-8"?>{error}'.encode()
    return Answer(status, body, "application/xml", {"x-ms-error-code": code})
