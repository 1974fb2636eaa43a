"""A distant https endpoint, as far as that goes on one machine: a proxy that ends TLS and leads to a simulator."""

import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest

HOST = "resource.example"


def certificate(folder):
    """Make a certificate of that host; give its path, the key is in the same file."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    place = folder / "certificate.pem"
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    named = ("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}")
    command = ["openssl", "req", "-x509", *kind, *named, "-keyout", place, "-out", folder / "public.pem"]
    subprocess.run(command, check=True, capture_output=True)
    with place.open("a") as file:
        file.write((folder / "public.pem").read_text())
    return place


class Proxy:
    """Answers CONNECT, speaks TLS as whoever was asked for, and passes the rest on to a simulator."""

    def __init__(self, sim, pem):
        self.asked = []  # for which host and port
        self._to = urlsplit(sim.endpoint)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(pem)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._listener.close()

    def _serve(self):
        with suppress(OSError):
            while True:
                threading.Thread(target=self._lead, args=(self._listener.accept()[0],), daemon=True).start()

    def _lead(self, plain):
        with suppress(OSError), plain:
            self.asked.append(plain.recv(1 << 16).split()[1].decode())
            plain.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with (
                self._tls.wrap_socket(plain, server_side=True) as client,
                socket.create_connection((self._to.hostname, self._to.port)) as server,
            ):
                threading.Thread(target=_pass_on, args=(client, server), daemon=True).start()
                _pass_on(server, client)


def _pass_on(one, other):
    with suppress(OSError):
        while came := one.recv(1 << 16):
            other.sendall(came)
        other.shutdown(socket.SHUT_WR)


@contextmanager
def distant(sim, folder):
    """Give a proxy, and the variables that lead a command through it to `https://resource.example`."""
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
