"""Sets a deadline for each answer of the API as a whole, head and body: the timeouts of requests only bound each read.

A byte a second, or endless interim answers, would keep requests waiting forever. Here the answer reads its socket
through a gauge, installed at the extension points of requests, urllib3 and http.client: an adapter, the classes of its
pools and connections, and their `response_class`, which also reads a proxy's answer to CONNECT.
"""

import http.client
import io
import math
import socket
import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connectionpool import HTTPConnectionPool

from cv_gdpr.platforms.waiting import until_readable
from cv_gdpr.service.checks import Pace


class _Gauge(io.RawIOBase):
    """Reads from a socket; raises TimeoutError when its answer is too slow."""

    def __init__(self, raw: io.RawIOBase, answer: "_Answer") -> None:
        self._raw = raw
        self._answer = answer

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._answer.pace.is_late(time.monotonic()):
            raise TimeoutError("the answer is too slow")
        self._answer.until_readable()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer with a deadline for its head and, after that, a `Pace` for its body."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._socket = sock
        self._silence = sock.gettimeout() or math.inf
        self.pace = Pace(self._silence)
        self.fp = io.BufferedReader(_Gauge(self.fp.detach(), self))

    def until_readable(self) -> None:
        """Wait for bytes in a way that Ctrl-C ends."""
        until_readable(self._socket, self._socket.gettimeout())

    def begin(self) -> None:
        super().begin()
        self.pace = Pace(self._silence)


def pace_of(response: requests.Response) -> Pace:
    """Return the pace of an answer, for its reader to count useful bytes; a recording gets one that is never late."""
    answer = getattr(response.raw, "_original_response", None)
    return answer.pace if isinstance(answer, _Answer) else Pace(math.inf)


class Adapter(HTTPAdapter):
    """The adapter of requests, with a deadline for every answer."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        _gauge(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> PoolManager:
        """Return the pools of the connections through a proxy."""
        manager: PoolManager = super().proxy_manager_for(proxy, **kwargs)
        _gauge(manager)
        return manager


def _gauge(manager: PoolManager) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _gauged(pool) for scheme, pool in pools.items()}


def _gauged(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Return a pool class whose connections read answers as `_Answer`; leave a test recorder's pool class unchanged."""
    connection = pool.ConnectionCls
    if getattr(connection, "response_class", None) is not http.client.HTTPResponse:
        return pool
    connection = type(connection.__name__, (connection,), {"response_class": _Answer})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})
