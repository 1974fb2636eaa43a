"""A run killed at any moment: the same command completes the same bag, and fetches little again."""

import random

import pytest

from custom_vision_simulator import Fault
from tests.endurance.enduring import assert_whole, blobs, kill, simulator, started, undisturbed
from tests.export.exporting import stock
from tests.platforms import ENDED_ITSELF, WINDOWS, is_private

CONNECTIONS = 4
GROUPS = 4  # in which the files of `whole` are made durable and claimed, at most
SUICIDAL = """
import contextlib, os, random, signal, sys
left, loses_power = int(sys.argv.pop(1)), sys.argv.pop(1) == "power"
out, dying = sys.argv[-1], False
durable, fsync = {}, os.fsync
def files():
    return [os.path.join(folder, name) for folder, _, names in os.walk(out) for name in names]
def sizes():
    for path in files():
        with contextlib.suppress(FileNotFoundError):  # the download process may rename one meanwhile
            found = os.stat(path)
            yield found.st_ino, found.st_size
def note_fsync(handle):
    fsync(handle)
    durable[os.fstat(handle).st_ino] = os.fstat(handle).st_size
os.fsync = note_fsync
def lose_power():
    for path in files():  # a name may outlast what it stands for
        with contextlib.suppress(FileNotFoundError):
            kept = durable.get(os.stat(path).st_ino, 0)
            if kept < os.stat(path).st_size and random.random() < 0.7:
                os.truncate(path, kept)
def count(event, arguments):
    global left, dying
    if event == "ctypes.dlsym" and arguments[1] == "syncfs":
        durable.update(sizes())
    if event == "open":
        changes = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    else:
        changes = event in {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate"}
    if changes and any(str(argument).startswith(out) for argument in arguments[:2]):
        left -= 1
        if left <= 0 and not dying:  # another thread may have counted below it
            dying = True
            if loses_power:
                lose_power()
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))  # both end it at once on Windows
sys.addaudithook(count)
from cv_gdpr.archive import journal
from cv_gdpr.cli import main
journal._TOGETHER, journal._MOST = 3600.0, 5  # by the second, a busy machine would make more groups than a quiet one
try:
    main(sys.argv[1:])
finally:
    sys.stderr.write(f"left {left}")
"""  # the interpreter's own audit events tell of every change to the disk just before it happens


def cut_at_change(sim, number, *words, how="kill"):
    """Run a command that kills itself just before its change of the disk with that number; give what is left over.

    With `how="power"` most of what it did not make durable is lost before that.
    """
    with started(sim, str(number), how, *words, program=("-c", SUICIDAL)) as process:
        _, err = process.communicate(timeout=30)
        assert process.returncode in {0, ENDED_ITSELF}, err
        return int(err.rpartition("left ")[2]) if process.returncode == 0 else None


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A stocked service, what an undisturbed export of it holds, and how many requests and changes that takes."""
    folder = tmp_path_factory.mktemp("whole")
    with simulator() as sim:
        stock(sim, images=12)
        left = cut_at_change(sim, 100_000, "export", "--all", "-q", "--out", str(folder / "out"))
        yield sim, 100_000 - left, sim.faults.received, folder / "other"


@pytest.mark.parametrize("part", range(4))
def test_a_run_killed_at_any_disk_change_is_resumed(whole, cli, tmp_path, part):
    sim, changes, _, _ = whole
    cli = type(cli)(sim.endpoint, sim.training_key)
    expected = undisturbed(sim, cli, tmp_path / "undisturbed")
    # The first ones make the folder, the last ones close the bag; in between any will do.
    numbers = [*range(2, 14, 2), *range(changes - 7, changes + 1)]
    chance = random.Random(20)  # noqa: S311 - chance; the same for all parts, so that each number is in one
    numbers += chance.sample(range(14, changes - 9), 9)
    for number in numbers[part::4]:
        out = tmp_path / str(number)
        left = cut_at_change(sim, number, "export", "--all", "-q", "--out", str(out), how="power")
        assert left is None or number > changes - GROUPS  # of those, some may be claimed together with others
        ran = cli("export", "--all", "-q", "--out", out)
        closed = (out / "bagit.txt").exists() and ran.code == 2 and "is a finished export" in ran.err
        assert ran.code == 0 or closed, (number, ran.err)
        assert_whole(cli, out, expected)


@pytest.mark.parametrize("seed", range(2))
def test_a_run_killed_at_any_request_is_resumed(whole, cli, tmp_path, seed):
    sim, _, requests, _ = whole
    cli = type(cli)(sim.endpoint, sim.training_key)
    expected = undisturbed(sim, cli, tmp_path / "undisturbed")
    chance = random.Random(seed)  # noqa: S311 - chance
    out = tmp_path / "out"
    words = ("export", "--all", "-q", "--connections", str(CONNECTIONS), "--out", out)
    sim.blob_requests.clear()
    for _ in range(3):
        with started(sim, *words) as process:
            sim.faults.at(sim.faults.received + chance.randrange(1, requests), lambda process=process: kill(process))
            process.wait(30)
            sim.faults.acts.clear()
    ran = cli(*words)
    assert ran.code == 0 or "is a finished export" in ran.err, ran.err
    assert_whole(cli, out, expected)


def test_a_resumed_long_run_fetches_little_again(sim, cli, tmp_path):
    sim.fill(images=600, image_bytes=50)
    sim.fault(Fault("Blob", delay=0.02, times=None))
    out = tmp_path / "out"
    words = ("export", "images", "--all", "-q", "--connections", str(CONNECTIONS), "--out", out)
    with started(sim, *words) as process:
        sim.faults.at(450, lambda: kill(process))
        process.wait(60)
    sim.clear_faults()
    assert cli(*words).code == 0
    # What was on its way comes again, and what waited to be made durable together with it: a second's worth at most.
    again = sum(number - 1 for number in blobs(sim).values())
    assert again < 3 * CONNECTIONS / 0.02
    assert len(blobs(sim)) == 600


def test_a_killed_runs_lock_does_not_block(sim, cli, tmp_path):
    stock(sim)
    out = tmp_path / "out"
    with started(sim, "export", "--all", "-q", "--out", out) as process:
        sim.faults.at(15, lambda: kill(process))
        process.wait(30)
    assert (out / ".cv-gdpr" / "lock").exists()
    assert all(map(is_private, out.rglob("*")))
    assert cli("export", "--all", "-q", "--out", out).code == 0


def test_a_run_that_holds_the_folder_is_named(sim, cli, tmp_path):
    stock(sim)
    out = tmp_path / "out"
    held = []
    with started(sim, "export", "--all", "-q", "--out", out) as process:
        sim.fault(Fault("GetTags", delay=1.5))
        sim.faults.at(8, lambda: held.append(process.pid))
        while not held:
            assert process.poll() is None
        ran = cli("export", "--all", "-q", "--out", out)
        assert ran.code == 2
        number = "" if WINDOWS else process.pid  # there another process starts it: tests/console.py
        assert f"process {number}" in ran.err
        assert f" is writing to {out}" in ran.err
        assert process.wait(30) == 0
