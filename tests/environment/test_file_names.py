"""File names in UTF-8 under any locale, and on file systems that decompose them: exported, resumed, verified."""

import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from custom_vision_simulator import Fault
from tests.delete.erasing import stock
from tests.endurance.enduring import environment
from tests.export.exporting import assert_bag, project_folder

NAME = "Jos\u00e9 \u540d"  # José 名


def named(sim, name=NAME):
    """Stock a resource whose project and iterations have a name beyond ASCII; return the project's id."""
    project = stock(sim, name)
    for number, one in enumerate(sim.store.projects[project].iterations.values()):
        one.name = f"\u00e9t\u00e9 {number}"
    return project


def started(sim, *words, **more):
    """Run the command in a process of its own, in this environment."""
    command = [sys.executable, "-m", "cv_gdpr", *words]
    return subprocess.run(command, env=environment(sim) | more, capture_output=True, timeout=120, check=False)


@pytest.fixture(params=["ascii", "latin-1"])
def locale(request, tmp_path):
    """Return the variables of a locale that is not UTF-8."""
    if request.param == "ascii":
        return {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    place = tmp_path / "locales" / "en_US.ISO-8859-1"
    place.parent.mkdir()
    if not shutil.which("localedef"):
        pytest.skip("localedef is missing")
    made = subprocess.run(["localedef", "-i", "en_US", "-f", "ISO-8859-1", place], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("this locale cannot be made here")
    return {"LC_ALL": place.name, "LOCPATH": str(place.parent), "PYTHONUTF8": "0"}


def test_names_are_utf_8_under_any_locale(sim, cli, tmp_path, locale):
    project = named(sim)
    out = tmp_path / "out"
    sim.fault(Fault("Blob", status=400))
    first = started(sim, "export", "--all", "-q", "--out", out, **locale)
    assert first.returncode == 3, first.stderr
    sim.blob_requests.clear()
    again = started(sim, "export", "--all", "-q", "--out", out, **locale)
    assert again.returncode == 0, again.stderr
    assert len(sim.blob_requests) == 1  # so the journal named the others
    assert project_folder(out, project).name == f"Jos\u00e9-\u540d-{project}"
    assert len(list(out.glob("data/*/iterations/\u00e9t\u00e9-*"))) == 2
    assert_bag(out)
    assert cli("verify", out).code == 0
    checked = started(sim, "verify", out, **locale)
    assert checked.returncode == 0, checked.stdout
    assert cli("delete", "--all", "--dry-run", "--require-export", out).code == 0
    kept = started(sim, "delete", "--all", "--dry-run", "--require-export", out, **locale)
    assert kept.returncode == 0, kept.stderr


def decompose(out):
    """Rename every folder of a bag as HFS+ would store it; return how many had another name."""
    folders = sorted((path for path in out.rglob("*") if path.is_dir()), reverse=True)  # children first
    other = [path for path in folders if not unicodedata.is_normalized("NFD", path.name)]
    for path in other:
        path.rename(path.with_name(unicodedata.normalize("NFD", path.name)))
    return len(other)


@pytest.fixture
def carried(sim, cli, tmp_path):
    """A bag that was carried over a file system that decomposes names."""
    named(sim)
    out = tmp_path / "out"
    assert cli("export", "--all", "-q", "--out", out).code == 0
    assert decompose(out) == 3
    return out


def test_a_bag_with_decomposed_names_verifies(sim, cli, carried, locale):
    ran = cli("verify", carried)
    assert ran.code == 0, ran.out
    assert cli("delete", "--all", "--dry-run", "--require-export", carried).code == 0
    checked = started(sim, "verify", carried, **locale)
    assert checked.returncode == 0, checked.stdout


def test_a_change_below_a_decomposed_name_is_found(cli, carried):
    changed = next(iter(carried.glob("data/*/images/*.jpg")))
    changed.write_bytes(b"other")
    ran = cli("verify", carried)
    assert ran.code == 4
    assert unicodedata.normalize("NFC", changed.relative_to(carried).as_posix()) in ran.out
    changed.unlink()
    assert ": missing" in cli("verify", carried).out


def test_two_spellings_of_one_name_are_a_difference(cli, carried):
    (folder,) = carried.glob("data/*/")
    shutil.copytree(folder, folder.with_name(unicodedata.normalize("NFC", folder.name)))
    ran = cli("verify", carried)
    assert ran.code == 4
    assert "2 files whose names differ only in how Unicode composes them" in ran.out


@pytest.fixture
def decomposing(tmp_path):
    """Return the variable that puts a process on a file system that decomposes names."""
    compiler, library = shutil.which("cc"), tmp_path / "decomposing.so"
    if not compiler or sys.platform != "linux":
        pytest.skip("a C compiler on Linux is needed")
    source = Path(__file__).with_name("decomposing.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", library, source, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}


def test_an_export_onto_a_file_system_that_decomposes(sim, tmp_path, decomposing):
    named(sim)
    out = tmp_path / "out"
    sim.fault(Fault("Blob", status=400))
    assert started(sim, "export", "--all", "-q", "--out", out, **decomposing).returncode == 3
    ran = started(sim, "export", "--all", "-q", "--out", out, **decomposing)
    assert ran.returncode == 0, ran.stderr
    assert not [name for top, *_ in os.walk(out) if (name := Path(top).name).count("\u00e9")]
    assert "Jos\u00e9" in (out / "manifest-sha256.txt").read_text(encoding="utf-8")
    for variables in (decomposing, {}):
        checked = started(sim, "verify", out, **variables)
        assert checked.returncode == 0, checked.stdout
    kept = started(sim, "delete", "--all", "--dry-run", "--require-export", out, **decomposing)
    assert kept.returncode == 0, kept.stderr
