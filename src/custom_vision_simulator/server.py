"""The simulator: two loopback HTTP servers, in a thread with its own event loop; started and stopped here."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from aiohttp import web

from custom_vision_simulator.api_host import Api
from custom_vision_simulator.blob_host import BlobHost
from custom_vision_simulator.faults import Call, Fault, FaultBook
from custom_vision_simulator.fill import Filling, fill
from custom_vision_simulator.host import Host
from custom_vision_simulator.links import Links
from custom_vision_simulator.records import Options
from custom_vision_simulator.store import Store

LOOPBACK = "127.0.0.1"
BACKLOG = 1024
SHUTDOWN_SECONDS = 0.2
BODY_MAX = 1 << 30
SEND_BUFFER = 1 << 20
LINE_MAX = 1 << 16
Ports = tuple[int, int]


class Simulator:
    """A local simulator of the Custom Vision Training API v3.4-preview and its blob storage.

    It follows the published contract and recorded sessions; it was never compared with the live service.
    """

    def __init__(self, options: Options | None = None) -> None:
        """Take the options; nothing listens before `start`."""
        self.options = options or Options()
        self.faults = FaultBook()
        self.calls: list[Call] = []
        self.blob_requests: list[Call] = []
        self._store = Store()
        self._links = Links(self.options)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._ports: Ports = (0, 0)

    @property
    def training_key(self) -> str:
        """Return the key that API requests must send."""
        return self.options.training_key

    @property
    def endpoint(self) -> str:
        """Return the base address of the API, without a trailing slash."""
        return f"http://{LOOPBACK}:{self._ports[0]}"

    @property
    def blob_host(self) -> str:
        """Return the base address of the blob host, without a trailing slash."""
        return f"http://{LOOPBACK}:{self._ports[1]}"

    @property
    def store(self) -> Store:
        """Return the state, after applying every change that is due."""
        self._store.settle()
        return self._store

    def fault(self, fault: Fault) -> None:
        """Arm a fault."""
        self.faults.append(fault)

    def clear_faults(self) -> None:
        """Disarm all faults."""
        self.faults.clear()

    def fill(  # noqa: PLR0913, PLR0917 - the amounts are the interface
        self,
        projects: int = 1,
        images: int = 5000,
        image_bytes: int = 20_000,
        untagged: int = 0,
        tags: int = 3,
        iterations: int = 0,
        predictions: int = 0,
        regions: int = 0,
        seed: int = 0,
    ) -> list[str]:
        """Add made-up projects and return their ids; amounts are for each project, `regions` for each tagged image."""
        amounts = Filling(projects, images, image_bytes, untagged, tags, iterations, predictions, regions, seed)
        return fill(self._store, amounts)

    def start(self) -> None:
        """Listen on both ports; raise OSError when a port is taken."""
        if self._thread is not None:
            raise RuntimeError("The simulator is already running")
        started: Future[Ports] = Future()
        thread = threading.Thread(target=self._run, args=(started,), name="simulator", daemon=True)
        thread.start()
        try:
            self._ports = started.result()
        except OSError:
            thread.join()
            raise
        self._thread = thread
        self._links.base = self.blob_host

    def stop(self) -> None:
        """Close all connections and both ports; do nothing when not running."""
        if self._thread is None or self._loop is None or self._stopping is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = self._loop = self._stopping = None

    def __enter__(self) -> Self:
        """Start, and return the simulator."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _run(self, started: Future[Ports]) -> None:
        try:
            asyncio.run(self._serve(started))
        except OSError as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _serve(self, started: Future[Ports]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        runners: list[web.AppRunner] = []
        try:
            api_port = await _listen(self._api(), self.options.port, runners)
            blob_port = await _listen(self._blobs(), self.options.blob_port, runners)
            started.set_result((api_port, blob_port))
            await self._stopping.wait()
        finally:
            for runner in runners:
                await runner.cleanup()

    def _api(self) -> Host:
        api = Api(self._store, self.options, self._links)
        key, calls = self.training_key, self.calls
        return Host(api.name_of, api.answer, api.finish, api.latency, key, self.faults, calls)

    def _blobs(self) -> Host:
        blobs = BlobHost(self._store, self.options, self._links)
        key, calls = self.training_key, self.blob_requests
        return Host(blobs.name_of, blobs.answer, blobs.finish, blobs.latency, key, self.faults, calls)


async def _listen(host: Host, port: int, runners: list[web.AppRunner]) -> int:
    application = web.Application(client_max_size=BODY_MAX)
    application.router.add_route("*", "/{tail:.*}", host.handle)
    application.on_response_prepare.append(_remove_server_header)
    # A query of 256 ids makes a request line of 9.5 kB.
    runner = web.AppRunner(
        application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, max_line_size=LINE_MAX, max_field_size=LINE_MAX
    )
    runners.append(runner)
    await runner.setup()
    listener = _listener(port)
    await web.SockSite(runner, listener, backlog=BACKLOG).start()
    return int(listener.getsockname()[1])


def _listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # A whole page fits, so that sending it never waits for a client in the same process.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    try:
        listener.bind((LOOPBACK, port))
    except OSError:
        listener.close()
        raise
    return listener


async def _remove_server_header(_request: web.Request, response: web.StreamResponse) -> None:
    # aiohttp would add a Server header; the service sends none (recorded sessions).
    response.headers.pop("Server", None)
