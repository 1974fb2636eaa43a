"""Blobs with a Content-Encoding: stored decompressed, with the MD5 checked as sent; or reported."""

import gzip
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from custom_vision_simulator import Fault
from custom_vision_simulator.catalogue import faults
from custom_vision_simulator.edits import packed
from cv_gdpr.archive.writing import HashedFile
from cv_gdpr.service.bodies import Body
from cv_gdpr.service.checks import Pace
from tests.endurance.enduring import blobs
from tests.export.exporting import assert_bag, assert_one_error, assert_open, payload, stock


def bare(data):
    """Return a deflate stream without its zlib frame."""
    return zlib.compress(data)[2:-4]


def halves(data):
    """Return two gzip streams in sequence."""
    return gzip.compress(data[:50]) + gzip.compress(data[50:])


def with_another_checksum(data):
    """Return a gzip stream whose checksum is wrong."""
    stream = bytearray(gzip.compress(data))
    stream[-8] ^= 1
    return bytes(stream)


MEANT = {
    "gzip": ("gzip", gzip.compress),
    "gzip, by its old name": ("x-gzip", gzip.compress),
    "gzip, in capitals": ("GZIP", gzip.compress),
    "two gzip streams": ("gzip", halves),
    "deflate": ("deflate", zlib.compress),
    "deflate without a frame": ("deflate", bare),
    "not at all": ("identity", bytes),
}
DAMAGED = {
    "gzip that breaks off": ("gzip", lambda data: gzip.compress(data)[:-9], "it breaks off"),
    "deflate that breaks off": ("deflate", lambda data: zlib.compress(data)[:-5], "it breaks off"),
    "a single byte": ("deflate", lambda _: b"\x78", "it breaks off"),
    "gzip with more behind it": ("gzip", lambda data: gzip.compress(data) + b"more", "it cannot be decompressed"),
    "deflate with more behind it": ("deflate", lambda data: zlib.compress(data) + b"more", "data follows its end"),
    "gzip with a wrong checksum": ("gzip", with_another_checksum, "it cannot be decompressed"),
    "what is not packed": ("gzip", bytes, "it cannot be decompressed"),
}
UNKNOWN = {
    "br": "(br)",
    "zstd": "(zstd)",
    "gzip, gzip": "(unknown)",
    "é;" * 100: "(unknown)",
    "sig=AbCdEfGhIjKlMnOpQrStUvWxYz01234567890%3D": "(unknown)",  # what the link said
}


@pytest.mark.parametrize("route", ["Blob", "GetArtifact"])
def test_a_compressed_blob_is_stored_decompressed(sim, cli, tmp_path, route):
    stock(sim, images=len(MEANT) + 5)
    sim.options.vnet = route == "GetArtifact"
    assert cli("export", "images", "--all", "-q", "--out", tmp_path / "plain").code == 0
    for coding, pack in MEANT.values():
        sim.fault(Fault(route, edit=packed(coding, pack)))
    assert cli("export", "images", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert_bag(tmp_path / "out")
    assert all(sim.faults.fired(fault) == 1 for fault in sim.faults)
    assert payload(tmp_path / "out") == payload(tmp_path / "plain")
    assert cli("verify", tmp_path / "out").code == 0


@pytest.mark.parametrize("route", ["Blob", "GetArtifact"])
def test_a_damaged_compressed_blob_is_reported(sim, cli, tmp_path, route):
    project = stock(sim, images=len(DAMAGED) + len(UNKNOWN) + 5)
    sim.options.vnet = route == "GetArtifact"
    images = iter(sim.store.projects[project].workspace.images)
    expected = {}
    for coding, pack, how in DAMAGED.values():
        expected[image := next(images)] = f"sent a compressed body that is damaged: {how}"
        sim.fault(Fault(route, times=None, match=image.replace("-", ""), edit=packed(coding, pack)))
    for coding, told in UNKNOWN.items():
        expected[image := next(images)] = f"sent a Content-Encoding that is not supported {told}"
        sim.fault(Fault(route, times=None, match=image.replace("-", ""), edit=packed(coding, bytes)))
    ran = cli("export", "images", "--all", "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="0.3")
    assert_one_error(ran, 3)
    missing = {entry["id"]: entry["reason"] for entry in assert_open(tmp_path / "out")}
    assert missing.keys() == expected.keys()
    for image, reason in missing.items():
        assert expected[image] in reason
    tries = [sim.faults.fired(fault) for fault in sim.faults]
    assert min(tries[: len(DAMAGED)]) > 1, "what is damaged may come whole another time"
    assert set(tries[len(DAMAGED) :]) == {1}, "what cannot be undone will not be"


@pytest.mark.parametrize("second", ["gzip", "identity"])
def test_two_encoding_headers_are_not_taken_for_one(sim, cli, tmp_path, second):
    stock(sim, images=1)

    def packed_twice(answer):
        body = gzip.compress(gzip.compress(answer.body))
        head = f"Content-Length: {len(body)}\r\nContent-Encoding: gzip\r\nContent-Encoding: {second}\r\n\r\n"
        yield b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n" + head.encode() + body

    sim.fault(Fault("Blob", times=None, wire=packed_twice))
    ran = cli("export", "images", "--all", "--out", tmp_path / "out")

    assert_one_error(ran, 3)
    assert "a Content-Encoding that is not supported (unknown)" in ran.err


def test_a_repeated_equal_length_is_accepted(sim, cli, tmp_path):
    stock(sim, images=1)

    def twice(answer):
        length = f"Content-Length: {len(answer.body)}\r\n"
        yield f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n{length * 2}\r\n".encode() + answer.body

    sim.fault(Fault("Blob", times=None, wire=twice))

    assert cli("export", "images", "--all", "-q", "--out", tmp_path / "out").code == 0


def test_the_announced_md5_is_of_the_bytes_as_sent(sim, cli, tmp_path):
    stock(sim, images=1)
    (one,) = faults("blob-gzip", times=1)
    sim.fault(one)  # with the MD5 of what is sent
    assert cli("export", "images", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert set(blobs(sim).values()) == {1}

    def with_the_md5_of_what_is_meant(answer):
        sent = one.edit(answer)
        return replace(sent, headers={**sent.headers, "Content-MD5": answer.headers["Content-MD5"]})

    sim.fault(Fault("Blob", times=None, edit=with_the_md5_of_what_is_meant))
    ran = cli("export", "images", "--all", "--out", tmp_path / "other", CV_GDPR_EXPORT_PATIENCE="0")
    assert ran.code == 0, ran.err
    assert "md5 differs" in ran.err


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine
@given(
    st.binary(max_size=2000) | st.integers(1, 3 << 18),  # or so many blanks
    st.sampled_from([("gzip", gzip.compress), ("gzip", halves), ("deflate", zlib.compress), ("deflate", bare)]),
    st.integers(1, 40),
)
@example((1 << 18) - 2, ("gzip", gzip.compress), 1)  # it ends where a part ends
@example((1 << 18) - 2, ("deflate", zlib.compress), 1)
@example((1 << 18) - 2, ("deflate", bare), 1)
@example(1 << 18, ("deflate", bare), 1)  # the whole is read before the last of it is unpacked
def test_the_bytes_do_not_depend_on_how_they_are_split(tmp_path_factory, data, how, first):
    coding, pack = how
    data = b" " * data if isinstance(data, int) else data
    sent = pack(b"\xff\xd8" + data)
    headers = {"content-encoding": coding, "content-length": str(len(sent))}
    file = HashedFile(tmp_path_factory.mktemp("packed") / "body")
    body, at = Body("storage", file, lambda name: headers.get(name, ""), Pace(1), 1 << 20, set()), 0
    for size in [*range(1, first + 1), len(sent)]:
        if at < len(sent):
            body.take(sent[at : at + size])
            at += size
    received = body.received()
    assert received.size == len(data) + 2
    assert Path(received.path).read_bytes() == b"\xff\xd8" + data
