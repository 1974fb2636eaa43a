"""A host on a port of this machine: the HTTP server around it."""

from __future__ import annotations

import socket

from aiohttp import web

from custom_vision_simulator.host import Host

LOOPBACK = "127.0.0.1"
BACKLOG = 1024
SHUTDOWN_SECONDS = 0.2
BODY_MAX = 1 << 30
SEND_BUFFER = 1 << 20
LINE_MAX = 1 << 16


async def listen(host: Host, port: int, runners: list[web.AppRunner]) -> int:
    """Serve a host on that port, or on any free one for 0; add its runner and return the port; raise OSError."""
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
