"""Proxies from the environment: a bad one is reported by its variable, without its address."""

import socket
import threading
from contextlib import contextmanager, suppress

import pytest

from custom_vision_simulator import Fault
from tests.export.exporting import assert_one_error, records
from tests.platforms import WINDOWS

PASSWORDS = ("s3cr3tW0rd", "s3cr3t", "W0rd", "alibaba")
BAD = [
    "http://alibaba:s3cr3tW0rd#x@127.0.0.1:99999",
    "http://alibaba:s3cr3t@W0rd@127.0.0.1:8080",
    "http://alibaba:s3cr3t/W0rd@127.0.0.1:8080",
    "http://alibaba:s3cr3t?W0rd@127.0.0.1:8080",
    "http://alibaba:s3cr3t:W0rd@127.0.0.1:8080",
    "http://alibaba:s3cr3tW0rd@127.0.0.1:0",
    "http://alibaba:s3cr3tW0rd@127.0.0.1:many",
    "http://alibaba:s3cr3tW0rd@:8080",
    "http://alibaba:s3cr3tW0rd@",
    "http://alibaba:s3cr3t W0rd@127.0.0.1:8080",
    "http://alibaba:s3cr3tW0rd@127.0.0.1:8080\n",
    "http://alibaba:s3cr3t\x1bW0rd@127.0.0.1:8080",
    "http://alibaba:s3cr3tüW0rd@127.0.0.1:8080",
    "http://alibaba:s3cr3tW0rd@[::1:8080",
    "http://alibaba:s3cr3tW0rd@127.0.0.1..:8080",
    "ftp://alibaba:s3cr3tW0rd@127.0.0.1:8080",
    "http:/alibaba:s3cr3tW0rd@127.0.0.1:8080",
    "alibaba:s3cr3tW0rd@127.0.0.1:99999",
    "socks5://alibaba:s3cr3tW0rd@127.0.0.1:1080",
    "://alibaba:s3cr3tW0rd@h",
    " ",
]


@contextmanager
def proxy(status):
    """Return the address of a proxy that answers everything with that status, or of no proxy for None."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"127.0.0.1:{listener.getsockname()[1]}"

        def serve():
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())

        if not status:
            listener.close()
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://alibaba:s3cr3tW0rd@{place}"


def assert_untold(ran):
    assert not [word for word in PASSWORDS if word in ran.out + ran.err], ran.err


@pytest.mark.parametrize("address", BAD)
def test_a_malformed_proxy_is_reported_by_variable(sim, cli, tmp_path, address):
    sim.fill(images=1)
    ran = cli("export", "--all", "--out", tmp_path / "out", "-vv", HTTP_PROXY=address)
    assert ran.code == 2
    assert "Error: HTTP_PROXY " in ran.err
    assert "Hint: " in ran.err
    assert_untold(ran)
    assert sim.calls == []


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("command", [("export",), ("delete", "--dry-run")])
def test_the_variable_that_counts_is_named(cli, command, variable):
    others = dict.fromkeys({"ALL_PROXY", "HTTPS_PROXY"} - {variable.upper()}, "http://127.0.0.1:9")
    ran = cli(*command, "--all", **(others if "http_" in variable.lower() else {}), **{variable: BAD[0]})
    assert_one_error(ran, 2)
    known = variable.upper() if WINDOWS else variable  # Windows keeps names of variables in capitals
    assert f"Error: {known} " in ran.err
    assert_untold(ran)


@pytest.mark.parametrize("status", [0, 407, 502])
def test_a_failing_proxy_is_reported_by_variable(sim, cli, tmp_path, status):
    sim.fill(images=1)
    with proxy(status) as address:
        ran = cli(
            "export", "--all", "--patience", "0.2", "--json", "-vv", "--out", tmp_path / "out", HTTP_PROXY=address
        )
    assert ran.code == (1 if status == 502 else 5)
    assert status == 502 or "the proxy that HTTP_PROXY names" in ran.json["message"]
    assert_untold(ran)
    assert sim.calls == []


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (0, "(through the proxy that HTTPS_PROXY names)"),
        (407, "the proxy that HTTPS_PROXY names requires authentication: it answered 407 to CONNECT"),
        (403, "the proxy that HTTPS_PROXY names does not connect to blobs.example.org: it answered 403 to CONNECT"),
        (502, "the proxy that HTTPS_PROXY names does not connect to blobs.example.org: it answered 502 to CONNECT"),
    ],
)
def test_a_failing_proxy_for_blobs_leaves_blobs_missing(sim, cli, tmp_path, status, reason):
    sim.fill(images=1)
    with proxy(status) as address:
        link = "https://blobs.example.org/x?sv=1&sig=abc"
        image = {"id": "11111111-1111-4111-8111-111111111111", "originalImageUri": link}
        sim.fault(Fault("GetTaggedImages", times=None, body=[image]))
        words = ("export", "images", "--all", "--patience", "0.2", "-vv", "--out", tmp_path / "out")
        ran = cli(*words, HTTPS_PROXY=address)
    assert ran.code == 3
    (entry,) = records(tmp_path / "out" / "missing.jsonl")
    assert reason in entry["reason"]
    assert entry["reason"].count("the proxy that") == 1
    assert not [call for call in sim.calls if call.operation == "GetImagesByIds"]  # its link was not refused
    assert_untold(ran)


def test_a_malformed_proxy_for_blobs_ends_the_export(sim, cli, tmp_path):
    sim.fill(images=1)
    image = {"id": "11111111-1111-4111-8111-111111111111", "originalImageUri": "https://others.example.org/x?sig=abc"}
    sim.fault(Fault("GetTaggedImages", times=None, body=[image]))
    ran = cli("export", "images", "--all", "--out", tmp_path / "out", HTTPS_PROXY=BAD[0])
    assert_one_error(ran, 2)
    assert "HTTPS_PROXY" in ran.err
    assert_untold(ran)


def test_no_proxy_skips_a_malformed_proxy_address(sim, cli, tmp_path):
    sim.fill(images=1)
    ran = cli("export", "--all", "-q", "--out", tmp_path / "out", HTTP_PROXY=BAD[0], NO_PROXY="127.0.0.1")
    assert ran.code == 0, ran.err
