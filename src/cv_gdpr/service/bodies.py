"""Writes an answer's body to a file: decompressed, limited in size, checked against its announced length and MD5.

Azure Storage does not compute a blob's Content-MD5 again: it returns what the uploader set, and it stays when the
blob's content is replaced by one that sets none. So bytes that differ from it are kept if a second try brings the same.
"""

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterator

from cv_gdpr.archive.flags import EMPTY, MD5_DIFFERS, MD5_HEXADECIMAL, joined
from cv_gdpr.archive.writing import HashedFile, Received, storing
from cv_gdpr.errors import Doubtful, ServiceError
from cv_gdpr.service import shortfalls
from cv_gdpr.service.checks import Pace, check_bytes

_AS_SENT = frozenset({"", "identity"})
_GZIP = frozenset({"gzip", "x-gzip"})  # RFC 9110, section 8.4.1.3: equivalent
_DEFLATE = "deflate"
_KNOWN = frozenset({"br", "zstd", "compress", "x-compress"})
_DOUBTS = {EMPTY: shortfalls.EMPTY, MD5_DIFFERS: shortfalls.OTHER_MD5}
_PART = 1 << 18  # bytes decompressed at once, at most


class _Unpacking:
    """Decompresses a body part by part; raises ServiceError for a Content-Encoding that is not gzip or deflate."""

    def __init__(self, source: str, coding: str) -> None:
        if coding not in _GZIP and coding != _DEFLATE:
            named = coding if coding in _KNOWN else "unknown"  # never quotes arbitrary text
            raise ServiceError(shortfalls.CODING % {"source": source, "coding": named})
        self._source = source
        self._gzip = coding in _GZIP
        self._stream: zlib._Decompress | None = None
        self._held = b""  # until the first two bytes are there

    def parts(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the decompressed chunk, in parts of at most 256 KiB; raise ServiceError if it is damaged."""
        chunk = self._held + chunk
        if self._stream is None:
            self._held = b"" if len(chunk) > 1 else chunk
            if self._held:
                return
            self._stream = self._begun(chunk)
        part = b""
        while chunk or (len(part) == _PART and not self._stream.eof):  # zlib may hold more output
            if self._stream.eof:
                if not self._gzip:
                    raise self._damaged("data follows its end")
                self._stream = self._begun(chunk)  # gzip streams may follow each other (RFC 1952, section 2.2)
            try:
                part = self._stream.decompress(chunk, _PART)
            except zlib.error:
                raise self._damaged("it cannot be decompressed") from None
            if part:
                yield part
            chunk = self._stream.unconsumed_tail or self._stream.unused_data

    def _begun(self, chunk: bytes) -> "zlib._Decompress":
        if self._gzip:
            return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        # Some servers send the deflate stream without its zlib frame (RFC 9110, section 8.4.1.2).
        framed = chunk[0] & 15 == zlib.DEFLATED and int.from_bytes(chunk[:2]) % 31 == 0
        return zlib.decompressobj(wbits=zlib.MAX_WBITS if framed else -zlib.MAX_WBITS)

    def end(self) -> None:
        """Raise ServiceError unless the compressed body is complete."""
        if self._stream is None or not self._stream.eof:
            raise self._damaged("it breaks off")

    def _damaged(self, how: str) -> ServiceError:
        return ServiceError(shortfalls.DAMAGED % {"source": self._source, "how": how}, transient=True)


class Body:
    """The body of a blob, written to a file as it arrives; `header` returns a header of the answer, or an empty text.

    `pace` counts the bytes written; `most` limits them, compressed and decompressed. `doubted` holds the SHA-256 of
    doubtful bytes that earlier tries of the same blob brought. Raises ServiceError for an unsupported Content-Encoding,
    and for an announced length above `most`.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - an answer, and the blob's limits and history
        self,
        source: str,
        file: HashedFile,
        header: Callable[[str], str],
        pace: Pace,
        most: int,
        doubted: set[str],
    ) -> None:
        self._source = source
        self._file = file
        self._header = header
        self._pace = pace
        self._most = most
        self._doubted = doubted
        self._sent = 0
        self._announced = _length(header("content-length"))
        if self._announced is not None and self._announced > most:
            raise too_long(source, most)
        self._announced_md5 = header("content-md5")
        self._md5 = hashlib.md5(usedforsecurity=False) if self._announced_md5 else None
        coding = header("content-encoding").lower()
        self._unpacking = None if coding in _AS_SENT else _Unpacking(source, coding)

    def take(self, chunk: bytes) -> None:
        """Write a part; raise ServiceError beyond `most` bytes, and OSError if the disk fails."""
        self._sent += len(chunk)
        if self._sent > self._most:
            raise too_long(self._source, self._most)
        if self._md5:
            self._md5.update(chunk)
        if self._unpacking is None:
            self._pace.came += len(chunk)
            self._file.write(chunk)
            return
        for part in self._unpacking.parts(chunk):
            self._pace.came += len(part)
            if self._pace.came > self._most:
                raise too_long(self._source, self._most)
            self._file.write(part)

    def received(self) -> Received:
        """Return the complete file; raise ServiceError if it is not as announced, StorageError if the disk fails.

        Raise Doubtful for empty bytes and for bytes that differ from their MD5, unless an earlier try brought the same.
        """
        self._check_length()
        if self._unpacking:
            self._unpacking.end()
        with storing("the export folder"):
            file = self._file.received()
        check_bytes(self._source, file, self._header("content-type"))
        return self._flagged(file)

    def _flagged(self, file: Received) -> Received:
        flags = [flag for flag in ("" if file.size else EMPTY, self._md5_flag()) if flag]
        doubts = [_DOUBTS[flag] for flag in flags if flag in _DOUBTS]
        if doubts and file.sha256 not in self._doubted:
            self._doubted.add(file.sha256)
            raise Doubtful("; ".join(doubt % {"source": self._source} for doubt in doubts), transient=True)
        return file._replace(flag=joined(flags))

    def _md5_flag(self) -> str:
        """Return a flag unless the announced MD5 is that of the bytes as sent, before decompression."""
        if not self._md5 or base64.b64encode(self._md5.digest()).decode() == self._announced_md5:
            return ""
        return MD5_HEXADECIMAL if self._md5.hexdigest() == self._announced_md5.lower() else MD5_DIFFERS

    def _check_length(self) -> None:
        if self._announced is None and self._header("transfer-encoding").lower() != "chunked":
            raise ServiceError(shortfalls.WITHOUT_LENGTH % {"source": self._source}, transient=True)
        if self._header("content-range"):
            raise ServiceError(shortfalls.A_PART % {"source": self._source}, transient=True)
        if self._announced is not None and self._announced != self._sent:
            values = {"source": self._source, "sent": self._sent, "announced": self._announced}
            raise ServiceError(shortfalls.OTHER_LENGTH % values, transient=True)


def _length(written: str) -> int | None:
    written, *others = {part.strip() for part in written.split(",")}  # equal repeats count once (RFC 9110, 8.6)
    return int(written) if not others and written.isascii() and written.isdecimal() and len(written) < 20 else None


def too_long(source: str, most: int) -> ServiceError:
    """Return the error for a body that is longer than any item of the service can be."""
    return ServiceError(shortfalls.TOO_LONG % {"source": source, "number": most >> 20})
