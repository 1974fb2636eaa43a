"""The check that the files of an erasure agree: each difference is named, and where it is."""

import hashlib
import json

import pytest
from msgspec.structs import replace

from cv_gdpr.errors import UsageError
from cv_gdpr.evidence import files
from cv_gdpr.evidence.checking import check, compare
from cv_gdpr.evidence.ledger import chained
from tests.platforms import WINDOWS
from tests.unit.happening import ended, ledger_of, looked, opened, sent

EVENTS = [opened({"images": ["a"]}), *sent("images", "a"), looked("images", gone=["a"])]
ENDED = ended(*EVENTS)
SUFFIXES = (".json", ".jsonl", ".html", ".sha256")


@pytest.fixture
def path(tmp_path):
    """The path of evidence whose four files agree."""
    return write(tmp_path / "e.json", ledger_of(*ENDED))


def write(path, content):
    """Write a ledger and the files that follow from it, and return the evidence's path."""
    path.with_suffix(".jsonl").write_bytes(content)
    for place, text in files.texts(path, chained(content)).items():
        place.write_bytes(text)
    return path


def edit(path, old, new):
    """Replace a text that a file holds."""
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


def listed_anew(path):
    """Rewrite the list of hashes, as a forger would."""
    three = [path.with_suffix(suffix) for suffix in (".json", ".html", ".jsonl")]
    lines = [files.hash_line(hashlib.sha256(file.read_bytes()).hexdigest(), file) for file in three if file.exists()]
    path.with_suffix(".sha256").write_bytes(b"".join(lines))


def by(tool, **fields):
    """Return the ledger of another version, whose end states these fields."""
    events = [replace(EVENTS[0], tool=tool), *EVENTS[1:]]
    *_, end = ended(*events)
    return ledger_of(*events, replace(end, document=replace(end.document, tool=tool, **fields)))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_that_agree_have_no_differences(path, suffix):
    assert check(path.with_suffix(suffix)) == []


@pytest.mark.parametrize("other", [".json", ".html", ".sha256"])
def test_a_ledger_alone_has_no_differences(path, other):
    path.with_suffix(other).unlink()
    assert check(path.with_suffix(".jsonl")) == []


# --- what is missing, or is not there at all ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "difference"),
    [
        (".jsonl", "e.jsonl: the ledger is missing"),
        (".html", "e.html: the certificate is missing"),
        (".sha256", "e.sha256: the list of hashes is missing"),
    ],
)
def test_a_file_that_is_missing(path, suffix, difference):
    path.with_suffix(suffix).unlink()
    assert check(path) == [difference]


@pytest.mark.parametrize("suffix", [".html", ".sha256"])
def test_evidence_that_is_missing(path, suffix):
    path.unlink()
    assert check(path.with_suffix(suffix)) == ["e.json: the evidence is missing"]
    path.with_suffix(".jsonl").unlink()
    with pytest.raises(UsageError) as refused:
        check(path.with_suffix(suffix))
    asked = path.with_suffix(suffix)
    assert refused.value.message == (f"{asked} is not evidence of cv-gdpr: neither e.json nor its ledger is beside it")


def test_evidence_without_a_ledger_is_checked(path):
    path.with_suffix(".jsonl").unlink()
    assert check(path.with_suffix(".html")) == ["e.jsonl: the ledger is missing"]


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_a_file_that_cannot_be_read(tmp_path, suffix):
    with pytest.raises(UsageError) as refused:
        check(tmp_path / f"x{suffix}")
    before, _, reason = refused.value.message.rpartition(": ")
    assert before == f"{tmp_path / 'x'}{suffix} cannot be read"
    assert reason == "No such file or directory" or (WINDOWS and reason)  # which has words of its own


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (b"", True),
        (b'{"n":1', True),
        (b'{"n":1,"at":"2026', True),
        (b"{", True),
        (b'{"n":2', False),
        (b'{"n":1}\n', False),
        (b"[]\n", False),
        (b'{"n":1,"at":"2026"}\n', False),
        (b"text", False),
        (b'{"a":1}\n{"previous":1}\n', True),
        (ledger_of(EVENTS[0]) + b"text", True),
    ],
    ids=[
        "nothing",
        "cut off",
        "cut off later",
        "one byte",
        "another number",
        "a line",
        "a list",
        "a line with a time",
        "a text",
        "a hash",
        "an event",
    ],
)
def test_what_may_have_been_a_ledger(tmp_path, content, known):
    ledger = tmp_path / "e.jsonl"
    ledger.write_bytes(content)
    if known:
        assert len(check(ledger)) == 1
    else:
        with pytest.raises(UsageError, match="is not a ledger of cv-gdpr"):
            check(ledger)
        ledger.with_suffix(".json").write_text("x")
        assert len(check(ledger)) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x", "is not JSON"),
        ("[" * 200_000, "is not JSON"),
        ("[]", "is not evidence of cv-gdpr"),
        ("{}", "is not evidence of cv-gdpr"),
        ('{"format":"cv-gdpr-evidence/2"}', "is not evidence of cv-gdpr"),
    ],
    ids=["text", "too deep", "a list", "no format", "another format"],
)
def test_what_is_not_evidence(path, text, why):
    path.write_text(text)
    listed_anew(path)
    assert check(path) == [f"e.json {why}", "e.html: cannot be checked: the evidence is invalid"]
    path.with_suffix(".jsonl").write_text("[]\n")
    with pytest.raises(UsageError) as refused:
        check(path)
    assert refused.value.message == f"{path} {why}"
    path.with_suffix(".jsonl").unlink()
    with pytest.raises(UsageError, match=why):
        check(path)


# --- the evidence -----------------------------------------------------------------------------------------------

INVALID, EXIT_CODE = "e.json: invalid: ", "exitCode: differs from the ledger"
ITEMS = "items: differs from the ledger"
CHANGES = {
    "a state": ((b'"state": "deleted"', b'"state": "residue"'), [ITEMS]),
    "a number as a boolean": ((b'"exitCode": 0', b'"exitCode": false'), [INVALID, EXIT_CODE]),
    "a number as a fraction": ((b'"exitCode": 0', b'"exitCode": 0.0'), [INVALID, EXIT_CODE]),
    "two fields": (
        (b'"exitCode": 0,\n  "method"', b'"exitCode": 3,\n  "planHash": "1", "method"'),
        ["planHash: occurs twice in one object of e.json", "exitCode: differs from the ledger"],
    ),
    "the spelling": ((b"{\n", b"{"), ["the evidence is not formatted as cv-gdpr writes it"]),
    "a field too many": (
        (b'"exitCode"', b'"approved": true, "exitCode"'),
        ["approved: not a field of cv-gdpr-evidence/1", "the evidence is not formatted as cv-gdpr writes it"],
    ),
    "a field missing": (
        (b'  "retryable": false,\n', b""),
        ["retryable: missing", "retryable: differs from the ledger"],
    ),
    "a field within": (
        (b'"requestId"', b'"more": 1, "requestId"'),
        [INVALID, ITEMS],
    ),
    "fields twice": (
        (b'"exitCode": 0', b'"z": {"b": 1, "b": 2}, "y": {"a": 1, "a": 2, "c": 1}, "exitCode": 0'),
        [
            "a: occurs twice in one object of e.json",
            "b: occurs twice in one object of e.json",
            "z: not a field of cv-gdpr-evidence/1",
            "y: not a field of cv-gdpr-evidence/1",
            "the evidence is not formatted as cv-gdpr writes it",
        ],
    ),
    "half a surrogate": ((b'"requestId": "r"', b'"requestId": "\\ud800"'), [ITEMS]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_evidence_that_was_changed(path, name):
    (old, new), expected = CHANGES[name]
    edit(path, old, new)
    listed_anew(path)
    found = [one for one in check(path) if not one.startswith("e.html: ")]
    assert len(found) == len(expected), found
    for one, beginning in zip(found, expected, strict=True):
        assert one.startswith(beginning)


def test_a_change_without_its_hash(path):
    edit(path, b'"exitCode": 0', b'"exitCode": 3')
    assert check(path) == [
        "exitCode: differs from the ledger",
        "e.html: differs from the certificate of this evidence",
        "e.json: its hash is not in e.sha256",
    ]


# --- the certificate and the list ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"Erased", b"destroyed", "differs from the certificate of this evidence"),
        (b"</body>", b"<script></body>", "holds foreign markup: script"),
        (b"</body>", b"<!--" + b"x" * 99 + b"--></body>", f"holds foreign markup: a comment {'x' * 70}"),
        (b"Erased", b"\xff<script>", "holds foreign markup: script"),
    ],
    ids=["a word", "a script", "a comment", "not UTF-8"],
)
def test_a_certificate_that_was_changed(path, old, new, why):
    edit(path.with_suffix(".html"), old, new)
    listed_anew(path)
    assert check(path) == [f"e.html: {why}"]


PAGES = {
    "unchanged": (b"Erased", b"Erased", [], ""),
    "a word": (b"Erased", b"destroyed", [], "e.html: by cv-gdpr 9, "),
    "a class": (b'class="verdict"', b'class="result"', [], "e.html: by cv-gdpr 9, "),
    "the style": (b"<style>", b"<style>td { display: none }", [], "the style sheet of e.html, which may hide text: by"),
    "a picture": (b"Erased", b"<img>", ["e.html: holds foreign markup: img"], ""),
    "a style that loads": (
        b"<style>",
        b"<style>td { background: \\75rl(//x) }",
        ["e.html: holds foreign markup: a style sheet that may load a file"],
        "",
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_certificate_of_another_version(tmp_path, name):
    old, new, differing, uncompared = PAGES[name]
    path = write(tmp_path / "e.json", by("cv-gdpr 9"))
    edit(path.with_suffix(".html"), old, new)
    listed_anew(path)
    found = compare(path)
    assert found.differences == differing
    assert [one[: len(uncompared)] for one in found.uncompared] == ([uncompared] if uncompared else [])
    edit(path.with_suffix(".html"), b"</body>", b"\n</body>")
    assert check(path) == [*differing, "e.html: its hash is not in e.sha256"]


LIST = "e.sha256: not a list of these 3 files as sha256sum writes it"
LISTS = {
    "a line twice": (lambda lines: [lines[0], *lines], [LIST]),
    "an empty line": (lambda lines: [*lines, b""], [LIST]),
    "no end": (lambda lines: lines[:-1], [LIST]),
    "in another order": (lambda lines: [lines[1], lines[0], *lines[2:]], []),
    "a line less": (lambda lines: lines[1:], ["e.json: its hash is not in e.sha256", LIST]),
    "another hash": (lambda lines: [lines[0], b"0" + lines[1], *lines[2:]], ["e.html: its hash is not in e.sha256"]),
    "no line feed": (lambda lines: [*lines[:-1], b"x"], [LIST]),
    "nothing": (
        lambda _: [b""],
        [*(f"e.{one}: its hash is not in e.sha256" for one in ("json", "jsonl", "html")), LIST],
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_hashes_that_was_changed(path, name):
    act, expected = LISTS[name]
    hashes = path.with_suffix(".sha256")
    hashes.write_bytes(b"\n".join(act(hashes.read_bytes().split(b"\n"))))
    assert check(path) == check(hashes) == expected


def test_the_list_counts_for_a_ledger_alone(path):
    hashes = path.with_suffix(".sha256")
    hashes.write_bytes(b"")
    assert check(path.with_suffix(".jsonl")) == ["e.jsonl: its hash is not in e.sha256"]


def test_numbers_and_booleans_differ(path):
    fields = json.loads(path.read_text())
    fields["runs"][0]["items"] = True
    path.write_text(json.dumps(fields, indent=2) + "\n")
    assert "runs: differs from the ledger" in check(path)
