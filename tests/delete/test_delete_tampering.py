"""`cv-gdpr verify FILE`: whole evidence passes, and no edit of it, or of its ledger, does."""

import hashlib
import json
import shutil

import pytest

from commandline import CommandLine
from cv_gdpr.simulator import Fault, Simulator
from delete.erasing import Eraser, ids, stock

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
    """Give exit code and differences of a verification, told as JSON and to a person."""
    ran, told = erase.cli("verify", path, "--json"), erase.cli("verify", path)
    assert "Traceback" not in ran.err + told.err
    assert ran.code == told.code
    assert ran.json["exitCode"] == ran.code
    assert ran.json["verified"] is (ran.code == 0)
    assert told.out.count("differs: ") == len(ran.json["differences"])
    return ran.code, ran.json["differences"]


def test_what_nobody_touched_is_verified(whole):
    assert verified(whole, whole.path) == (0, [])
    assert verified(whole, whole.ledger_file) == (0, [])


def test_evidence_is_verified_wherever_it_lies(whole, tmp_path):
    place = tmp_path / "archive"
    place.mkdir()
    for file in whole.files:
        file.rename(place / file.name)

    assert verified(whole, place / whole.path.name) == (0, [])


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_the_evidence_is_found(whole, edit):
    body = whole.evidence
    EDITS[edit](body)
    whole.path.write_text(json.dumps(body))

    code, differences = verified(whole, whole.path)

    assert code == 4
    assert differences


def chained(lines):
    """Bind lines to each other again, as a forger would."""
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
def test_a_ledger_that_was_bound_anew_does_not_fit_its_evidence(whole, name):
    lines = chained(FORGED[name](whole.ledger_file.read_bytes().splitlines()))
    whole.ledger_file.write_bytes(b"".join(line + b"\n" for line in lines))

    assert verified(whole, whole.path)[0] == 4


def test_a_missing_ledger_is_found(whole):
    whole.ledger_file.unlink()

    assert verified(whole, whole.path) == (4, [f"{whole.ledger_file.name}: the ledger is missing"])


def test_the_ledger_of_another_run_does_not_fit(sim, erase, whole):
    first = whole.path
    stock(sim, images=2, predictions=0, iterations=0)
    assert erase("--all").code == 0
    first.with_suffix(".jsonl").write_bytes(erase.ledger_file.read_bytes())

    assert verified(erase, first)[0] == 4


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "else"}', b"\xff", b"[" * 100_000])
def test_what_is_no_evidence_is_wrong_input(erase, tmp_path, content):
    (tmp_path / "e.json").write_bytes(content)

    ran = erase.cli("verify", tmp_path / "e.json", "--json")

    assert ran.code == 2
    assert ran.json["error"]["exitCode"] == 2


def test_the_residue_of_a_run_stands_in_evidence_that_is_verified(sim, erase):
    project = stock(sim)
    sim.fault(Fault("DeleteTag", lie=True, times=None))

    assert erase("tags", "--all", wait="0.1").code == 4
    assert {one["id"] for one in erase.evidence["residue"]} == ids(sim, project, "tags")
    assert verified(erase, erase.path) == (0, [])
