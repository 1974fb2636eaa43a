"""What the ledger of an earlier run means for the same command: resumed, completed, or refused."""

import pytest
from msgspec.structs import replace

from cv_gdpr.delete.execute import earlier_run
from cv_gdpr.errors import UsageError
from cv_gdpr.evidence import files
from cv_gdpr.evidence.document import document_of
from cv_gdpr.evidence.ledger import chained
from tests.unit.happening import ASKED, ENDPOINT, ended, ledger_of, looked, opened, sent
from tests.unit.listing import names

EVENTS = [opened({"images": ["a"]}), *sent("images", "a"), looked("images", gone=["a"])]
DONE, STOPPED = ledger_of(*ended(*EVENTS)), ledger_of(*ended(*EVENTS, code=5))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "e.json"


def written(path, content, *, whole=True):
    """Write a ledger and, if `whole`, the files that follow from it."""
    path.with_suffix(".jsonl").write_bytes(content)
    if whole:
        files.write(path, chained(content))


def earlier(path, asked=ASKED):
    return earlier_run(path, ENDPOINT, asked)


def refusal(path, asked=ASKED):
    with pytest.raises(UsageError) as refused:
        earlier(path, asked)
    return refused.value.message, refused.value.hint


def test_a_run_leaves_a_ledger(path):
    assert earlier(path) is False
    assert refusal(path.with_suffix(".txt"))[0].endswith("does not end in .json")
    path.write_text("mine")
    assert refusal(path)[0] == f"{path} exists"


@pytest.mark.parametrize(("content", "expected"), [(b"", False), (b"{half", False), (ledger_of(*EVENTS), True)])
def test_an_interrupted_run_is_resumed(path, content, expected):
    written(path, content, whole=False)
    assert earlier(path) is expected
    path.with_suffix(".html").write_text("mine")
    assert refusal(path)[0] == f"{path.with_suffix('.html')} exists"


def test_a_stopped_run_is_resumed(path):
    written(path, STOPPED)
    assert earlier(path) is True


def test_a_finished_run_is_not_resumed(path):
    written(path, DONE)
    assert refusal(path) == (
        f"{path} is the evidence of a finished erasure; this run deleted nothing",
        "verify it with cv-gdpr verify, sign or time-stamp it with cv-gdpr certify; "
        "name another --evidence for a new erasure",
    )


def test_the_run_of_another_command_is_not_resumed(path):
    written(path, STOPPED)
    assert "another scope" in refusal(path, "other")[0]


@pytest.mark.parametrize("content", [DONE, STOPPED], ids=["done", "stopped"])
@pytest.mark.parametrize("missing", [".json", ".html", ".sha256"])
def test_missing_files_are_completed(path, content, missing):
    written(path, content)
    path.with_suffix(missing).unlink()
    found = earlier(path)
    assert (found.completed, found.stopped_by, found.path) == (True, None, path)
    assert found.evidence == document_of(chained(content), "e.jsonl")
    assert names(path.parent) == ["e.html", "e.json", "e.jsonl", "e.sha256"]


def test_a_foreign_file_is_in_the_way(path):
    written(path, DONE)
    path.write_text("mine")
    assert refusal(path) == (
        f"{path} is in the way: it differs from the ledger of this erasure",
        "move it away; the same command then completes the evidence from the ledger",
    )


def test_nothing_is_completed_from_a_contradicting_ledger(path):
    *events, end = ended(*EVENTS)
    written(path, ledger_of(*events, replace(end, document=replace(end.document, verdict="x"))), whole=False)
    message, hint = refusal(path)
    assert message.endswith("contradicts the events before it: verdict; no evidence can be completed from it")
    assert hint == "name another --evidence"
