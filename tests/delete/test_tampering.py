"""`cv-gdpr verify FILE`: intact evidence passes; every edit of it or of its ledger is found."""

import hashlib
import json
import random
import re
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec import ValidationError, convert

from custom_vision_simulator import Fault, Simulator
from cv_gdpr.errors import UsageError
from cv_gdpr.evidence.certificate import certificate
from cv_gdpr.evidence.checking import check
from cv_gdpr.evidence.events import event_of
from cv_gdpr.evidence.files import hash_line, texts
from cv_gdpr.evidence.ledger import Chain
from cv_gdpr.evidence.records import Evidence
from tests.commandline import CommandLine
from tests.delete.erasing import Eraser, ids, stock

EDITS = {
    "an item's state": lambda body: body["items"][0].update(state="residue"),
    "an item's time": lambda body: body["items"][0].update(at="2020-01-01T00:00:00.000Z"),
    "an item's request": lambda body: body["items"][0].update(requestId="x"),
    "an item's id": lambda body: body["items"][0].update(id="x"),
    "one item less": lambda body: body["items"].pop(),
    "one item more": lambda body: body["items"].append(dict(body["items"][0], id="new")),
    "items reordered": lambda body: body["items"].reverse(),
    "the verdict": lambda body: body.update(verdict="erased: all of it"),
    "the exit code": lambda body: body.update(exitCode=3),
    "the counts": lambda body: body.update(counts={"deleted": 1}),
    "the residue": lambda body: body.update(residue=[body["items"][0]]),
    "the endpoint": lambda body: body.update(endpoint="https://example.org"),
    "the plan's hash": lambda body: body.update(planHash="0" * 64),
    "the scope": lambda body: body["scope"].update(projects="named"),
    "the start": lambda body: body.update(started="2020-01-01T00:00:00.000Z"),
    "the end": lambda body: body.update(finished="2020-01-01T00:00:00.000Z"),
    "the protected": lambda body: body.update(protected=["x"]),
    "what was not found": lambda body: body.update(notFound=["--image-id x"]),
    "what stays": lambda body: body.update(outsideTheApi=[]),
    "the retention": lambda body: body["retention"].pop(),
    "the projects": lambda body: body["projects"][0].update(exportedModels=0),
    "the tool": lambda body: body.update(tool="cv-gdpr 9"),
    "the ledger's last": lambda body: body["ledger"].update(last="0" * 64),
    "the ledger's lines": lambda body: body["ledger"].update(lines=1),
    "no ledger": lambda body: body.pop("ledger"),
    "a list for the ledger": lambda body: body.update(ledger=[1]),
    "something more": lambda body: body.update(note="trust me"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder with the evidence of a run that erased everything."""
    folder = tmp_path_factory.mktemp("made")
    with Simulator() as sim:
        stock(sim, images=3, predictions=2, iterations=1)
        assert Eraser(CommandLine(sim.endpoint, sim.training_key), folder)("--all", evidence="e.json").code == 0
    return folder


@pytest.fixture
def whole(made, erase, tmp_path):
    """A copy of that evidence, to be tampered with."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    erase.runs.append(tmp_path / "e.json")
    return erase


def verified(erase, path):
    """Return exit code and differences of a verification; both outputs, JSON and text, must agree."""
    ran, told = erase.cli("verify", path, "--json"), erase.cli("verify", path)
    assert "Traceback" not in ran.err + told.err
    assert ran.code == told.code
    assert ran.json["exitCode"] == ran.code
    assert ran.json["verified"] is (ran.code == 0)
    assert told.out.count("differs: ") == len(ran.json["differences"])
    return ran.code, ran.json["differences"]


def test_unchanged_evidence_is_verified(whole):
    assert verified(whole, whole.path) == (0, [])
    assert verified(whole, whole.ledger_file) == (0, [])


def test_evidence_is_verified_in_any_folder(whole, tmp_path):
    place = tmp_path / "archive"
    place.mkdir()
    for file in whole.files:
        file.rename(place / file.name)

    assert verified(whole, place / whole.path.name) == (0, [])


def listed_anew(erase):
    """Rewrite the list of hashes, as a forger would."""
    files = [file for file in erase.files[:3] if file.is_file()]
    lines = [hash_line(hashlib.sha256(file.read_bytes()).hexdigest(), file) for file in files]
    erase.files[3].write_bytes(b"".join(lines))


@pytest.mark.slow
@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("forged", [False, True])
def test_an_edit_of_the_evidence_is_found(whole, edit, forged):
    body = whole.evidence
    EDITS[edit](body)
    whole.path.write_text(json.dumps(body, indent=2) + "\n")
    if forged:
        with suppress(ValidationError):
            whole.files[2].write_text(certificate(convert(body, Evidence)))
        listed_anew(whole)

    code, differences = verified(whole, whole.path)

    assert code == 4
    assert differences


@pytest.mark.parametrize("forged", [False, True])
@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ('"exitCode": 0', '"exitCode": false'),
        ('"exitCode": 0', '"exitCode": 0.0'),
        ('"exitCode": 0', '"exitCode": 3,\n  "exitCode": 0'),
        ('"status": 204', '"status": 500, "status": 204'),
        ('"exitCode": 0', '"exitCode": 0, "approved": true'),
        ("{\n", "{"),
        ("{\n", "\ufeff{\n"),
    ],
)
def test_evidence_in_another_spelling_is_found(whole, written, instead, forged):
    text = whole.path.read_text()
    assert written in text
    whole.path.write_text(text.replace(written, instead, 1))
    if forged:
        listed_anew(whole)

    ran = whole.cli("verify", whole.path)

    assert ran.code == 4, ran.err


def test_wrong_keys_in_the_evidence_are_named(whole):
    text = whole.path.read_text()
    whole.path.write_text(text.replace('"exitCode": 0', '"approved": 1, "exitCode": 3, "exitCode": 0'))

    _, differences = verified(whole, whole.path)

    assert "exitCode: occurs twice in one object of e.json" in differences
    assert "approved: not a field of cv-gdpr-evidence/1" in differences


def chained(lines):
    """Recompute the chain of hashes, as a forger would."""
    previous, bound = "0" * 64, []
    for number, line in enumerate(lines, 1):
        event = json.loads(line) | {"n": number, "previous": previous}
        bound.append(json.dumps(event, separators=(",", ":")).encode())
        previous = hashlib.sha256(bound[-1]).hexdigest()
    return bound


def edited(lines, number):
    event = json.loads(lines[number])
    event["at"] = "2020-01-01T00:00:00.000Z"
    return [*lines[:number], json.dumps(event, separators=(",", ":")).encode(), *lines[number + 1 :]]


BREAKS = {
    "edit the first": lambda lines: edited(lines, 0),
    "edit one": lambda lines: edited(lines, 3),
    "edit the last but one": lambda lines: edited(lines, -2),
    "drop the first": lambda lines: lines[1:],
    "drop one": lambda lines: lines[:3] + lines[4:],
    "drop the last": lambda lines: lines[:-1],
    "reorder": lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]],
    "append": lambda lines: [*lines, b'{"n":99,"event":"looked"}'],
    "append a copy": lambda lines: [*lines, lines[-1]],
    "append a blank": lambda lines: [*lines, b""],
    "blanks in a line": lambda lines: [*lines[:2], b" " + lines[2], *lines[3:]],
    "no JSON": lambda lines: [*lines[:2], b"{", *lines[3:]],
    "empty": lambda _: [],
    "a foreign chain": lambda _: chained([b'{"event":"hello"}', b'{"event":"closed"}']),
    "a chain without events": lambda _: chained([b"{}", b"{}"]),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_ledger_is_found_alone_and_with_its_evidence(whole, name):
    lines = BREAKS[name](whole.ledger_file.read_bytes().splitlines())
    whole.ledger_file.write_bytes(b"".join(line + b"\n" for line in lines))

    assert verified(whole, whole.ledger_file)[0] == 4
    assert verified(whole, whole.path)[0] == 4


@pytest.mark.parametrize("tail", [b"{", b'{"n":1}', b"\x00\x00"])
def test_a_torn_end_is_found(whole, tail):
    whole.ledger_file.write_bytes(whole.ledger_file.read_bytes() + tail)

    assert verified(whole, whole.ledger_file)[0] == 4
    assert verified(whole, whole.path)[0] == 4


FORGED = {
    "an edited line": lambda lines: edited(lines, 3),
    "a dropped line": lambda lines: lines[:3] + lines[5:],
    "a reordered line": lambda lines: [lines[0], lines[3], lines[4], lines[1], lines[2], *lines[5:]],
    "an empty event": lambda lines: [lines[0], b'{"event":"looked"}', *lines[1:]],
    "a wrong type": lambda lines: [lines[0], b'{"event":"answered","ids":1,"project":[],"row":{}}', *lines[1:]],
    "a wrong plan": lambda lines: [b'{"event":"opened","planned":[]}', *lines[1:]],
    "a wrong end": lambda lines: [*lines[:-1], b'{"event":"closed","exitCode":"none"}'],
}


@pytest.mark.parametrize("name", FORGED)
def test_a_rechained_ledger_differs_from_its_evidence(whole, name):
    lines = chained(FORGED[name](whole.ledger_file.read_bytes().splitlines()))
    whole.ledger_file.write_bytes(b"".join(line + b"\n" for line in lines))

    assert verified(whole, whole.path)[0] == 4


# --- a forger who makes everything fit --------------------------------------------------------------------------


def remade(erase, lines):
    """Recompute the chain of these lines, and rewrite evidence, certificate and hashes from them."""
    previous, bound = b"0" * 64, []
    for number, line in enumerate(lines, 1):
        renumbered = re.sub(rb'^{"n":\d+', b'{"n":%d' % number, line)
        bound.append(re.sub(rb'"previous":"\w*"}$', b'"previous":"%s"}' % previous, renumbered))
        previous = hashlib.sha256(bound[-1]).hexdigest().encode()
    erase.ledger_file.write_bytes(b"".join(line + b"\n" for line in bound))
    content = erase.ledger_file.read_bytes()
    chain = Chain(content)  # without the checks that a forged ledger fails
    chain.last = hashlib.sha256(content.splitlines()[-1]).hexdigest()
    with suppress(ValueError):  # such a ledger yields no evidence
        chain.events = [event_of(json.loads(line)) for line in content.splitlines()]
        for place, content in texts(erase.path, chain).items():
            place.write_bytes(content)


def stating(field, value):
    """Return an edit that sets a field of a ledger's last line."""

    def edit(lines):
        closed = json.loads(lines[-1])
        closed["document"][field] = value
        return [*lines[:-1], json.dumps(closed, separators=(",", ":")).encode()]

    return edit


def with_event(**event):
    """Return an edit that inserts an event before a ledger's last."""
    line = json.dumps(
        {"n": 0, "at": "2026-01-01T00:00:00.000Z", **event, "previous": ""}, separators=(",", ":")
    ).encode()
    return lambda lines: [*lines[:-1], line, lines[-1]]


CONTRADICTIONS = {
    "another verdict": stating("verdict", "erased: all pictures of the person"),
    "another exit code": stating("exitCode", 3),
    "the exit code false": stating("exitCode", False),
    "another endpoint": stating("endpoint", "https://example.org"),
    "another scope": stating("scope", {"projects": "named", "rows": "x", "selectors": []}),
    "another plan": stating("planHash", "0" * 64),
    "other projects": stating("projects", []),
    "others protected": stating("protected", ["x"]),
    "something not found": stating("notFound", ["--image-id x"]),
    "another start": stating("started", "2020"),
    "another method": stating("method", {"type": "Purge", "used": "x", "note": "x"}),
    "another retention": stating("retention", []),
    "another tool": stating("tool", "cv-gdpr 99"),
    "a tool of another kind": stating("tool", True),
    "an end without time": stating("finished", "later"),
    "words of another kind": stating("outsideTheApi", ["x"]),
    "words with more to them": stating("outsideTheApi", [{"row": "x", "words": "x", "more": "x"}]),
    "one field more": stating("approved", True),
    "something left after all": with_event(event="left", project="p", row="tags", ids=[], reason="x", extra=1),
    "an unknown event": with_event(event="approved"),
    "two ends": lambda lines: [*lines, lines[-1]],
    "an event after the end": lambda lines: [*lines, lines[1]],
    "blanks in a line": lambda lines: [*lines[:2], lines[2].replace(b'"at":', b'"at": '), *lines[3:]],
    "the same key twice": lambda lines: [*lines[:2], lines[2].replace(b'"at"', b'"at":"x","at"'), *lines[3:]],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_contradiction_within_the_ledger_is_found(whole, name):
    lines = CONTRADICTIONS[name](whole.ledger_file.read_bytes().splitlines())
    remade(whole, lines)

    assert verified(whole, whole.path)[0] == 4
    assert verified(whole, whole.ledger_file)[0] == 4


def test_files_rewritten_unchanged_are_the_same(whole):
    before = [file.read_bytes() for file in whole.files]

    remade(whole, whole.ledger_file.read_bytes().splitlines())

    assert [file.read_bytes() for file in whole.files] == before


def test_a_ledger_of_the_first_format_is_verified(tmp_path):
    ledger = tmp_path / "e.jsonl"
    shutil.copy(Path(__file__).with_name("ledger-of-the-first-format.jsonl"), ledger)

    assert check(ledger) == []


VALUES = (None, True, 0, -1, 1e400, "", "x", "\ud800", [], [[]], [1], {}, {"a": 1}, {"": []}, [{}])


def _mutated(value, rng):
    """Return the JSON with one value at a random place replaced, removed or renamed."""
    if isinstance(value, (dict, list)) and value and rng.random() < 0.9:
        copy = value.copy()
        key = rng.choice(list(copy)) if isinstance(copy, dict) else rng.randrange(len(copy))
        how = rng.random()
        if how < 0.1:
            del copy[key]
        elif how < 0.2 and isinstance(copy, dict):
            copy[rng.choice(("x", "event", "ids", "id"))] = copy.pop(key)
        else:
            copy[key] = _mutated(copy[key], rng)
        return copy
    return rng.choice(VALUES)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_no_forgery_passes_or_ends_in_a_traceback(whole, seed):
    lines, body = whole.ledger_file.read_bytes().splitlines(), whole.evidence
    whole_files = {file: file.read_bytes() for file in whole.files}
    for number in range(25):
        rng = random.Random(f"{seed}/{number}")  # noqa: S311
        for file, content in whole_files.items():
            file.write_bytes(content)
        if rng.random() < 0.5:
            at = rng.choice((0, -1, rng.randrange(len(lines))))
            forged = list(lines)
            forged[at] = json.dumps(_mutated(json.loads(lines[at]), rng)).encode()
            with suppress(ValueError, TypeError):
                forged = chained(forged)
            whole.ledger_file.write_bytes(b"".join(line + b"\n" for line in forged))
        else:
            whole.path.write_text(json.dumps(_mutated(body, rng), indent=2) + "\n")
        listed_anew(whole)
        if all(file.read_bytes() == whole_files[file] for file in whole.files[:3]):
            continue
        for path in (whole.path, whole.files[2]):
            try:
                assert check(path), (seed, number)
            except UsageError as error:
                assert "not evidence of cv-gdpr" in error.message  # noqa: PT017
        check(whole.ledger_file)


# --- the files beside it ----------------------------------------------------------------------------------------

BESIDE = {".jsonl": "the ledger is missing", ".html": "the certificate is missing", ".sha256": "the list of hashes is"}


@pytest.mark.parametrize("suffix", BESIDE)
def test_a_missing_file_is_named(whole, suffix):
    missing = whole.path.with_suffix(suffix)
    missing.unlink()

    code, differences = verified(whole, whole.path)

    assert code == 4
    assert any(one.startswith(f"{missing.name}: {BESIDE[suffix]}") for one in differences)


def test_every_difference_is_named_at_once(whole):
    for file in whole.files[1:]:
        file.unlink()

    code, differences = verified(whole, whole.path)

    assert code == 4
    assert {one.partition(":")[0] for one in differences} == {"e.jsonl", "e.html", "e.sha256"}


PAGES = {
    "another word": lambda page: page.replace("Erased:", "destroyed:", 1),
    "a script": lambda page: page.replace("</body>", "<script>document.title = 1</script></body>"),
    "a handler": lambda page: page.replace("<body>", "<body onload='x()'>"),
    "a picture": lambda page: page.replace("</body>", "<img src='https://example.org'></body>"),
    "a comment": lambda page: page.replace("</body>", "<!-- x --></body>"),
    "another style": lambda page: page.replace("<style>", "<style>td { display: none }"),
    "a style in the page": lambda page: page.replace("<p>", "<p style='display: none'>"),
    "a link": lambda page: page.replace("<p>", "<p><a href='https://example.org'>x</a>"),
    "half a tag": lambda page: page.replace("</body>", "< script></body>"),
    "nothing": lambda _: "",
}


@pytest.mark.parametrize("edit", PAGES)
def test_an_altered_certificate_with_its_hash_is_found(whole, edit):
    page = whole.files[2]
    page.write_text(PAGES[edit](page.read_text()))
    listed_anew(whole)

    code, differences = verified(whole, whole.path)

    assert code == 4
    assert [one.partition(":")[0] for one in differences] == ["e.html"]


def by_another_version(erase):
    """Write the files as another version with other wording would."""
    lines = erase.ledger_file.read_bytes().replace(b'"tool":"cv-gdpr ', b'"tool":"cv-gdpr 99.').splitlines()
    remade(erase, stating("verdict", "erased: in other words")(lines))
    page = erase.files[2]
    page.write_text(page.read_text().replace("Certificate of erasure", "Erasure certificate"))
    listed_anew(erase)


@pytest.mark.parametrize("edit", ["another word", "another style", "nothing"])
def test_another_versions_words_are_named_as_not_compared(whole, edit):
    by_another_version(whole)
    page = whole.files[2]
    page.write_text(PAGES[edit](page.read_text()))
    listed_anew(whole)

    assert verified(whole, whole.path) == (3, [])
    assert len(whole.cli("verify", whole.path, "--json").json["uncompared"]) == 2  # verdict and certificate


@pytest.mark.parametrize("edit", [name for name in PAGES if name not in {"another word", "another style", "nothing"}])
def test_another_versions_certificate_has_no_foreign_markup(whole, edit):
    by_another_version(whole)
    page = whole.files[2]
    page.write_text(PAGES[edit](page.read_text()))
    assert verified(whole, whole.path)[0] == 4
    listed_anew(whole)

    assert verified(whole, whole.path)[0] == 4


LISTS = {
    "a changed hash": lambda text: text.replace(text[:4], "0000"),
    "a line less": lambda text: text.partition("\n")[2],
    "a line twice": lambda text: text + text.partition("\n")[0] + "\n",
    "a line more": lambda text: text + "0" * 64 + "  other.json\n",
    "an empty line": lambda text: text + "\n",
    "no end": lambda text: text.rstrip("\n"),
    "empty": lambda _: "",
    "another name": lambda text: text.replace("e.html", "f.html"),
    "binary": lambda text: text.replace("  ", " *"),
}


@pytest.mark.parametrize("edit", LISTS)
def test_an_altered_list_of_hashes_is_found(whole, edit):
    hashes = whole.files[3]
    hashes.write_text(LISTS[edit](hashes.read_text()))

    assert verified(whole, whole.path)[0] == 4
    assert verified(whole, hashes)[0] == 4


def test_a_ledger_of_another_name_is_found(whole, tmp_path):
    for file in whole.files:
        file.rename(tmp_path / f"f{file.suffix}")
    whole.runs.append(tmp_path / "f.json")
    listed_anew(whole)

    code, differences = verified(whole, whole.path)

    assert code == 4
    assert "ledger: names another ledger, or another last line of it, than f.jsonl: was it renamed?" in differences


def test_verify_of_certificate_or_hashes_checks_the_evidence(whole):
    assert verified(whole, whole.files[2]) == (0, [])
    assert verified(whole, whole.files[3]) == (0, [])
    whole.path.unlink()
    for file in whole.files[2:]:
        assert verified(whole, file) == (4, ["e.json: the evidence is missing"])


def test_a_ledger_is_verified_with_the_hashes_beside_it(whole):
    lines = whole.ledger_file.read_bytes().splitlines(keepends=True)
    forged = json.loads(lines[-1]) | {"at": "2099-01-01T00:00:00.000Z"}
    whole.ledger_file.write_bytes(b"".join(lines[:-1]) + json.dumps(forged, separators=(",", ":")).encode() + b"\n")

    assert verified(whole, whole.ledger_file) == (4, ["e.jsonl: its hash is not in e.sha256"])
    whole.files[3].unlink()
    assert "only its evidence shows" in whole.cli("verify", whole.ledger_file).out


@pytest.mark.parametrize("name", ["e.html", "e.sha256", "e.jsonl", "e.txt", "e"])
@pytest.mark.parametrize("content", [b"", b"x", b'{"id": 1}\n', b"\xff\x00"])
def test_any_other_file_is_wrong_input(erase, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)

    ran = erase.cli("verify", tmp_path / name, "--json")

    assert ran.code == (4 if name == "e.jsonl" and not content else 2)
    assert "cv-gdpr" in ran.err or "JSON" in ran.err or not content


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"", "is not JSON"), (b"{", "is not JSON"), (b"\xff", "is not JSON"), (b"[]", "is not evidence of cv-gdpr")],
)
def test_unreadable_evidence_beside_its_ledger_differs(whole, content, what):
    whole.path.write_bytes(content)

    code, differences = verified(whole, whole.path)

    assert code == 4
    assert differences[0] == f"e.json {what}"
    assert "e.json: its hash is not in e.sha256" in differences


@pytest.mark.parametrize("kept", [1, 5, 40, 300])
def test_a_ledger_torn_in_its_first_line_is_found(erase, whole, tmp_path, kept):
    (tmp_path / "alone").mkdir()
    torn = tmp_path / "alone" / "torn.jsonl"
    torn.write_bytes(whole.ledger_file.read_bytes()[:kept])

    code, differences = verified(erase, torn)

    assert code == 4
    assert "its last line is incomplete" in differences[0]


def test_the_ledger_of_another_run_is_found(sim, erase, whole):
    first = whole.path
    stock(sim, images=2, predictions=0, iterations=0)
    assert erase("--all").code == 0
    first.with_suffix(".jsonl").write_bytes(erase.ledger_file.read_bytes())

    assert verified(erase, first)[0] == 4


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "else"}', b"\xff", b"[" * 100_000])
def test_a_file_that_is_not_evidence_is_wrong_input(erase, tmp_path, content):
    (tmp_path / "e.json").write_bytes(content)

    ran = erase.cli("verify", tmp_path / "e.json", "--json")

    assert ran.code == 2
    assert ran.json["exitCode"] == 2


def test_evidence_with_residue_is_verified(sim, erase):
    project = stock(sim)
    sim.fault(Fault("DeleteTag", lie=True, times=None))

    assert erase("tags", "--all", wait="0.1").code == 4
    assert {one["id"] for one in erase.evidence["residue"]} == ids(sim, project, "tags")
    assert verified(erase, erase.path) == (0, [])
