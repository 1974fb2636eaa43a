"""A remote https endpoint, imitated on one machine: a proxy that ends TLS and forwards to a simulator."""

import asyncio
import shutil
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest

HOST, STORAGE = "resource.example", "storage.example"


def certificate(folder):
    """Create a certificate for those hosts; return the path of the file with it and its key."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    place = folder / "certificate.pem"
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    named = ("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST},DNS:{STORAGE}")
    command = ["openssl", "req", "-x509", *kind, *named, "-keyout", place, "-out", folder / "public.pem"]
    subprocess.run(command, check=True, capture_output=True)
    with place.open("a") as file:
        file.write((folder / "public.pem").read_text())
    return place


class Proxy:
    """Answers CONNECT, speaks TLS as the requested host, and forwards requests to a simulator."""

    def __init__(self, sim, pem):
        self.asked = []  # the requested hosts and ports
        self._to = {HOST: urlsplit(sim.endpoint), STORAGE: urlsplit(sim.blob_host)}
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(pem)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._lead, "127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def close(self):
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self):
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.02)  # in which the connections close

    async def _lead(self, reader, writer):
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.split()[1].decode())
            to = self._to[self.asked[-1].removesuffix(":443")]
            # Headers of the proxy itself; none may be taken for the blob's.
            writer.write(b"HTTP/1.1 200 Connection established\r\nContent-Encoding: br\r\n\r\n")
            await writer.start_tls(self._tls)
            server_reader, server_writer = await asyncio.open_connection(to.hostname, to.port)
            try:
                await asyncio.gather(_pass_on(reader, server_writer), _pass_on(server_reader, writer))
            finally:
                server_writer.transport.abort()
                writer.transport.abort()


async def _pass_on(reader, writer):
    while came := await reader.read(1 << 16):
        writer.write(came)
        await writer.drain()
    writer.close()


@contextmanager
def distant(sim, folder):
    """Yield a proxy, and the variables that send a command through it to `https://resource.example`."""
    pem = certificate(folder)
    proxy = Proxy(sim, pem)
    try:
        yield (
            proxy,
            {
                "CV_GDPR_ENDPOINT": f"https://{HOST}",
                "HTTPS_PROXY": proxy.address,
                "REQUESTS_CA_BUNDLE": str(folder / "public.pem"),
            },
        )
    finally:
        proxy.close()
