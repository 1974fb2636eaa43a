"""One HTTP host: receives requests, records them, applies faults and sends the answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from custom_vision_simulator.answers import Answer, empty
from custom_vision_simulator.faults import NO_FAULT, Call, Fault, FaultBook

# What aiohttp raises for a form without its boundary, a part with a broken header, and a broken content coding.
_UNREADABLE = (ValueError, AssertionError, RuntimeWarning, HttpProcessingError, web.RequestPayloadError)
_BUFFER_MOST = 1 << 20  # bytes a connection may buffer before more are written to it


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request, fully read; `query` is decoded, `files` are the (name, bytes) pairs of a multipart form.

    `malformed` says why a body could not be read, and is empty for any other request.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    files: tuple[tuple[str, bytes], ...]
    malformed: str = ""


@dataclass
class Host:
    """An HTTP host; its fields are what differs between the API host and the blob host."""

    name_of: Callable[[str, str], str]
    answer: Callable[[Incoming], Answer]
    finish: Callable[[Answer], Answer]
    latency: Callable[[], float]
    key: str
    faults: FaultBook
    calls: list[Call]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Receive one request and answer it, with the fault that fires for it."""
        target = request.raw_path
        path, _, text = target.partition("?")
        call = self._call(request, path, parse_query(text))
        fault = self.faults.take(call.operation, request.method, target)
        incoming = await receive(request, path, call.query)
        if pause := self.latency() + fault.delay:
            await asyncio.sleep(pause)
        if fault.drop:
            return self._dropped(request, fault, incoming)
        answer = self.finish(self._outcome(fault, incoming))
        call.status = answer.status
        if fault.wire:
            return await send_raw(request, fault.wire(answer), fault.pause)
        return await send(request, answer, fault.cut)

    def _call(self, request: web.Request, path: str, query: dict[str, str]) -> Call:
        key_ok = request.headers.get("Training-Key") == self.key
        name = self.name_of(request.method, path)
        call = Call(name, request.method, path, query, time.monotonic(), key_ok, request.headers)
        self.calls.append(call)
        return call

    def _outcome(self, fault: Fault, incoming: Incoming) -> Answer:
        if fault.late is not None:
            asyncio.get_running_loop().call_later(fault.late, self.answer, incoming)
        if fault.lie or fault.late is not None:
            return _lie(incoming)
        replacement = fault.replacement()
        if replacement is None:
            return fault.dress(self.answer(incoming)) if fault is not NO_FAULT else self.answer(incoming)
        if fault.done:
            self.answer(incoming)
        return replacement

    def _dropped(self, request: web.Request, fault: Fault, incoming: Incoming) -> web.Response:
        if fault.done:
            self.answer(incoming)
        close(request)
        return web.Response()


def _lie(incoming: Incoming) -> Answer:
    later = any(incoming.query.get(flag, "").lower() == "true" for flag in ("allImages", "allIterations"))
    return empty(202 if later else 204)


def parse_query(text: str) -> dict[str, str]:
    """Return the decoded parameters of a query; values of a repeated one are joined by commas."""
    query: dict[str, str] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        query[key] = f"{query[key]},{value}" if key in query else value
    return query


async def receive(request: web.Request, path: str, query: Mapping[str, str]) -> Incoming:
    """Read the whole request, a multipart form into its parts."""
    body, malformed = b"", ""
    files: tuple[tuple[str, bytes], ...] = ()
    try:
        if request.content_type.startswith("multipart/"):
            files = await _parts(request)
        elif request.can_read_body:
            body = await request.read()
    except _UNREADABLE as error:
        malformed = f"The body cannot be read: {error}"
    return Incoming(request.method, path, query, request.headers, body, files, malformed)


async def _parts(request: web.Request) -> tuple[tuple[str, bytes], ...]:
    reader = await request.multipart()
    parts = []
    while (part := await reader.next()) is not None:
        if isinstance(part, BodyPartReader):
            parts.append((part.filename or "", bytes(await part.read())))
    return tuple(parts)


def close(request: web.Request) -> None:
    """Close the connection of a request after all written bytes are sent."""
    if request.transport is not None:
        request.transport.close()


async def send(request: web.Request, answer: Answer, cut: int | None) -> web.StreamResponse:
    """Send an answer; with `cut`, its true headers and only that many bytes of its body."""
    headers = dict(answer.headers)
    if answer.content_type:
        headers["Content-Type"] = answer.content_type
    if cut is None:
        return web.Response(status=answer.status, body=answer.body, headers=headers)
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(answer.body)
    writer = await response.prepare(request)
    if writer is not None:
        writer.send_headers()
    await response.write(answer.body[:cut])
    close(request)
    return response


async def send_raw(request: web.Request, parts: Iterable[bytes], pause: float) -> web.StreamResponse:
    """Send raw bytes, `pause` seconds between two parts, until they end or the connection closes."""
    for part in parts:
        transport = request.transport
        if transport is None or transport.is_closing():
            break
        transport.write(part)
        await asyncio.sleep(pause)
        while request.transport and transport.get_write_buffer_size() > _BUFFER_MOST:
            await asyncio.sleep(0.001)
    close(request)
    return web.Response()
