"""`verify` of many files and folders: one line for each thing, and the worst exit code."""

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pytest

from custom_vision_simulator import Fault, Simulator
from cv_gdpr.cli.output import csv_cell
from tests.commandline import CommandLine
from tests.delete.erasing import stock
from tests.platforms import named_pipe, posix


@pytest.fixture(scope="module")
def kept(made, tmp_path_factory, keys):
    """A folder with two signed erasures, a signed export and an approved plan, made once."""
    folder = tmp_path_factory.mktemp("kept") / "gdpr"
    shutil.copytree(made, folder)
    with Simulator() as sim:
        stock(sim, images=2, predictions=0, iterations=0)
        cli = CommandLine(sim.endpoint, sim.training_key)
        record = ("--reference", "GDPR-8")
        ran = cli("export", "--all", "--out", folder / "bag", "--sign", keys.officer, *record, "--json")
        assert (ran.code, ran.json["lacking"]) == (0, [])
        assert cli("delete", "--all", "--dry-run", "--save-plan", folder / "plan.json").code == 0
        assert cli("certify", folder / "plan.json", "--sign", keys.officer).code == 0
    return folder


@pytest.fixture
def gdpr(kept, tmp_path):
    shutil.copytree(kept, tmp_path / "gdpr")
    return tmp_path / "gdpr"


def kinds(document):
    return {Path(item["path"]).name: item["kind"] for item in document["items"]}


EXPECTED = {"first.json": "erasure", "second.json": "erasure", "bag": "export", "plan.json": "plan"}


@pytest.mark.slow
def test_each_thing_has_one_line(cli, gdpr, keys):
    ran = cli("verify", *sorted(gdpr.iterdir()), "--signer", keys.signers, "--json")

    assert ran.code == 0
    assert kinds(ran.json) == EXPECTED
    for item in ran.json["items"]:
        assert item["whole"]
        assert item["signature"]["by"] == "officer@example.org"
        assert item["date"].startswith("20")
    said = {item["reference"] for item in ran.json["items"]}
    assert said == {"GDPR-7", "GDPR-8", ""}


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["json", "jsonl", "html", "sha256", "sha256.sig", "tsr", "begin.tsr"])
def test_a_file_belongs_to_its_evidence(cli, gdpr, suffix, anchors):
    ran = cli("verify", gdpr / f"first.{suffix}", gdpr / "second.json", *anchors, "--json")

    assert (ran.code, kinds(ran.json)) == (0, {"first.json": "erasure", "second.json": "erasure"})
    assert cli("verify", gdpr / f"second.{suffix}").code == 0


def test_the_table_and_the_csv_have_a_line_each(cli, gdpr):
    table, lines = (cli("verify", *sorted(gdpr.iterdir()), *options) for options in ((), ("--csv",)))

    rows = list(csv.DictReader(io.StringIO(lines.out)))
    assert len(rows) == 4
    assert {row["whole"] for row in rows} == {"yes"}
    assert all(name in table.out for name in EXPECTED)
    assert cli("verify", gdpr / "bag", "--csv").out.count("\n") == 2
    assert cli("verify", gdpr / "bag", "--csv", "--json").code == 2


def test_foreign_files_are_named(cli, gdpr):
    (gdpr / "notes.txt").write_text("call them")
    (gdpr / "orphan.html").write_text("<html>")
    (gdpr / "pictures").mkdir()

    ran = cli("verify", *sorted(gdpr.iterdir()), "--json")

    assert ran.code == 3
    assert {name for name, kind in kinds(ran.json).items() if kind == "foreign"} == {
        "notes.txt",
        "orphan.html",
        "pictures",
    }
    assert ran.err.count("foreign: ") == 3
    assert cli("verify", gdpr / "first.json", gdpr / "none").code == 2


def test_a_folder_of_evidence_is_not_an_export(cli, gdpr):
    ran = cli("verify", gdpr)

    assert ran.code == 2
    assert f"cv-gdpr verify {gdpr}/*" in ran.err


def test_a_printed_certificate_belongs_to_its_evidence(cli, gdpr):
    (gdpr / "first.certificate.de.pdf").write_bytes(b"%PDF")
    (gdpr / "first-signed.pdf").write_bytes(b"%PDF")
    (gdpr / "other.pdf").write_bytes(b"%PDF")

    ran = cli("verify", *sorted(gdpr.glob("*.pdf")), "--json")

    assert (ran.code, kinds(ran.json)) == (3, {"first.json": "erasure", "other.pdf": "foreign"})


def test_a_ledger_beside_its_evidence_is_proven_by_it(cli, gdpr, anchors):
    assert cli("verify", gdpr / "first.jsonl", *anchors).code == 0


def test_one_erasure_says_what_is_verified(cli, gdpr):
    out = cli("verify", gdpr / "first.json").out

    assert all(f"  {word}: " in out for word in ("Verdict", "Scope", "Period", "Exit code of the run"))


def test_a_plan_can_be_read_before_it_is_approved(cli, gdpr):
    ran = cli("verify", gdpr / "plan.json")

    assert ran.code == 0
    assert "Would be deleted at http" in ran.out
    assert ": the whole project" in ran.out
    assert f"verified: {gdpr}/plan.json; " in ran.out
    assert "time-stamped" not in ran.out  # a register is of several things


def outcome_of_plan(cli, *words):
    lines = csv.DictReader(io.StringIO(cli("verify", *words, "--csv").out))
    (line,) = (one for one in lines if one["kind"] == "plan")
    return line["outcome"]


def test_the_line_of_a_plan_says_how_its_erasure_ended(sim, cli, tmp_path, keys):
    stock(sim)
    plan, tried, done, again = (tmp_path / name for name in ("plan.json", "tried.json", "done.json", "again.json"))
    assert cli("delete", "tags", "--all", "--dry-run", "--save-plan", plan).code == 0
    sim.fault(Fault("DeleteTag", status=403, times=None))
    assert cli("delete", "--plan", plan, "--yes", "--evidence", tried).code == 5
    sim.clear_faults()
    assert cli("delete", "--plan", plan, "--yes", "--evidence", done).code == 0
    assert cli("recheck", done, "--evidence", again).code == 0
    verdicts = {path: json.loads(path.read_text())["verdict"] for path in (tried, done)}

    assert outcome_of_plan(cli, plan) == "3 items to delete"
    for path, verdict in verdicts.items():
        assert outcome_of_plan(cli, path, again, plan) == f"3 items to delete; its erasure, {path}: {verdict}"
    assert outcome_of_plan(cli, plan, done, "--signer", keys.signers) == "3 items to delete"  # nobody signed it
    assert verdicts[tried] != verdicts[done]


def test_each_id_of_a_plan_can_be_read(cli, gdpr):
    plan = json.loads((gdpr / "plan.json").read_text())
    wanted = {f"  {row} {one}" for project in plan["projects"] for row, ids in project["rows"].items() for one in ids}

    shown = cli("verify", gdpr / "plan.json", "-v").out.splitlines()

    assert wanted
    assert wanted <= set(shown)
    assert not wanted & set(cli("verify", gdpr / "plan.json").out.splitlines())


def test_a_piped_register_is_a_list(cli, gdpr):
    out = cli("verify", *sorted(gdpr.iterdir())).out

    assert out.count("      whole: yes\n") == len(EXPECTED)


def about(item):
    return item["resource"], item["projects"], item["runExitCode"]


def test_the_register_says_of_what_each_thing_is(cli, gdpr):
    shutil.copy(gdpr / "second.jsonl", gdpr / "alone.jsonl")
    evidence, plan, bag = (
        json.loads((gdpr / name).read_text()) for name in ("first.json", "plan.json", "bag/data/export.json")
    )
    held = [[one["id"] for one in document["projects"]] for document in (evidence, plan, bag)]
    assert all(held)
    paths = [gdpr / name for name in ("first.json", "plan.json", "bag", "alone.jsonl", "second.json")]

    items = cli("verify", *paths, "--json").json["items"]
    lines = list(csv.DictReader(io.StringIO(cli("verify", *paths, "--csv").out)))

    assert about(items[0]) == (evidence["endpoint"], held[0], evidence["exitCode"])
    assert about(items[1]) == (plan["endpoint"], held[1], None)
    assert about(items[2]) == (bag["endpoint"], held[2], None)
    assert about(items[3])[:2] == about(items[4])[:2]
    for item, line in zip(items, lines, strict=True):
        assert (line["resource"], line["projects"]) == (item["resource"], "; ".join(item["projects"]))
        assert line["run exit code"] == ("" if item["runExitCode"] is None else str(item["runExitCode"]))
        assert (line["differences"], line["exit code"]) == ("", str(item["exitCode"]))


def test_the_csv_says_what_differs(cli, gdpr):
    (gdpr / "first.html").write_text("<p>")
    (gdpr / "first.sha256.sig").unlink()

    item = cli("verify", gdpr / "first.json", gdpr / "bag", "--json").json["items"][0]
    line = next(csv.DictReader(io.StringIO(cli("verify", gdpr / "first.json", "--csv").out)))

    assert len(item["differences"]) > 1
    assert line["differences"] == "; ".join(item["differences"])
    assert about(item) == ("", [], None)  # what differs is not taken on its word


def test_the_table_names_the_resources_of_several(cli, gdpr):
    """The endpoint has a column only where a person must tell two apart."""
    one = cli("verify", gdpr / "first.json", gdpr / "second.json").out
    resources = cli("verify", gdpr / "first.json", gdpr / "bag", "--json").json["items"]
    several = cli("verify", gdpr / "first.json", gdpr / "bag").out

    assert "resource: " not in one
    assert all(f"resource: {item['resource']}\n" in several for item in resources)


@pytest.mark.parametrize(("content", "hint"), [(-1, True), (-20, True), (None, False)])
def test_an_interrupted_run_says_how_to_resume_it(cli, gdpr, content, hint):
    """Cut off before its last line, or within a line; a whole ledger needs none."""
    ledger = gdpr / "cut off.jsonl"
    whole = (gdpr / "first.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    ledger.write_bytes({-1: b"".join(lines[:-1]), -20: whole[:-20], None: whole}[content])

    alone, several = cli("verify", ledger), cli("verify", ledger, gdpr / "second.json")

    words = f"Hint: the same delete command with --evidence '{gdpr}/cut off.json' resumes it"
    assert ((words in alone.err), (words in several.err)) == (hint, hint), alone.err
    assert (alone.code, several.code) == ((4, 4) if hint else (0, 3))


def test_the_csv_holds_no_formula():
    assert [csv_cell(cell) for cell in ("=1+1", "@x", "-1", "GDPR-7", "")] == ["'=1+1", "'@x", "'-1", "GDPR-7", ""]


def test_an_impossible_date_is_a_line_of_the_register(cli, gdpr):
    ledger = gdpr / "first.jsonl"
    at = re.search(rb'"at":"[^"]*"', ledger.read_bytes())[0]
    ledger.write_bytes(ledger.read_bytes().replace(at, b'"at":"2026-13-45T25:61:61Z"'))

    ran = cli("verify", ledger.with_suffix(".json"), gdpr / "second.json", "--json")

    assert (ran.code, [item["exitCode"] for item in ran.json["items"]]) == (4, [4, 0])
    assert cli("verify", ledger.with_suffix(".json")).code == 4


def test_what_differs_stands_out(cli, gdpr):
    (gdpr / "notes.txt").write_text("call them")
    page = gdpr / "first.html"
    page.write_text(page.read_text().replace("Erased", "destroyed"))
    (gdpr / "bag" / "tagmanifest-sha256.txt.sig").write_text("x")

    ran = cli("verify", *sorted(gdpr.iterdir()))

    assert ran.code == 4
    assert f"differs: {gdpr}/first.json: first.html" in ran.err
    assert "2 of 5 do not verify; 1 thing not of cv-gdpr" in ran.err
    assert (ran.out.count("NO"), ran.out.count("WRONG")) == (1, 1)


def test_a_lacking_signature_stands_out(cli, gdpr, keys):
    (gdpr / "first.sha256.sig").unlink()

    ran = cli("verify", gdpr / "first.json", gdpr / "second.json")

    assert (ran.code, ran.out.count("MISSING"), ran.out.count("NO")) == (4, 1, 0)
    assert cli("verify", gdpr / "bag", "--tsa-certificate", keys.signers).code == 2


PLANS = {
    "altered": lambda plan: plan.write_text(plan.read_text().replace('"protected": []', '"protected": ["x"]')),
    "unsigned": lambda plan: plan.with_name("plan.json.sig").unlink(),
    "another signature": lambda plan: shutil.copy(plan.with_name("first.sha256.sig"), plan.with_name("plan.json.sig")),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_that_is_not_approved_is_found(cli, gdpr, keys, name):
    PLANS[name](gdpr / "plan.json")

    assert cli("verify", gdpr / "plan.json", "--signer", keys.signers).code == 4


def test_a_plan_has_no_time_stamp_to_prove(cli, gdpr, anchors):
    ran = cli("verify", gdpr / "plan.json", *anchors)

    assert (ran.code, "differs: plan.json.tsr: missing" in ran.out) == (4, True)
    assert cli("verify", gdpr / "plan.json", *anchors[:2]).code == 0


def test_a_ledger_without_evidence_is_named(cli, gdpr):
    (gdpr / "first.json").unlink()
    shutil.copy(gdpr / "second.jsonl", gdpr / "alone.jsonl")

    ran = cli("verify", *sorted(gdpr.glob("*.*")), "--json")

    assert kinds(ran.json)["first.jsonl"] == kinds(ran.json)["alone.jsonl"] == "ledger"
    assert ran.code == 3


# --- exports ------------------------------------------------------------------------------------------------------

BAGS = {
    "signed": (lambda _: None, 0),
    "unsigned": (lambda bag: (bag / "tagmanifest-sha256.txt.sig").unlink(), 4),
    "another tag manifest": (lambda bag: (bag / "tagmanifest-sha256.txt").write_text("\n"), 4),
}


@pytest.mark.parametrize("name", BAGS)
def test_a_signed_export(cli, gdpr, keys, name):
    edit, code = BAGS[name]
    edit(gdpr / "bag")

    assert cli("verify", gdpr / "bag", "--signer", keys.signers).code == code
    assert cli("verify", gdpr / "bag", gdpr / "plan.json", "--signer", keys.signers).code == code


def test_an_export_is_time_stamped_later(cli, gdpr, authority, anchors):
    assert cli("verify", gdpr / "bag", *anchors).code == 4

    assert cli("certify", gdpr / "bag", "--timestamp", authority.url).code == 0

    assert cli("verify", gdpr / "bag", *anchors).code == 0
    assert json.loads(cli("verify", gdpr / "bag", *anchors, "--json").out)["existed"]["proof"] == "proven"


def test_an_export_signed_with_another_key_is_refused(cli, gdpr, keys):
    ran = cli("certify", gdpr / "bag", "--sign", keys.other)

    assert ran.code == 2
    assert "is a signature with the key" in ran.err
    assert cli("certify", gdpr / "bag", "--sign", keys.officer).code == 0


def test_an_export_signed_anew_keeps_no_older_time(cli, gdpr, keys, authority):
    assert cli("certify", gdpr / "bag", "--timestamp", authority.url).code == 0
    (gdpr / "bag" / "tagmanifest-sha256.txt.sig").unlink()
    assert cli("certify", gdpr / "bag", "--sign", keys.other).code == 2  # it may lie beside the other signature

    (gdpr / "bag" / "tagmanifest-sha256.txt.sig.tsr").unlink()

    assert cli("certify", gdpr / "bag", "--sign", keys.other).code == 0
    assert cli("verify", gdpr / "bag").code == 0


def test_bagit_accepts_a_signed_export(gdpr):
    import bagit

    assert bagit.Bag(str(gdpr / "bag")).is_valid()


# --- arguments that cannot be read, or name one thing twice -----------------------------------------------------------


def shut(path):
    """Put what even an administrator cannot read in the place of a file."""
    path.unlink(missing_ok=True)
    path.symlink_to("/proc/self/mem")


def blocked(gdpr):
    """Block the place of the evidence with a pipe, which a reader would wait for."""
    (gdpr / "first.json").unlink()
    named_pipe(gdpr / "first.json")


ODD = {
    "nothing": (lambda _: None, "none", "unreadable", 2, "does not exist"),
    "a link to nothing": (
        lambda one: (one / "odd.json").symlink_to("x"),
        "odd.json",
        "unreadable",
        2,
        "a link to noth",
    ),
    "a loop": (lambda one: (one / "odd").symlink_to("odd"), "odd", "unreadable", 2, "Too many levels"),
    "below a file": (lambda _: None, "first.json/x", "unreadable", 2, "Not a directory"),
    "a long name": (lambda _: None, "x" * 300, "unreadable", 2, "File name too long"),
    "an unreadable file": (lambda one: shut(one / "odd.json"), "odd.json", "unreadable", 2, "cannot be read"),
    "unreadable evidence": (lambda one: shut(one / "first.json"), "first.json", "erasure", 2, "first.json"),
    "an unreadable ledger": (lambda one: shut(one / "first.jsonl"), "first.html", "erasure", 2, "first.jsonl"),
    "an unreadable signature": (
        lambda one: shut(one / "first.sha256.sig"),
        "first.json",
        "erasure",
        2,
        "cannot be read",
    ),
    "an unreadable plan": (lambda one: shut(one / "plan.json"), "plan.json", "unreadable", 2, "cannot be read"),
    "a pipe": (lambda one: named_pipe(one / "odd.json"), "odd.json", "foreign", 3, "neither a file nor a folder"),
    "a pipe as evidence": (blocked, "first.html", "erasure", 2, "is not a file"),
    "a device": (lambda _: None, "/dev/zero", "foreign", 3, "neither a file nor a folder"),
}


@posix("special files")
@pytest.mark.parametrize("name", ODD)
def test_one_bad_argument_costs_its_line_alone(cli, gdpr, name):
    make, argument, kind, code, why = ODD[name]
    make(gdpr)

    ran = cli("verify", gdpr / argument, gdpr / "second.json", gdpr / "bag", "--json")

    odd, *others = ran.json["items"]
    assert (odd["kind"], odd["exitCode"], odd["whole"]) == (kind, code, None)
    assert why in odd["outcome"]
    assert [one["exitCode"] for one in others] == [0, 0]
    assert ran.code == code
    assert ran.err.count("not checked: " if code == 2 else "foreign: ") == 1
    alone = cli("verify", gdpr / argument)
    assert (alone.code, alone.err.count("Error: "), "unexpected" in alone.err) == (2, 1, False)


TWICE = {
    "another path": ("first.json", "../gdpr/first.json"),
    "a file of it": ("first.json", "first.tsr", "first.html"),
    "a link to it": ("first.json", "link.json"),
    "a link first": ("link.json", "first.json"),
    "a link to the folder": ("first.json", "linked/first.json"),
    "an export and its files": (
        "bag",
        "bag/bagit.txt",
        "bag/data",
        "bag/data/projects.jsonl",
        "bag/manifest-sha256.txt",
    ),
    "a file of an export first": ("bag/data/projects.jsonl", "bag"),
    "an export by a link": ("bag", "linked/bag"),
    "a plan and its approval": ("plan.json", "plan.json.sig", "linked/plan.json"),
    "a foreign file": ("notes.txt", "linked/notes.txt"),
    "a missing file": ("none", "linked/none"),
}


@posix("links")
@pytest.mark.parametrize("name", TWICE)
def test_one_thing_has_one_line_however_it_is_named(cli, gdpr, name):
    (gdpr / "link.json").symlink_to("first.json")
    (gdpr / "linked").symlink_to(".")
    (gdpr / "notes.txt").write_text("call them")

    items = cli("verify", *(gdpr / one for one in TWICE[name]), "--json").json["items"]

    assert len(items) == 1
    assert items[0]["exitCode"] == {"notes.txt": 3, "none": 2}.get(TWICE[name][0], 0)


@posix("shell")
def test_without_ssh_keygen_signatures_are_not_checked(cli, gdpr, keys, tmp_path):
    bare = {"PATH": str(tmp_path)}

    ran = cli("verify", *sorted(gdpr.iterdir()), "--json", **bare)
    asked = cli("verify", *sorted(gdpr.iterdir()), "--signer", keys.signers, **bare)

    assert (ran.code, kinds(ran.json)) == (0, EXPECTED)
    assert {item["signature"]["proof"] for item in ran.json["items"]} == {"not proven"}
    assert (asked.code, asked.out) == (2, "")
    assert "this machine has no ssh-keygen" in asked.err
    assert "install OpenSSH" in asked.err


@posix("shell")
def test_ssh_keygen_that_fails_is_a_line_of_each(cli, gdpr, keys, tmp_path):
    program = tmp_path / "ssh-keygen"
    program.write_text("no program")
    program.chmod(0o700)

    ran = cli("verify", *sorted(gdpr.iterdir()), "--signer", keys.signers, "--json", PATH=str(tmp_path))

    assert ran.code == 2
    assert kinds(ran.json) == EXPECTED
    assert {item["exitCode"] for item in ran.json["items"]} == {2}
