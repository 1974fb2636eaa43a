"""The session of requests below the SDK: no retries, no redirects, and bodies that are read up to a limit."""

from collections.abc import Iterator
from typing import Any

import requests
from urllib3 import HTTPResponse, Retry
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

from cv_gdpr.errors import AnswerTooLong
from cv_gdpr.service.deadlines import Adapter, pace_of

_CHUNK = 1 << 18
_LONGEST = 32 << 20  # bytes of an answer; a page of 256 images with 300 regions each takes 20 MB
_NO_RETRY = Retry(0, read=False)


def parts(response: requests.Response, *, unpacked: bool) -> Iterator[bytes]:
    """Yield a body as it arrives; raise RequestException, also for one that is too slow (`deadlines`).

    `Response.iter_content` waits until a part is full: at a byte a second, for days.
    """
    if not isinstance(response.raw, HTTPResponse):  # a recording: it is complete at once
        yield from response.iter_content(_CHUNK)
        return
    try:
        while part := response.raw.read1(_CHUNK, decode_content=unpacked):
            yield part
    except DecodeError as error:
        raise requests.exceptions.ContentDecodingError(error) from None
    except ReadTimeoutError as error:
        raise requests.ReadTimeout(error) from None
    except HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from None


def configured(session: requests.Session, *_: Any, **settings: Any) -> dict[str, Any]:
    """Switch off the SDK's retries, which would multiply ours; msrest calls this before each request."""
    if not isinstance(session.get_adapter("https://"), Adapter):
        session.mount("https://", Adapter())
        session.mount("http://", Adapter())
    for adapter in session.adapters.values():
        adapter.max_retries = _NO_RETRY  # type: ignore[attr-defined]
    # msrest disables redirects with a list where requests needs an iterator, which fails for a DELETE.
    session.resolve_redirects = lambda *_, **__: iter(())  # type: ignore[method-assign]
    session.hooks["response"] = [_read_bounded]
    return settings


def _read_bounded(response: requests.Response, **settings: Any) -> None:
    """Read a body unless it is streamed, up to a limit, so that a compressed one cannot fill the memory."""
    if settings.get("stream"):
        return
    body, pace = bytearray(), pace_of(response)
    for chunk in parts(response, unpacked=True):
        pace.came += len(chunk)
        body += chunk
        if len(body) > _LONGEST:
            response.close()
            raise AnswerTooLong(
                f"the service answered with more than {_LONGEST >> 20} MiB", status=response.status_code
            )
    response._content = bytes(body)  # returned by `response.content` from now on
