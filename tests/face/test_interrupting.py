"""What is said after Ctrl-C is true: nothing was written or deleted, or how to resume."""

import signal
import threading
import time

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.demo import PHOTO
from tests.platforms import posix

NOTHING = "Error: interrupted\nHint: nothing was written; the same command starts again\n"
NOT_DELETED = "Error: interrupted\nHint: nothing was deleted: no deletion was sent\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, which is empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def interrupt(fault, sim, number=signal.SIGINT):
    """Send this thread, as a terminal does, what Ctrl-C sends, once the call that hangs was received."""
    ends = time.monotonic() + 20
    while not sim.faults.fired(fault) and time.monotonic() < ends:
        time.sleep(0.02)
    signal.pthread_kill(threading.main_thread().ident, number)


@posix("signals")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("list --all", NOTHING),
        ("list --all --estimate", NOTHING),
        ("export --all --out bag", NOTHING),
        ("delete --all --dry-run", NOT_DELETED),
        ("delete --all --yes", NOT_DELETED),
    ],
)
def test_ctrl_c_in_the_first_call(sim, cli, folder, words, said):
    hung = Fault("GetProjects", delay=5, times=1)
    sim.fault(hung)
    threading.Thread(target=interrupt, args=(hung, sim), daemon=True).start()
    ran = cli(*words.split())
    assert (ran.code, ran.err.lstrip()) == (130, said)
    assert not list(folder.iterdir())


@posix("signals")
def test_a_signal_says_the_same_as_ctrl_c(sim, cli, folder):
    hung = Fault("GetProjects", delay=5, times=1)
    sim.fault(hung)
    threading.Thread(target=interrupt, args=(hung, sim, signal.SIGTERM), daemon=True).start()
    ran = cli("export", "--all")
    assert (ran.code, ran.err.lstrip()) == (143, NOTHING)
    assert not list(folder.iterdir())


@posix("signals")
def test_ctrl_c_in_a_deletion_says_how_to_go_on(sim, cli, folder):
    sim.fill(images=1, image_bytes=100)
    hung = Fault("DeleteImages", delay=5, times=1)
    sim.fault(hung)
    threading.Thread(target=interrupt, args=(hung, sim), daemon=True).start()
    ran = cli("delete", "images", "--all", "--yes", "--evidence", folder / "e.json")
    said = f"the ledger says what was deleted; the same command with --evidence {folder}/e.json deletes the rest"
    assert (ran.code, ran.err.strip().endswith(f"Error: interrupted\nHint: {said}")) == (130, True)
    assert [path.name for path in folder.iterdir()] == ["e.jsonl"]


@pytest.mark.usefixtures("folder")
def test_ctrl_c_in_the_demo_promises_no_resumption(cli, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cv_gdpr.demo.fill", lambda *_: None)
    monkeypatch.setattr("cv_gdpr.export.resource.export", stop)
    ran = cli("demo")
    assert (ran.code, "Hint: the demo starts again in a new folder" in ran.err) == (130, True)


@pytest.mark.parametrize("words", ["verify bag", "find bag photo", "convert bag --to csv", "report bag", "demo"])
def test_ctrl_c_while_a_bag_is_verified(cli, folder, monkeypatch, words):
    def stop(*_):
        raise KeyboardInterrupt

    (folder / "bag").mkdir()
    (folder / "photo").write_bytes(PHOTO.read_bytes())
    there = set(folder.iterdir())
    place = "cv_gdpr.demo.fill" if words == "demo" else "cv_gdpr.verify.verify"
    monkeypatch.setattr(place, stop)
    ran = cli(*words.split())
    assert (ran.code, ran.err.lstrip()) == (130, NOTHING)
    assert set(folder.iterdir()) == there
