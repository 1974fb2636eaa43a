"""What every document says of the run: start, end, paths from the root on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.delete.erasing import stock
from tests.platforms import posix

PATHS = {"folder", "file", "evidence", "ledger", "certificate", "hashes", "bag", "out", "made", "kept"}


@pytest.fixture
def documents(sim, cli, tmp_path, monkeypatch):
    """The documents of several commands, run in a folder of their own with relative paths."""
    monkeypatch.chdir(tmp_path)
    stock(sim)
    commands = (
        "list --all",
        "export --all --out bag",
        "verify bag",
        "convert bag --to csv --out table",
        "delete --all --dry-run",
        "delete --all --tag alice --yes --wait 0 --evidence e.json",
        "verify e.json",
        "redact e.json bag",
        "list --bogus",
        "doctor",
    )
    return {words: cli(*words.split(), "--json").json for words in commands}


@pytest.mark.slow
def test_documents_say_when_and_where(documents):
    for words, document in documents.items():
        start, end = (datetime.fromisoformat(document[name]) for name in ("start", "end"))
        assert start <= end <= datetime.now(UTC) < start + timedelta(minutes=1), words
        paths = {name: document[name] for name in PATHS & document.keys() if document[name]}
        assert all(Path(path).is_absolute() for path in paths.values()), words
        assert bool(paths) == (words.split()[0] not in {"list", "doctor"} and "--dry-run" not in words), words


def test_a_plan_that_is_refused_is_shown_first(sim, cli):
    stock(sim)
    ran = cli("delete", "--all", "--dry-run", "--max-delete", "1")
    assert ran.code == 2
    assert ran.out.startswith("Would be deleted")
    assert "--max-delete 1" in ran.err.splitlines()[0]
    ran = cli("delete", "--all", "--dry-run", "--max-delete", "1", "--json")
    assert (ran.code, ran.json["exitCode"], ran.json["format"].split("/")[0]) == (2, 2, "cv-gdpr-plan")


@pytest.mark.parametrize(
    "words", ["list --all", "delete --all --dry-run", "export --all --out bag", "delete exports --all"]
)
def test_quiet_prints_errors_alone(sim, cli, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    sim.fill(images=2)
    ran = cli(*words.split(), "-q")
    assert ran.out == ""
    assert all(line.startswith(("Error:", "Hint:")) for line in ran.err.splitlines())


@posix("modes")
@pytest.mark.parametrize(("rights", "told"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_key_file_that_others_can_read(sim, cli, tmp_path, rights, told):
    file = tmp_path / "key"
    file.write_text(sim.training_key)
    file.chmod(rights)
    ran = cli("list", "projects", "--all", "--key-file", file)
    assert ran.code == 0
    assert ran.err == (f"Warning: other users can read the key in {file}: chmod 600 {file}\n" if told else "")
