"""Answers of the API have a deadline as a whole, head and body alike: requests' timeouts count from byte to byte.

A byte a second, or interim answers without end, would keep requests waiting for ever. Here the answer reads its socket
through a gauge, by the ways that requests, urllib3 and http.client leave open for it: an adapter, the classes of its
pools and connections, and their `response_class`, which reads a proxy's answer to CONNECT too.
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

from cv_gdpr.service.checks import Pace


class _Gauge(io.RawIOBase):
    """What comes from a socket; raises TimeoutError when the answer that it belongs to is late."""

    def __init__(self, raw: io.RawIOBase, answer: "_Answer") -> None:
        self._raw = raw
        self._answer = answer

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._answer.pace.is_late(time.monotonic()):
            raise TimeoutError("the answer only trickles")
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer whose head has to be there within the socket's timeout, and whose body comes at a `Pace` after that."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._silence = sock.gettimeout() or math.inf
        self.pace = Pace(self._silence)
        self.fp = io.BufferedReader(_Gauge(self.fp.detach(), self))

    def begin(self) -> None:
        super().begin()
        self.pace = Pace(self._silence)


def pace_of(response: requests.Response) -> Pace:
    """Give the pace of an answer that is being read, to be told what came of use; a recording's is nobody's."""
    answer = getattr(response.raw, "_original_response", None)
    return answer.pace if isinstance(answer, _Answer) else Pace(math.inf)


class Adapter(HTTPAdapter):
    """Sends as requests does, and gives every answer a deadline."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        _gauge(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> PoolManager:
        """Give the pools of the connections through a proxy."""
        manager: PoolManager = super().proxy_manager_for(proxy, **kwargs)
        _gauge(manager)
        return manager


def _gauge(manager: PoolManager) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _gauged(pool) for scheme, pool in pools.items()}


def _gauged(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Give a class of pools whose connections read their answers as `_Answer`; a recorder's is left alone."""
    connection = pool.ConnectionCls
    if getattr(connection, "response_class", None) is not http.client.HTTPResponse:
        return pool
    connection = type(connection.__name__, (connection,), {"response_class": _Answer})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})
