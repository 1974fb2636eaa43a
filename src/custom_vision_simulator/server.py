"""The simulator: loopback HTTP servers, in a thread with its own event loop; started and stopped here.

Two listen from the start, for the Training API and its blobs; those of Resource Manager and of the managed identity
only when their addresses are asked for.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from aiohttp import web

from custom_vision_simulator.access import Access
from custom_vision_simulator.account_shapes import account_id
from custom_vision_simulator.accounts import Accounts
from custom_vision_simulator.api_host import Api
from custom_vision_simulator.blob_host import BlobHost
from custom_vision_simulator.faults import Call, Fault, FaultBook
from custom_vision_simulator.fill import Filling, fill
from custom_vision_simulator.host import Host
from custom_vision_simulator.identity import PATH, IdentityHost, Tokens
from custom_vision_simulator.links import Links
from custom_vision_simulator.listening import LOOPBACK, listen
from custom_vision_simulator.records import Options
from custom_vision_simulator.resource_manager import ResourceManager
from custom_vision_simulator.store import Store

Ports = tuple[int, int]


class Simulator:
    """A local simulator of the Custom Vision Training API v3.4-preview, its blob storage and its Azure resource.

    It follows the published contract and recorded sessions; it was never compared with the live service.
    """

    def __init__(self, options: Options | None = None) -> None:
        """Take the options; nothing listens before `start`."""
        self.options = options or Options()
        self.faults = FaultBook()
        self.calls: list[Call] = []
        self.blob_requests: list[Call] = []
        self.resource_manager_calls: list[Call] = []
        self.identity_calls: list[Call] = []
        self._store = Store()
        self._links = Links(self.options)
        self._accounts = Accounts(self.options, self._store)
        self._tokens = Tokens(self.options)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._ports: Ports = (0, 0)
        self._runners: list[web.AppRunner] = []
        self._late_ports: dict[str, int] = {}
        self._opening = threading.Lock()

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
    def resource_manager(self) -> str:
        """Return the base address of Azure Resource Manager, without a trailing slash; raise OSError for its port."""
        return self._late("resource manager", self._manager, self.options.resource_manager_port)

    @property
    def identity_endpoint(self) -> str:
        """Return the address that issues tokens, for the variable IDENTITY_ENDPOINT; raise OSError for its port."""
        return self._late("identity", self._identity, self.options.identity_port) + PATH

    @property
    def identity_header(self) -> str:
        """Return the secret that requests for tokens must send, for the variable IDENTITY_HEADER."""
        return self.options.identity_header

    @property
    def subscription(self) -> str:
        """Return the id of the Azure subscription."""
        return self.options.subscription

    @property
    def resource_id(self) -> str:
        """Return the id of the training resource in Azure."""
        return account_id(self.options, self.options.account_name)

    @property
    def is_deleted(self) -> bool:
        """Return whether the Azure resource is deleted, so that the Training API refuses every call."""
        with self._store.lock:
            self._store.settle()
            return not self._accounts.serves_training()

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
        self._runners, self._late_ports = [], {}
        try:
            api_port = await listen(self._api(), self.options.port, self._runners)
            blob_port = await listen(self._blobs(), self.options.blob_port, self._runners)
            started.set_result((api_port, blob_port))
            await self._stopping.wait()
        finally:
            for runner in self._runners:
                await runner.cleanup()

    def _late(self, name: str, host: Callable[[], Host], port: int) -> str:
        """Return the address of a host that listens from the first time on that it is asked for."""
        with self._opening:
            if name not in self._late_ports:
                if self._loop is None:
                    raise RuntimeError("The simulator is not running")
                opening = listen(host(), port, self._runners)
                self._late_ports[name] = asyncio.run_coroutine_threadsafe(opening, self._loop).result()
        return f"http://{LOOPBACK}:{self._late_ports[name]}"

    def _api(self) -> Host:
        access = Access(self.options, self._accounts, self._tokens)
        return self._host(Api(self._store, self.options, self._links, access), self.calls)

    def _blobs(self) -> Host:
        return self._host(BlobHost(self._store, self.options, self._links), self.blob_requests)

    def _manager(self) -> Host:
        self._accounts.open(self.endpoint)
        return self._host(ResourceManager(self._store, self._accounts, self._tokens), self.resource_manager_calls)

    def _identity(self) -> Host:
        return self._host(IdentityHost(self.options, self._tokens), self.identity_calls)

    def _host(self, answers: Api | BlobHost | ResourceManager | IdentityHost, calls: list[Call]) -> Host:
        named = (answers.name_of, answers.answer, answers.finish, answers.latency)
        return Host(*named, self.training_key, self.faults, calls)
