"""The message of a failed call: the operation and the reason, without any credential."""

import json
import socket
import threading
from contextlib import contextmanager, suppress

import pytest

from cv_gdpr.errors import ServiceError, Unreachable
from cv_gdpr.service.client import Connection, Service

KEY = "0123456789abcdef0123456789abcdef"
SIGNATURE = "AbCdEfGhIjKlMnOpQrStUvWxYz01234567890%3D"


@contextmanager
def answering(content):
    """Run a server that answers every request with these bytes; yield a client of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(1 << 16)
                        connection.sendall(content)

        threading.Thread(target=serve, daemon=True).start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with Service(Connection(address, KEY, calls_per_second=0, patience=0)) as service:
            yield service


@pytest.mark.parametrize("secret", [KEY, f"sv=1&sig={SIGNATURE}"], ids=["key", "signature"])
def test_an_answer_that_is_not_http_is_quoted_safely(secret):
    answer = f"Sorry: https://x.example/y?{secret} was not for me\r\n\r\n".encode()

    with answering(answer) as service, pytest.raises(Unreachable) as raised:
        service.call("get_projects")

    assert raised.value.message.startswith("GetProjects: ")
    assert "was not for me" in raised.value.message
    assert KEY not in raised.value.message
    assert SIGNATURE not in raised.value.message


@pytest.mark.parametrize("code", [KEY, f"sig={SIGNATURE}", "not a code", "x" * 81, "BadRequest\n"])
def test_an_unsafe_error_code_is_dropped(code):
    body = json.dumps({"code": code, "message": "no"}).encode()
    head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"

    with answering(head.encode() + body) as service, pytest.raises(ServiceError) as raised:
        service.call("get_projects")

    assert (raised.value.status, raised.value.code) == (400, "")
    assert KEY not in raised.value.message
    assert SIGNATURE not in raised.value.message
    assert len(raised.value.message) <= 600
