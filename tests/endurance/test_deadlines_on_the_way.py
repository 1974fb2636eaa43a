"""A proxy that never finishes CONNECT, or a server that never finishes TLS, is given up as soon as an answer."""

import time

import pytest

from tests.endurance.test_hostile_answers import Raw
from tests.export.exporting import assert_one_error
from tests.platforms import SLOWER

SILENCE = 0.4  # seconds
SOON = SLOWER * 12 * SILENCE
HASTY = ("--read-timeout", str(SILENCE), "--patience", "0")
BYTEWISE = [b"x"] * 400


@pytest.mark.parametrize(
    "greeting",
    [
        [b"HTTP/1.1 200 O", *BYTEWISE],  # to CONNECT
        [b"HTTP/1.1 200 OK\r\nX-Padding: ", *BYTEWISE],
        [b"HTTP/1.1 200 OK\r\n\r\n", b"\x16\x03\x03\x3f\xff", *BYTEWISE],  # and then TLS: a record of 16 kB
    ],
    ids=["status", "header", "handshake"],
)
def test_a_proxy_that_never_finishes_connect_is_given_up(cli, tmp_path, greeting):
    proxy = Raw(greeting, 0.05)
    begun = time.monotonic()
    ran = cli(
        "export", "--all", *HASTY, "--out", tmp_path / "out",
        CV_GDPR_ENDPOINT="https://resource.example", HTTPS_PROXY=proxy.address,
    )  # fmt: skip
    proxy.listener.close()
    assert_one_error(ran, 5)
    assert time.monotonic() - begun < SOON


def test_a_server_that_never_finishes_its_handshake_is_given_up(cli, tmp_path):
    server = Raw([b"\x16\x03\x03\x3f\xff", *BYTEWISE], 0.05)
    begun = time.monotonic()
    endpoint = server.address.replace("http:", "https:")
    ran = cli("export", "--all", *HASTY, "--out", tmp_path / "out", CV_GDPR_ENDPOINT=endpoint)
    server.listener.close()
    assert_one_error(ran, 5)
    assert time.monotonic() - begun < SOON
