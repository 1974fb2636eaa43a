"""What differs between systems, as far as every system can test it; docs/platforms.md names what only Windows can."""

import os
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cv_gdpr.archive.ownership import keeps_modes
from cv_gdpr.platforms import access, files, names, processes, waiting
from tests.platforms import WINDOWS, posix

MINE = "(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("aux.txt", "device"),
        ("export/NUL", "device"),
        ("com1 .json", "device"),
        ("a.", "dot"),
        ("b /c", "space"),
        (r"C:\x\q?.json", "'?'"),
        ("evidence:of-her.json", "':'"),
        (r"C:\Users\ann\out", ""),
        ("../out", ""),
        ("auxiliary.json", ""),
        ("com10", ""),
        (r"\\server\share\out", ""),
    ],
)
def test_names_that_windows_would_not_keep_are_known(path, why):
    found = names.refused_by_windows(path)
    assert why in found if why else not found


@pytest.mark.parametrize(
    ("entries", "readers", "writers"),
    [
        (f"D:P{MINE}", (), ()),
        (f"D:{MINE}(A;;0x1200a9;;;WD)", ("everyone",), ()),
        (f"O:BAG:BAD:AI{MINE}(A;ID;FA;;;BU)", ("all users",), ("all users",)),
        ("D:(A;;FR;;;AU)(A;;FW;;;WD)", ("all authenticated users",), ("everyone",)),
        ("D:(A;OICIIO;SDGXGWGR;;;AU)", (), ()),  # for what will be in the folder, not for itself
        ("D:(D;;FA;;;WD)", (), ()),
        ("D:(A;;FX;;;BU)", (), ()),
        ("O:BA", ("everyone",), ("everyone",)),
        ("D:NO_ACCESS_CONTROL", ("everyone",), ("everyone",)),
    ],
)
def test_an_access_list_says_who_else_reads_and_writes(entries, readers, writers):
    assert access.allowed(entries, access.READS) == readers
    assert access.allowed(entries, access.WRITES) == writers


def test_ctrl_break_counts_as_ctrl_c(monkeypatch):
    assert processes.code_of_signal(signal.SIGINT) == 130
    assert processes.code_of_signal(signal.SIGTERM) == 143
    monkeypatch.setattr(processes, "_BREAK", "SIGTERM")
    assert processes.code_of_signal(signal.SIGTERM) == 130


def test_a_lock_is_exclusive_and_leaves_the_file_readable(tmp_path):
    path = tmp_path / "ledger"
    path.write_bytes(b"content")
    one, other = (os.open(path, os.O_RDWR) for _ in range(2))
    files.lock(one)
    with pytest.raises(BlockingIOError):
        files.lock(other)
    assert path.read_bytes() == b"content"
    os.close(one)
    files.lock(other)
    os.close(other)


@posix("links")
def test_a_link_is_never_opened(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(OSError, match="symbolic links"):
        files.open_file(tmp_path / "link", os.O_RDONLY)


def test_what_comes_through_a_pipe_is_read_to_its_end():
    theirs, ours = os.pipe()
    _, come, _ = processes.pollable(theirs, 1 << 16)
    os.write(ours, b"orders\n")
    assert come() == b"orders\n"
    os.close(ours)
    assert come() == b""
    os.close(theirs)


def test_a_path_may_be_longer_than_windows_takes_at_first(tmp_path):
    assert names.allow_long_paths()
    place = tmp_path.joinpath(*("x" * 100 for _ in range(4)))
    assert not names.is_too_long(str(place))
    place.mkdir(parents=True)
    (place / "file").write_bytes(b"content")
    assert (place / "file").read_bytes() == b"content"


@pytest.mark.parametrize("path", ["/x", "../x", "a/../../x", *(("C:/x", "C:x", r"a\..\..\x") if WINDOWS else ())])
def test_a_path_that_leads_out_is_known(path):
    assert names.leads_out(path)


@pytest.mark.parametrize("path", ["", "x", "a/b.jpg", "a/..b/c", *(() if WINDOWS else ("C:/x", r"a\b"))])
def test_a_path_that_stays_inside_is_known(path):
    assert not names.leads_out(path)


def test_the_names_in_a_folder_are_flushed(tmp_path):
    files.flush_folder(tmp_path)
    with pytest.raises(OSError, match="gone"):
        files.flush_folder(tmp_path / "gone")


def test_a_new_folder_is_for_its_owner_alone(tmp_path):
    assert keeps_modes(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_handler_runs_while_results_are_waited_for():
    """A wait for a lock, which no signal ends on Windows, would call it when all is done."""
    called = []
    before = signal.signal(signal.SIGINT, lambda *_: called.append(1))
    try:
        with ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(until, called), pool.submit(lambda: 2)]
            threading.Timer(0.05, signal.raise_signal, [signal.SIGINT]).start()
            assert waiting.results(futures) == [True, 2]
    finally:
        signal.signal(signal.SIGINT, before)


def until(called):
    ends = time.monotonic() + 20
    while not called and time.monotonic() < ends:
        time.sleep(0.01)
    return bool(called)


def test_the_first_error_is_raised():
    with ThreadPoolExecutor(1) as pool, pytest.raises(ZeroDivisionError):
        waiting.results([pool.submit(lambda: 1 / 0)])


def test_an_event_ends_a_wait_and_so_does_the_time():
    event = waiting.Event()
    assert not event.wait(0.01)
    threading.Timer(0.05, event.set).start()
    assert event.wait()


def test_a_socket_that_can_be_read_is_waited_for():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x")
        waiting.until_readable(ours, 20)
        assert ours.recv(1) == b"x"
        waiting.until_readable(ours, 0.01)  # its own timeout follows


@pytest.mark.skipif(not WINDOWS, reason="access lists are of Windows")
def test_a_folder_is_closed_to_others(tmp_path):
    assert access.close_to_others(tmp_path)
    assert access.others_who_read(tmp_path) == ()


@pytest.mark.skipif(not WINDOWS, reason="commands are split so on Windows only")
def test_backslashes_stay_in_a_command():
    assert processes.split_words(r'"C:\Program Files\az.cmd" -o tsv') == [r"C:\Program Files\az.cmd", "-o", "tsv"]


def test_only_one_package_asks_for_the_system():
    """Four guards stand beside a call that only Linux has: clones, exchanged names, syncfs, limits of memory."""
    source = Path(sys.modules["cv_gdpr"].__file__).parent
    asking = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if "sys.platform" in (text := path.read_text("utf-8")) or "os.name ==" in text or "os.name !=" in text
    }
    others = {one for one in asking if not one.startswith("platforms/")}
    assert others == {"archive/durability.py", "archive/placing.py", "redact/exchange.py", "report/thumbnails.py"}
