"""`certify` replaces a certificate, the list of hashes and the signature together, wherever it is stopped."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from cv_gdpr.archive import replacing
from tests.delete.erasing import stock
from tests.platforms import SIGKILL

STOPPED = """
import os, sys
from pathlib import Path
from cv_gdpr.cli import main
how, count, *words = sys.argv[1:]
plain, calls = Path.replace, []
def replace(self, target):
    calls.append(target)
    if len(calls) == int(count) and how == "refused":
        raise PermissionError(13, "Permission denied", str(target))
    done = plain(self, target)
    if len(calls) == int(count):
        os.kill(os.getpid(), int(how))
    return done
Path.replace = replace
main(words)
"""


@pytest.fixture
def signed(sim, erase, keys, authority):
    """Evidence with a further certificate, signed and time-stamped; return a function that certifies a copy of it."""
    stock(sim, images=2, predictions=0, iterations=0)
    stamped = "--sign", keys.officer, "--timestamp", authority.url
    assert erase("--all", *stamped, evidence="e.json").code == 0
    words = "--lang", "de", *stamped
    assert erase.cli("certify", erase.folder / "e.json", *words).code == 0
    return erase.folder / "e.json", ["--annex", *map(str, words)]


def stopped(evidence, how, count, words):
    """Run certify in a process that is stopped at a rename; return its exit code."""
    command = [sys.executable, "-c", STOPPED, str(how), str(count), "certify", str(evidence), *words]
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("CV_GDPR")}
    return subprocess.run(command, env=quiet, capture_output=True, check=False, timeout=60).returncode


@pytest.mark.slow
@pytest.mark.parametrize("how", [int(SIGKILL), int(signal.SIGINT), "refused"])
def test_it_is_finished_by_the_same_command(signed, cli, anchors, tmp_path_factory, how):
    evidence, words = signed
    copies = tmp_path_factory.mktemp("copies")
    for count in range(1, 5):  # certificate, list, signature, its time-stamp
        place = shutil.copytree(evidence.parent, copies / str(count)) / evidence.name
        assert stopped(place, how, count, words) != 0
        left = cli("verify", place, *anchors)
        assert left.code == (0 if how == int(signal.SIGINT) else 4), left.out
        assert left.code == 0 or "certify was stopped" in left.out

        again = cli("certify", place, *words)
        assert again.code == 0, again.err
        assert cli("verify", place, *anchors).code == 0
        assert not list(place.parent.glob(".cv-gdpr-*"))


def test_a_marker_that_names_other_files_moves_nothing(tmp_path):
    one, other = tmp_path / "e.json", tmp_path / "other"
    (tmp_path / "theirs").write_text("x")
    for renames in (
        f'{{"theirs": "{one.name}"}}',
        '{"theirs": "other"}',
        "[]",
        "{",
        '{"../x": "e.json"}',
        '{"x": []}',
        "[" * 9999,
    ):
        replacing.marker_of(one).write_text(renames)
        with pytest.raises(ValueError, match=r"."):
            replacing.finish_replacing(one, [one])
        assert not one.exists()
        assert not other.exists()


def test_what_cannot_be_written_replaces_nothing(tmp_path, monkeypatch):
    one, other = tmp_path / "a", tmp_path / "b"
    one.write_text("old")
    monkeypatch.setattr(replacing, "write_new", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space"):
        replacing.replace_all(one, {one: b"new", other: b"new"})
    assert one.read_text() == "old"
    assert [place.name for place in tmp_path.iterdir()] == ["a"]
