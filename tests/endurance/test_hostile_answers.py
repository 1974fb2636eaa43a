"""Answers that would fill the memory, and redirects that would send the key elsewhere."""

import gzip
import socket
import threading
import time
from contextlib import suppress

import pytest

from custom_vision_simulator import Fault
from tests.endurance.enduring import started
from tests.export.exporting import assert_bag, assert_one_error, assert_open, files, project_folder, records, stock
from tests.platforms import posix

MEGABYTE = 1 << 20
PACKED = {"Content-Encoding": "gzip"}
MEASURED = """
import os, resource, subprocess, sys
code = subprocess.call([sys.executable, "-m", "cv_gdpr", *sys.argv[1:]])
sys.stderr.write(f"peak {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024} MiB")
sys.exit(code)
"""


def bomb(megabytes):
    """Return a small gzip stream that decompresses to that many megabytes of blanks."""
    return gzip.compress(b" " * MEGABYTE) * megabytes


def peak_of(sim, *words):
    """Run a command in a separate process; return its exit code, its output and its peak memory in MiB."""
    with started(sim, *words, program=("-c", MEASURED)) as process:
        _, err = process.communicate(timeout=60)
    said, _, peak = err.rpartition("peak ")
    return process.returncode, said, int(peak.removesuffix(" MiB"))


@posix("memory")
@pytest.mark.parametrize("operation", ["GetProjects", "GetTaggedImages", "GetArtifact"])
def test_an_answer_that_expands_to_a_gigabyte_is_refused(sim, tmp_path, operation):
    stock(sim)
    sim.options.vnet = operation == "GetArtifact"
    body = bomb(1024) if operation != "GetArtifact" else bomb(2)
    sim.fault(Fault(operation, status=200, body=body, headers=PACKED, content_type="application/json", times=None))
    code, said, peak = peak_of(sim, "export", "images", "--all", "-q", "--patience", "0", "--out", tmp_path / "out")
    assert code in {1, 3}, said
    assert "Traceback" not in said
    if operation != "GetArtifact":
        assert f"{operation}: the service answered with more than 32 MiB" in said
    assert peak < 250
    assert not (tmp_path / "out" / "bagit.txt").exists()


def test_a_compressed_answer_of_usual_size_is_read(sim, cli, tmp_path):
    stock(sim)
    sim.fault(Fault("GetIterations", status=200, body=gzip.compress(b"[]"), headers=PACKED, times=None))
    assert cli("export", "iterations", "--all", "--out", tmp_path / "out").code == 0
    assert_bag(tmp_path / "out")


@posix("memory")
def test_a_blob_that_expands_to_a_gigabyte_is_refused(sim, tmp_path):
    sim.fill(images=1)
    sim.fault(Fault("Blob", status=200, body=bomb(1024), headers=PACKED, content_type="image/jpeg", times=None))
    code, said, peak = peak_of(sim, "export", "images", "--all", "-q", "--out", tmp_path / "out")
    assert code == 3, said
    assert "more than 100 MiB" in said
    assert peak < 150
    assert sum(path.stat().st_size for path in files(tmp_path / "out")) < MEGABYTE


@posix("memory")
def test_a_model_of_half_a_gigabyte_is_streamed(sim, tmp_path):
    (project,) = sim.fill(images=1, iterations=1)
    listener, size = socket.create_server(("127.0.0.1", 0)), 500 * MEGABYTE

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
            for _ in range(size // MEGABYTE):
                connection.sendall(b"\x89" * MEGABYTE)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    link = f"http://127.0.0.1:{listener.getsockname()[1]}/big?sig=SECRET"
    model = {"platform": "ONNX", "status": "Done", "downloadUri": link, "flavor": None, "newerVersionAvailable": False}
    sim.fault(Fault("GetExports", times=None, body=[model]))
    code, said, peak = peak_of(sim, "export", "exports", "--all", "-q", "--out", tmp_path / "out")
    thread.join(5)
    listener.close()
    assert code == 0, said
    assert peak < 150
    (entry,) = records(project_folder(tmp_path / "out", project) / "files.jsonl")
    assert entry["bytes"] == size


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("operation", ["GetTaggedImages", "QueryPredictions", "GetArtifact", "Blob"])
def test_redirects_are_not_followed(sim, cli, tmp_path, operation, status):
    stock(sim)
    sim.options.vnet = operation == "GetArtifact"
    met = []
    elsewhere = socket.create_server(("127.0.0.1", 0))
    elsewhere.settimeout(0.01)
    place = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/"
    sim.fault(Fault(operation, status=status, headers={"Location": place}, times=None))
    ran = cli("export", "--all", "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="0")
    with pytest.raises(TimeoutError):
        met.append(elsewhere.accept())
    elsewhere.close()
    assert ran.code == 3, ran.err
    assert not (tmp_path / "out" / "bagit.txt").exists()


@pytest.mark.parametrize("extra", [b"", b"more"])
def test_an_answer_of_the_wrong_length_is_not_kept(sim, cli, tmp_path, extra):
    (project,) = sim.fill(images=1)
    identity = next(iter(sim.store.projects[project].workspace.images))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"\xff\xd8" * (40 + 10 * len(extra))
                )

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        link = f"http://127.0.0.1:{listener.getsockname()[1]}/x?sig=SECRET"
        sim.fault(Fault("GetTaggedImages", times=None, body=[{"id": identity, "originalImageUri": link}]))
        out = tmp_path / "out"
        ran = cli("export", "images", "--all", "-q", "--out", out, CV_GDPR_EXPORT_PATIENCE="0")
        thread.join(5)
    if extra and ran.code == 0:  # the answer ends at the announced length
        (kept,) = files(project_folder(out, project) / "images")
        assert kept.stat().st_size == 100
    else:
        assert_one_error(ran, 3)
        assert [entry["id"] for entry in assert_open(out)] == [identity]
        assert "SECRET" not in (out / "missing.jsonl").read_text() + ran.err


class Raw:
    """A server that sends the bytes it is given, each part after a pause, and closes."""

    def __init__(self, parts, pause=0.0):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, args=(parts, pause), daemon=True).start()

    def serve(self, parts, pause):
        with suppress(OSError):
            while True:
                threading.Thread(
                    target=self.answer, args=(self.listener.accept()[0], parts, pause), daemon=True
                ).start()

    def answer(self, connection, parts, pause):
        with connection, suppress(OSError):
            connection.recv(65536)
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)


TRICKLE = [b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 400\r\n\r\n", *[b"\xff"] * 400]
BODIES = {
    "no length": ([b"HTTP/1.0 200 OK\r\nContent-Type: image/jpeg\r\n\r\n" + b"\xff" * 20], 0, "without a length"),
    "a part": (
        [b"HTTP/1.1 200 OK\r\nContent-Range: bytes 0-19/100\r\nContent-Length: 20\r\n\r\n" + b"\xff" * 20],
        0,
        "a part instead of the whole",
    ),
    "two lengths": (
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\xff\xff\xff\r\n0\r\n\r\n"],
        0,
        "sent 3 of 100 bytes",
    ),
    "no number for a length": (
        [b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n\xff\xff"],
        0,
        "the answer is not HTTP",
    ),
    "a trickle": (TRICKLE, 0.1, "did not answer in time"),
}


@pytest.mark.parametrize("body", BODIES)
def test_possibly_incomplete_bytes_are_not_kept(sim, cli, tmp_path, body):
    parts, pause, reason = BODIES[body]
    sim.fill(images=0)
    storage = Raw(parts, pause)
    record = {"id": "11111111-1111-4111-8111-111111111111", "originalImageUri": f"{storage.address}/x?sig=1"}
    sim.fault(Fault("GetTaggedImages", times=None, body=[record]))
    sim.fault(Fault("GetImageCount", times=None, body=b"1"))
    words = ("--read-timeout", "0.5", "--patience", "0.5")
    ran = cli("export", "images", "--all", "--json", *words, "--out", tmp_path / "out")
    storage.listener.close()
    assert ran.code == 3, ran.err
    assert reason in ran.json["missing"][0]["reason"]


def test_a_trickling_answer_is_given_up(cli, tmp_path):
    service = Raw(TRICKLE, 0.1)
    ran = cli(
        "export", "--all", "--read-timeout", "0.5", "--patience", "0.5", "--out", tmp_path / "out",
        CV_GDPR_ENDPOINT=service.address,
    )  # fmt: skip
    service.listener.close()
    assert_one_error(ran, 5)
    assert "is too slow" in ran.err


@pytest.mark.parametrize("secret", ["the key", "sv=1&sig=AbCdEfGhIjKlMnOpQrStUvWxYz01234567890%3D"])
def test_an_answer_that_is_not_http_is_not_quoted(sim, cli, tmp_path, secret):
    secret = sim.training_key if secret == "the key" else secret
    service = Raw([f"Sorry: https://x.example/y?{secret} was not for me\r\n\r\n".encode()])
    ran = cli("export", "--all", "--patience", "0", "--out", tmp_path / "out", CV_GDPR_ENDPOINT=service.address)
    service.listener.close()
    assert_one_error(ran, 5)
    assert "was not for me" in ran.err
    assert secret not in ran.err
    assert "AbCdEf" not in ran.err


def test_a_damaged_compressed_answer_is_reported(sim, cli, tmp_path):
    sim.fault(Fault("GetProjects", status=200, body=b"not packed at all", headers=PACKED, times=None))
    ran = cli("export", "--all", "--patience", "0", "--out", tmp_path / "out")
    assert_one_error(ran, 5)
    assert "GetProjects: the answer cannot be decompressed" in ran.err
