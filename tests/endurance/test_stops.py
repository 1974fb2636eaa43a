"""A run stopped from outside while nothing answers: it ends within seconds and says how to resume."""

import itertools
import os
import signal
import sys
import time

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.platforms.files import user_id
from tests.endurance.enduring import assert_whole, started, undisturbed, until
from tests.export.exporting import stock
from tests.platforms import SLOWER, WINDOWS, need, posix

SECONDS = 5.0 * SLOWER
PATIENT = {"CV_GDPR_EXPORT_PATIENCE": "600", "CV_GDPR_EXPORT_READ_TIMEOUT": "600"}
LIMITED = """
import resource, sys
kind, most = getattr(resource, sys.argv.pop(1)), int(sys.argv.pop(1))
from cv_gdpr.cli import main
import azure.cognitiveservices.vision.customvision.training, aiohttp, pycurl
import cv_gdpr.export.resource, cv_gdpr.downloads.process
resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))
main(sys.argv[1:])
"""
BY_KEY, BY_SIGNAL = (signal.SIGINT, 130), (signal.SIGTERM, 143)
HANGS = {
    "a hung API": Fault("GetTaggedImages", delay=60, times=None),
    "a hung first call": Fault("GetProjects", delay=60, times=None),
    "a hung blob host": Fault("Blob", delay=60, times=None),
    "a long Retry-After": Fault("GetTags", status=429, headers={"Retry-After": "60"}, times=None),
    "a blob host that is overrun": Fault("Blob", status=503, headers={"Retry-After": "60"}, times=None),
}


def test_a_page_requested_in_advance_does_not_delay_the_end(sim, tmp_path):
    sim.fill(images=800, image_bytes=60)
    hung = Fault("GetTaggedImages", delay=60, times=None, match="skip=510")
    sim.fault(hung)
    with started(sim, "export", "images", "--all", "--out", tmp_path / "out", **PATIENT) as process:
        until(lambda: sim.faults.fired(hung))
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert time.monotonic() - asked < SECONDS


@pytest.mark.parametrize(
    ("hang", "signalled"),
    [
        *zip(HANGS, itertools.cycle([BY_KEY] if WINDOWS else [BY_KEY, BY_SIGNAL]), strict=False),
        pytest.param("a hung API", BY_SIGNAL, marks=posix("signals")),
    ],
)
def test_it_stops_within_seconds_and_says_how_to_resume(sim, cli, tmp_path, hang, signalled):
    number, code = signalled
    stock(sim)
    fault = HANGS[hang]
    sim.fault(fault)
    out = tmp_path / "out"
    with started(sim, "export", "--all", "--out", out, **PATIENT) as process:
        until(lambda: sim.faults.fired(fault))
        time.sleep(0.1)
        asked = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
        took = time.monotonic() - asked
    assert process.returncode == code, err
    assert took < SECONDS
    assert "Traceback" not in err
    assert "Error: interrupted" in err
    assert fault.route == "GetProjects" or f"--out {out}" in err
    assert not (out / "bagit.txt").exists()
    sim.clear_faults()
    assert cli("export", "--all", "-q", "--out", out).code == 0
    assert_whole(cli, out, undisturbed(sim, cli, tmp_path / "other"))


def fails_on_disk(sim, out, kind, most):
    """Run an export under a limit of the system; assert that it ends as it should, and give what it said."""
    need("limits")
    program = ("-c", LIMITED)
    words = (kind, most, "export", "--all", "-q", "--out", out)
    with started(sim, *words, program=program, measured=False) as process:  # a limit would stop the measurement too
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1, err
    assert "Traceback" not in err
    assert err.count("Error: ") == 1
    assert f"--out {out} resumes it" in err
    assert not (out / "bagit.txt").exists()
    return err


def test_a_file_size_limit_is_reported_then_resumed(sim, cli, tmp_path):
    # As a full disk does: a write comes back with an error in the middle of a file.
    (project,) = sim.fill(images=6, image_bytes=30_000)
    assert project
    err = fails_on_disk(sim, tmp_path / "out", "RLIMIT_FSIZE", 20_000)
    assert "cannot write" in err
    assert "too large" in err
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert_whole(cli, tmp_path / "out", undisturbed(sim, cli, tmp_path / "other"))


def test_too_many_open_files_are_reported_with_a_hint(sim, cli, tmp_path):
    sim.fill(images=200, image_bytes=3_000)
    sim.fault(Fault("Blob", delay=0.2, times=None))
    err = fails_on_disk(sim, tmp_path / "out", "RLIMIT_NOFILE", 30)
    assert "too many open files" in err
    assert "ulimit -n" in err
    sim.clear_faults()
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert_whole(cli, tmp_path / "out", undisturbed(sim, cli, tmp_path / "other"))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 200 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    if sys.platform != "linux" or user_id() or os.system(f"mount -t tmpfs -o size=200k tmpfs {place} 2>/dev/null"):  # noqa: S605
        pytest.skip("no file system can be mounted here")
    yield place
    os.system(f"umount -l {place}")  # noqa: S605


def test_a_full_disk_is_reported_then_resumed(sim, cli, small_disk, tmp_path):
    stock(sim)
    sim.fill(images=20, image_bytes=20_000)
    out = small_disk / "out"
    with started(sim, "export", "--all", "-q", "--out", out) as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1, err
    assert "No space left on device" in err
    assert "Traceback" not in err
    assert err.count("Error: ") == 1
    assert not (out / "bagit.txt").exists()
    os.system(f"mount -o remount,size=10m {small_disk}")  # noqa: S605
    before = len(sim.blob_requests)
    assert cli("export", "--all", "-q", "--out", out).code == 0
    assert len(sim.blob_requests) - before <= 34  # each once at most: a disk that is full takes no claims either
    assert_whole(cli, out, undisturbed(sim, cli, tmp_path / "other"))
