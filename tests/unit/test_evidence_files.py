"""The files beside the evidence: their names, their contents, and what may be in their way."""

import errno
import hashlib
import json
import os
import re
from pathlib import Path

import pytest

from cv_gdpr.errors import StorageError, UsageError
from cv_gdpr.evidence import files
from cv_gdpr.evidence.certificate import certificate
from cv_gdpr.evidence.document import document_of
from cv_gdpr.evidence.ledger import Ledger
from cv_gdpr.evidence.records import as_json
from cv_gdpr.platforms.shells import quoted
from tests.platforms import WINDOWS, not_wine, posix
from tests.unit.happening import ASKED, ENDPOINT, chain_of, ended, ledger_of, looked, opened, sent
from tests.unit.listing import names, open_handles

EVENTS = [opened({"images": ["a"]}), *sent("images", "a"), looked("images", gone=["a"])]
CHAIN = chain_of(*ended(*EVENTS))
OTHERS = (".json", ".html", ".sha256")


@pytest.fixture
def path(tmp_path):
    """The path of evidence whose ledger alone is written."""
    (tmp_path / "e.jsonl").write_bytes(ledger_of(*ended(*EVENTS)))
    return tmp_path / "e.json"


def refusal(act, *arguments):
    with pytest.raises(UsageError) as refused:
        act(*arguments)
    return refused.value.message, refused.value.hint


# --- names ------------------------------------------------------------------------------------------------------


def test_the_names_beside_the_evidence():
    path = Path("a/x.json")
    assert files.ledger_of(path) == Path("a/x.jsonl")
    assert files.certificate_of(path) == Path("a/x.html")
    assert files.hashes_of(path) == Path("a/x.sha256")


def test_evidence_ends_in_json(tmp_path):
    message, hint = refusal(files.check_name, tmp_path / "e.txt")
    assert message == f"--evidence {tmp_path / 'e.txt'} does not end in .json"
    assert hint.startswith("beside NAME.json come NAME.jsonl")
    files.check_name(tmp_path / "e.json")


@pytest.mark.parametrize("name", ["e.begin.json", "e.plan.json", "e.certificate.de.json"])
def test_a_name_beside_other_evidence_is_refused(tmp_path, name):
    message, _ = refusal(files.check_name, tmp_path / name)
    assert message == f"--evidence {tmp_path / name} would be taken for a file of other evidence"


def test_the_folder_of_evidence_exists(tmp_path, monkeypatch):
    path = tmp_path / "missing" / "e.json"
    assert refusal(files.check_name, path) == (f"--evidence {path}: its folder does not exist", None)
    monkeypatch.chdir(tmp_path)
    files.check_name(Path("e.json"))


@not_wine("long names")
@pytest.mark.parametrize("kept", [5, 7, 30])
def test_a_name_that_is_too_long_is_refused(tmp_path, kept):
    """The longest name is that of a ledger's copy, ".rescued-01234567.jsonl": 23 characters."""
    longest = 255 - 23
    files.check_name(tmp_path / f"{'x' * longest}.json")
    message, _ = refusal(files.check_name, tmp_path / f"{'x' * (longest + kept)}.json")
    assert message.startswith(f"--evidence {tmp_path / 'x'}")
    assert WINDOWS or message.endswith(": File name too long")


@pytest.mark.parametrize("suffix", OTHERS)
def test_a_file_that_is_there_is_not_overwritten(tmp_path, suffix):
    path = tmp_path / "e.json"
    files.check_free(path)
    (tmp_path / "e.jsonl").write_text("")
    files.check_free(path)
    path.with_suffix(suffix).symlink_to("nowhere")
    assert refusal(files.check_free, path) == (
        f"{path.with_suffix(suffix)} exists",
        "name another file with --evidence: nothing is overwritten",
    )


@pytest.fixture
def at_noon(monkeypatch):
    """Stop the clock that names evidence."""

    class Noon(files.datetime):
        @classmethod
        def now(cls, tz=None):
            assert tz is files.UTC
            return cls(2026, 1, 2, 12, 0, 5, tzinfo=tz)

    monkeypatch.setattr(files, "datetime", Noon)
    return "cv-gdpr-erasure-20260102T120005Z"


def test_an_unused_name_is_reserved_by_its_ledger(tmp_path, at_noon):
    before = open_handles()
    assert files.unused(tmp_path) == tmp_path / f"{at_noon}.json"
    assert names(tmp_path) == [f"{at_noon}.jsonl"]
    assert (tmp_path / f"{at_noon}.jsonl").read_bytes() == b""
    assert files.unused(tmp_path) == tmp_path / f"{at_noon}-2.json"
    for number, suffix in enumerate(OTHERS, 3):
        (tmp_path / f"{at_noon}-{number}{suffix}").symlink_to("nowhere")
    assert files.unused(tmp_path) == tmp_path / f"{at_noon}-6.json"
    assert open_handles() <= before  # what an earlier test left may be closed meanwhile


@pytest.mark.slow
def test_a_thousand_erasures_of_a_second_are_too_many(tmp_path, at_noon):
    for number in range(1, 999):
        (tmp_path / f"{at_noon}{f'-{number}' if number > 1 else ''}.jsonl").touch()
    assert files.unused(tmp_path).name == f"{at_noon}-999.json"
    with pytest.raises(StorageError, match="has a thousand erasures of this second") as refused:
        files.unused(tmp_path)
    assert refused.value.hint == "name the evidence with --evidence"


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(StorageError, match=r"cv-gdpr-erasure-.*: No such file or directory"):
        files.unused(tmp_path / "missing")


def test_an_interrupted_run_of_the_same_command_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert files.unfinished(ENDPOINT, ASKED) is None
    begun = ledger_of(*EVENTS)
    contents = {
        "1": b"",  # reserved
        "2": begun,  # with evidence
        "3": ledger_of(*ended(*EVENTS)),
        "4": b"{}\n",
        "5": ledger_of(opened(endpoint="https://other")),
        "6": b"{half",  # no whole line
        "8": begun,
        "9": begun,
    }
    for name, content in contents.items():
        (tmp_path / f"cv-gdpr-erasure-{name}.jsonl").write_bytes(content)
    (tmp_path / "cv-gdpr-erasure-2.json").touch()
    (tmp_path / "mine.jsonl").write_bytes(begun)
    (tmp_path / "cv-gdpr-erasure-7.jsonl").symlink_to("nowhere")
    assert files.unfinished(ENDPOINT, ASKED) == Path("cv-gdpr-erasure-8.json")
    assert files.unfinished(ENDPOINT, "delete --tag bob") is None
    with Ledger(Path("cv-gdpr-erasure-8.jsonl"), ENDPOINT):
        assert files.unfinished(ENDPOINT, ASKED) == Path("cv-gdpr-erasure-9.json")


# --- contents ---------------------------------------------------------------------------------------------------


def test_the_contents_of_the_three_files(path):
    document = document_of(CHAIN, "e.jsonl")
    evidence = (json.dumps(as_json(document), indent=2) + "\n").encode()
    page = certificate(document).encode()
    hashes = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in (("e.json", evidence), ("e.html", page), ("e.jsonl", ledger_of(*ended(*EVENTS))))
    )
    found = files.texts(path, CHAIN)
    assert list(found) == [path, path.with_suffix(".html"), path.with_suffix(".sha256")]
    assert list(found.values()) == [evidence, page, hashes.encode()]


def test_a_page_escapes_half_a_surrogate():
    document = document_of(chain_of(*ended(opened(unmatched=["\ud800"]))), "e.jsonl")
    assert rb"\ud800" in files.page_of(document)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("e.json", b"0a  e.json\n"),
        ("a b", b"0a  a b\n"),
        pytest.param("a\\b", b"\\0a  a\\\\b\n", marks=posix("names in bytes")),
        ("a\nb", b"\\0a  a\\nb\n"),
        ("a\rb", b"\\0a  a\\rb\n"),
        pytest.param("\udcff", b"0a  \xff\n", marks=posix("names in bytes")),
    ],
    ids=["usual", "blank", "backslash", "line feed", "return", "not UTF-8"],
)
def test_a_line_is_as_sha256sum_writes_it(name, line):
    assert files.hash_line("0a", Path("x") / name) == line


def test_all_files_are_written_once(path):
    assert files.write(path, CHAIN) == document_of(CHAIN, "e.jsonl")
    expected = files.texts(path, CHAIN)
    assert {place: place.read_bytes() for place in expected} == expected
    times = [place.stat().st_ino for place in expected]
    path.with_suffix(".html").unlink()
    files.write(path, CHAIN)
    assert {place: place.read_bytes() for place in expected} == expected
    assert [place.stat().st_ino for place in expected][::2] == times[::2]
    assert sorted(expected) == sorted(tmp for tmp in path.parent.iterdir() if tmp.suffix != ".jsonl")


def test_a_file_that_appeared_is_not_overwritten(path):
    place = path.with_suffix(".html")
    place.write_text("theirs")
    with pytest.raises(StorageError) as refused:
        files.write(path, CHAIN)
    assert refused.value.message == f"{place} appeared during the run and is not overwritten"
    assert refused.value.hint == (
        f"move it away; the ledger is complete: the same command with --evidence {path} writes the other files"
    )
    assert place.read_text() == "theirs"


def test_a_disk_that_fails_is_an_error_with_a_hint(tmp_path):
    path = tmp_path / "a b" / "e.json"
    with pytest.raises(StorageError, match="cannot write") as refused:
        files.write(path, CHAIN)
    assert refused.value.__cause__.__cause__.errno == errno.ENOENT
    hint = f"the ledger is complete: the same command with --evidence {quoted(str(path))} writes the other files"
    assert refused.value.hint == hint


# --- in the way -------------------------------------------------------------------------------------------------


def test_what_is_missing_and_what_is_in_the_way(path):
    places = [path.with_suffix(suffix) for suffix in OTHERS]
    assert files.in_the_way(path, CHAIN) == (places, [])
    files.write(path, CHAIN)
    assert files.in_the_way(path, CHAIN) == ([], [])
    path.with_suffix(".html").write_text("theirs")
    path.unlink()
    before = open_handles()
    assert files.in_the_way(path, CHAIN) == ([path], [path.with_suffix(".html")])
    assert open_handles() <= before  # what an earlier test left may be closed meanwhile


def test_a_link_is_in_the_way(path):
    files.write(path, CHAIN)
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")
    path.with_suffix(".html").unlink()
    path.with_suffix(".html").symlink_to("nowhere")
    path.with_suffix(".sha256").unlink()
    path.with_suffix(".sha256").mkdir()
    assert files.in_the_way(path, CHAIN) == ([], [path.with_suffix(suffix) for suffix in OTHERS])


def test_files_of_a_killed_run_are_removed(path):
    digest = hashlib.sha256(os.fsencode("e.html")).hexdigest()[:12]
    (path.parent / f".cv-gdpr-{digest}-0.part").touch()
    files.in_the_way(path, CHAIN)
    assert names(path.parent) == ["e.jsonl"]


def test_the_files_of_a_stopped_run_are_withdrawn(path):
    files.write(path, CHAIN)
    path.with_suffix(".html").unlink()
    files.withdraw(path, CHAIN)
    assert names(path.parent) == ["e.jsonl"]
    files.withdraw(path, CHAIN)


def test_a_file_that_differs_is_not_withdrawn(path):
    files.write(path, CHAIN)
    path.with_suffix(".html").write_text("theirs")
    assert refusal(files.withdraw, path, CHAIN) == (
        f"{path.with_suffix('.html')} differs from the ledger of this erasure",
        "move it away, and try again",
    )
    assert names(path.parent) == ["e.html", "e.json", "e.jsonl", "e.sha256"]


def test_the_list_of_hashes_is_withdrawn_first(path, monkeypatch):
    """What a killed run leaves has no list of hashes, so that nothing of it looks whole."""
    files.write(path, CHAIN)
    removed = []
    unlink = Path.unlink
    monkeypatch.setattr(Path, "unlink", lambda self, **given: (removed.append(self.suffix), unlink(self, **given)))
    files.withdraw(path, CHAIN)
    assert [one for one in removed if re.fullmatch(r"\.(json|html|sha256)", one)] == [".sha256", ".html", ".json"]
