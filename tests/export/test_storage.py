"""Storage that people really have: shares without fsync of folders, locks or modes, and two runs in one second."""

import ctypes
import errno
import itertools
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cv_gdpr.archive import durability, folder
from cv_gdpr.platforms import files
from tests.delete.erasing import stock as stock_to_erase
from tests.export.exporting import assert_bag, assert_one_error, stock
from tests.platforms import is_private, need, posix

TAGS = ("export", "tags", "--all")  # for what concerns the folder alone: a row that is read in few calls


@pytest.fixture
def stocked(sim, cli):
    """The command line, pointed at a stocked resource."""
    stock(sim)
    return cli


@pytest.fixture
def erasable(sim, cli):
    """The command line, pointed at a resource that can be erased."""
    stock_to_erase(sim)
    return cli


UNSUPPORTED = [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP]


def failing(number, usual, when=lambda *_: True):
    """Return a system call that fails with this error `when` its arguments say so."""

    def call(*arguments, **more):
        if when(*arguments):
            raise OSError(number, os.strerror(number))
        return usual(*arguments, **more)

    return call


def is_folder(handle):
    return stat.S_ISDIR(os.fstat(handle).st_mode)


class Library:
    """A C library whose syncfs fails with an error."""

    def __init__(self, number):
        self.number = number

    def syncfs(self, _):
        ctypes.set_errno(self.number)
        return -1


def without_fsync_of_folders(patch, number):
    need("fsync of folders")
    patch.setattr(os, "fsync", failing(number, os.fsync, is_folder))


def without_fsync(patch, number):
    patch.setattr(os, "fsync", failing(number, os.fsync))


def without_syncfs(patch, number):
    need("fsync of folders")
    patch.setattr(ctypes, "CDLL", lambda *_, **__: Library(number))


def without_the_function_syncfs(patch, _):
    need("fsync of folders")
    patch.setattr(ctypes, "CDLL", lambda *_, **__: object())


SAID = {
    without_fsync_of_folders: "fsync of a folder",
    without_fsync: "fsync",
    without_syncfs: "syncfs",
    without_the_function_syncfs: "syncfs",
}


def each(lacks, numbers):
    """Return each way in which a system call is lacking, with each error."""
    pairs = itertools.product(lacks, numbers)
    return [pytest.param(pair, id=f"{pair[0].__name__}-{errno.errorcode[pair[1]]}") for pair in pairs]


@pytest.fixture
def lacking(request, monkeypatch):
    """Make a system call fail; return the function that does so."""
    lack, number = request.param
    monkeypatch.setattr(durability, "_said", set())
    lack(monkeypatch, number)
    return lack


@pytest.mark.slow
@pytest.mark.parametrize("lacking", each(SAID, UNSUPPORTED), indirect=True)
def test_a_share_that_cannot_sync_is_used_and_named_once(stocked, tmp_path, caplog, lacking):
    cli = stocked
    with caplog.at_level("INFO", "cv_gdpr"):
        assert cli(*TAGS, "-q", "--out", tmp_path / "out").code == 0
        assert cli(*TAGS, "-q", "--out", tmp_path / "more").code == 0
    assert_bag(tmp_path / "out")
    said = [one for one in caplog.records if "the file system has no" in one.getMessage()]
    assert sum(f"no {SAID[lacking]} (" in one.getMessage() for one in said) == 1
    assert all(one.levelname == "INFO" for one in said)  # printed with -v


@pytest.mark.slow
@pytest.mark.parametrize("lacking", each(SAID, [errno.EINVAL]), indirect=True)
@pytest.mark.usefixtures("lacking")
def test_files_are_exported_to_a_share_that_cannot_sync(stocked, tmp_path):
    assert stocked("export", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert_bag(tmp_path / "out")


NO_FSYNC = each([without_fsync_of_folders, without_fsync], [errno.EINVAL, errno.ENOSYS])


@pytest.mark.parametrize("lacking", NO_FSYNC, indirect=True)
@pytest.mark.usefixtures("lacking")
def test_evidence_on_a_share_that_cannot_sync_is_written(erasable, tmp_path):
    cli = erasable
    assert cli("delete", "--all", "--yes", "--evidence", tmp_path / "e.json").code == 0
    assert cli("verify", tmp_path / "e.json").code == 0


FAILING = each([without_fsync_of_folders, without_fsync, without_syncfs], [errno.EIO, errno.ENOSPC, errno.EDQUOT])
REASONS = [os.strerror(number) for number in (errno.EIO, errno.ENOSPC, errno.EDQUOT)]


@pytest.mark.slow
@pytest.mark.parametrize("row", ["tags", "images"])
@pytest.mark.parametrize("lacking", FAILING, indirect=True)
@pytest.mark.usefixtures("lacking")
def test_a_disk_that_fails_to_sync_stops_the_run(stocked, tmp_path, row):
    ran = stocked("export", row, "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 1)
    assert any(reason in ran.err for reason in REASONS)
    assert not (tmp_path / "out" / "bagit.txt").exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, *UNSUPPORTED], ids=errno.errorcode.get)
def test_a_share_without_locks_is_said_as_what_it_is(sim, cli, tmp_path, monkeypatch, number):
    stock_to_erase(sim)
    monkeypatch.setattr(files, "lock", failing(number, files.lock))
    for words in [("export", "--out", tmp_path / "out"), ("delete", "--yes", "--evidence", tmp_path / "e.json")]:
        ran = cli(*words, "--all")
        assert_one_error(ran, 1)
        assert f"cannot lock files ({os.strerror(number)})" in ran.err
        assert "Hint: name a folder on a local disk" in ran.err
    assert not [call for call in sim.calls if call.method == "DELETE"]


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EACCES], ids=errno.errorcode.get)
def test_a_lock_of_another_process_is_a_usage_error(sim, cli, tmp_path, monkeypatch, number):
    stock_to_erase(sim)
    monkeypatch.setattr(files, "lock", failing(number, files.lock))
    for words in [("export", "--out", tmp_path / "out"), ("delete", "--yes", "--evidence", tmp_path / "e.json")]:
        ran = cli(*words, "--all")
        assert_one_error(ran, 2)
        assert "is writing to" in ran.err


# --- modes ------------------------------------------------------------------------------------------------------


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def out(tmp_path):
    """An empty folder that is there before the export."""
    made = tmp_path / "out"
    made.mkdir()
    return made


@pytest.fixture
def said(caplog):
    """Return a function that returns the warnings of the runs so far."""
    return lambda: [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o711, 0o775, 0o2755])
def test_an_existing_folder_is_closed_with_a_warning(sim, cli, out, said, mode):
    stock(sim)
    out.chmod(mode)
    assert cli(*TAGS, "-q", "--out", out).code == 0
    assert mode_of(out) & 0o777 == 0o700
    assert said() == [f"Warning: only its owner can enter {out} from now on; its mode was {mode:04o}"]


@posix("modes")
@pytest.mark.parametrize("mode", [0o700, 0o500, 0o2700])
def test_a_private_folder_needs_no_warning(sim, cli, out, said, mode):
    stock(sim)
    out.chmod(mode)
    assert cli(*TAGS, "-q", "--out", out).code == 0
    assert is_private(out)
    assert said() == []


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o2775, 0o707, 0o703])
def test_a_shared_folder_is_refused_and_stays_shared(sim, cli, out, said, mode):
    stock(sim)
    out.chmod(mode)
    ran = cli(*TAGS, "--out", out)
    assert_one_error(ran, 2)
    assert f"is shared with other users (mode {mode:04o})" in ran.err
    assert f"Hint: name a subfolder that does not exist yet: --out {out / 'export'}" in ran.err
    assert (mode_of(out), list(out.iterdir())) == (mode, [])
    assert cli(*TAGS, "-q", "--out", out / "export").code == 0
    assert (mode_of(out), said()) == (mode, [])
    assert_bag(out / "export")


def refuse_chmod(patch, number):
    patch.setattr(os, "chmod", failing(number, os.chmod))


def ignore_chmod(patch, _):
    patch.setattr(os, "chmod", lambda *_, **__: None)


CHMODS = [(refuse_chmod, errno.EPERM), (refuse_chmod, errno.EACCES), (refuse_chmod, errno.ENOTSUP), (ignore_chmod, 0)]


@pytest.fixture(params=CHMODS)
def no_chmod(request, monkeypatch):
    """Return a function that makes chmod fail from now on."""
    chmod, number = request.param
    return lambda: chmod(monkeypatch, number)


def test_a_mode_that_cannot_be_changed_names_a_subfolder(stocked, out, said, no_chmod):
    cli = stocked
    out.chmod(0o755)
    no_chmod()
    ran = cli(*TAGS, "--out", out)
    assert_one_error(ran, 2)
    assert "its mode (0755) lets others in, and cannot be changed" in ran.err
    assert f"Hint: name a subfolder that does not exist yet: --out {out / 'export'}" in ran.err
    assert (mode_of(out), list(out.iterdir())) == (0o755, [])
    assert cli(*TAGS, "-q", "--out", out / "export").code == 0
    assert said() == []


@pytest.fixture
def without_modes(monkeypatch, no_chmod):
    """Return a function that makes every new folder one of a mode, as FAT and many shares do."""
    need("modes")

    def mount(mode):
        make, change = os.mkdir, os.chmod

        def made(path, *_, **__):
            make(path)
            change(path, mode)

        monkeypatch.setattr(os, "mkdir", made)
        no_chmod()

    return mount


@pytest.mark.slow
@pytest.mark.parametrize("mode", [0o777, 0o755])
@pytest.mark.parametrize("name", ["out", "existing"])
def test_a_file_system_without_modes_is_a_warning(stocked, tmp_path, said, without_modes, mode, name):  # noqa: PLR0913, PLR0917
    out = tmp_path / name
    without_modes(mode)
    if name == "existing":
        out.mkdir()
    assert stocked(*TAGS, "-q", "--out", out).code == 0
    assert_bag(out)
    assert said() == [f"Warning: others may be able to read {out}: its file system does not keep modes ({mode:04o})"]


@posix("owners")
def test_a_share_that_maps_owners_is_a_warning(stocked, out, monkeypatch, said, no_chmod):
    cli = stocked
    out.chmod(0o777)
    no_chmod()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)  # so that new files belong to another user
    assert cli(*TAGS, "-q", "--out", out).code == 0
    assert_bag(out)
    assert [warning.partition(out.name)[0].split(str(out.parent))[0] for warning in said()] == [
        "Warning: the owner of ",
        "Warning: others may be able to read ",
    ]


# --- names ------------------------------------------------------------------------------------------------------


class Clock(datetime):
    """A clock that stands at one second."""

    @classmethod
    def now(cls, tz=None):
        return datetime(2026, 1, 2, 3, 4, 5, 678, tz or UTC)


NAME = "cv-gdpr-export-20260102T030405Z"


def test_two_exports_in_one_second_get_two_names(sim, cli, tmp_path, monkeypatch):
    stock(sim, images=3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(folder, "datetime", Clock)
    folders = [cli("export", "tags", "--all", "--json").json["folder"] for _ in range(3)]
    assert folders == [str(tmp_path / name) for name in (NAME, f"{NAME}-2", f"{NAME}-3")]
    for name in folders:
        assert_bag(tmp_path / name)


def test_concurrent_runs_never_share_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(folder, "datetime", Clock)
    (tmp_path / NAME).symlink_to("nowhere")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: folder.new_folder(), range(16)))
    assert len(set(made)) == 16
    assert Path(NAME) not in made
    assert all(map(is_private, made))


def test_a_usage_error_leaves_no_default_folder(sim, cli, tmp_path, monkeypatch):
    stock(sim)
    monkeypatch.chdir(tmp_path)
    assert cli("export", "--project", "nowhere").code == 2
    assert cli("export", "--all", CV_GDPR_TRAINING_KEY="0" * 32).code == 5
    assert list(tmp_path.iterdir()) == []
