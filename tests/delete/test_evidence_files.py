"""The evidence files survive whatever happens after the last deletion, and overwrite nothing."""

import errno
import json
import os
import subprocess
import threading

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.delete.execute import Erased, earlier_run, opening
from cv_gdpr.delete.plan import Plan, ProjectPlan
from cv_gdpr.errors import StorageError, UsageError
from cv_gdpr.evidence import files
from cv_gdpr.evidence.checking import check
from cv_gdpr.evidence.document import close
from cv_gdpr.evidence.events import Answered, Calling, Failed, Held, Looked
from cv_gdpr.evidence.ledger import Ledger
from cv_gdpr.evidence.records import TOOL, SearchedScope
from cv_gdpr.platforms.files import user_id
from tests.delete.dying import Died, steps
from tests.delete.erasing import calls, meanwhile, stock
from tests.platforms import WINDOWS, is_private, named_pipe, not_wine, posix

ENDPOINT = "https://example.cognitiveservices.azure.com"
PROJECT, IMAGE = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
SCOPE = SearchedScope(projects="all", rows=["images"], not_searched={}, selectors=[], salt=None)
THING = {"project": PROJECT, "row": "images", "ids": [IMAGE]}


def begun(path):
    """Write the ledger of an erasure up to its proof."""
    project = ProjectPlan(id=PROJECT, name="x", whole=False, rows={"images": {IMAGE: "m"}})
    frozen = {"created": "2026-01-01T00:00:00Z", "scope": SCOPE, "projects": [project]}
    plan = Plan(tool=TOOL, endpoint=ENDPOINT, protected=[], unmatched=[], failed=[], **frozen)
    with Ledger(files.ledger_of(path), ENDPOINT) as ledger:
        ledger.begin("this")
        ledger.write(opening(plan, "this"))
        ledger.write(Calling(**THING))
        ledger.write(Answered(**THING, status=202, request_id="r"))
        ledger.write(Looked(project=PROJECT, row="images", gone=[IMAGE], there=[]))


def ended(path):
    """Do what a run does after its proof: resume the ledger, close it, write the other files."""
    with Ledger(files.ledger_of(path), ENDPOINT) as ledger:
        ledger.begin("this")
        close(ledger, [])
        files.write(path, ledger.chain())


def again(path):
    """Do what the same command does; return whether it had anything to do."""
    try:
        if not isinstance(earlier_run(path, ENDPOINT, "this"), Erased):
            ended(path)
    except UsageError as error:
        if "finished erasure; this run deleted nothing" not in error.message:
            raise
        return False
    return True


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("dying", [True, False], ids=["killed", "disk full"])
def test_evidence_is_completed_after_death_at_any_step(tmp_path, dying):
    for number in range(200):
        path = tmp_path / str(number) / "e.json"
        path.parent.mkdir()
        begun(path)
        with steps(number, dying=dying) as counted:
            try:
                ended(path)
            except (Died, StorageError):
                assert counted.reached
        if not counted.reached:
            break
        repaired = again(path)

        assert check(path) == [], counted.taken
        assert set(contents(path.parent)) == {"e.json", "e.jsonl", "e.html", "e.sha256"}, counted.taken
        assert again(path) is False
        assert repaired or number > (12 if WINDOWS else 20)  # only the last steps follow the last file
    assert {*counted.taken} >= {"open", "write", "fsync", *(() if WINDOWS else ("link", "unlink"))}
    assert number > (15 if WINDOWS else 25)


@pytest.mark.parametrize("dying", [True, False], ids=["killed", "disk full"])
def test_the_completion_may_be_cut_off_too(tmp_path, dying):
    path = tmp_path / "e.json"
    begun(path)
    with steps(8, dying=dying), pytest.raises((Died, StorageError)):
        ended(path)
    kept = {}
    for _ in range(20):
        with steps(10, dying=dying) as counted:
            try:
                again(path)
            except (Died, StorageError):
                continue
            finally:
                there = {name: content for name, content in contents(tmp_path).items() if not name.startswith(".")}
                assert there.items() >= kept.items()
                kept = there
        if not counted.reached:
            break
    assert check(path) == []
    assert set(contents(tmp_path)) == {"e.json", "e.jsonl", "e.html", "e.sha256"}


@posix("names by links")
def test_files_are_durable_before_and_folders_after_naming(tmp_path):
    path = tmp_path / "e.json"
    begun(path)

    with steps(999, dying=True) as counted:
        ended(path)

    paper = ["open", "write", "fsync", "link", "unlink", "open", "fsync"]
    assert counted.taken[-3 * len(paper) :] == paper * 3


@pytest.mark.slow
@pytest.mark.parametrize("lost", [{".json"}, {".html"}, {".sha256"}, {".json", ".html", ".sha256"}])
@pytest.mark.parametrize("code", [0, 3, 5])
def test_lost_files_are_rewritten_byte_for_byte(sim, erase, tmp_path, lost, code):
    stock(sim, images=3, predictions=1, iterations=1)
    faults = {3: Fault("DeleteTag", status=400, times=None), 5: Fault("DeletePrediction", status=401, times=None)}
    if code:
        sim.fault(faults[code])
    assert erase("tags" if code == 3 else "predictions", "--all", evidence="e.json").code == code
    before = contents(tmp_path)
    for suffix in lost:
        erase.path.with_suffix(suffix).unlink()
    sim.calls.clear()

    ran = erase("tags" if code == 3 else "predictions", "--all", evidence="e.json")

    assert ran.code == ran.json["exitCode"] == code
    assert ran.json["completedFromLedger"] is True
    assert "completed from the ledger" in ran.err
    assert ("Error:" in ran.err) is bool(code)
    assert sim.calls == []
    assert contents(tmp_path) == before
    assert erase.verified() == 0


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        pytest.param(".json", "dangling link", marks=posix("links")),
        (".html", "folder"),
        pytest.param(".html", "link", marks=posix("links")),
        (".sha256", "file"),
    ],
)
def test_a_file_that_appears_meanwhile_is_not_overwritten(sim, erase, tmp_path, suffix, kind):
    stock(sim, images=2, predictions=1, iterations=0)
    place, target = tmp_path / f"e{suffix}", tmp_path / "target"
    if kind != "dangling link":
        target.write_text("mine")
    puts = {"folder": place.mkdir, "file": lambda: place.write_text("mine")}
    put = puts.get(kind, lambda: place.symlink_to(target))

    with meanwhile(sim, "DeletePrediction", put):
        ran = erase("--all", evidence="e.json")
    assert ran.code == 1
    assert f"{place} appeared during the run" in ran.err
    sim.calls.clear()
    refused = erase("--all", evidence="e.json")
    assert (refused.code, calls(sim)) == (2, [])
    assert f"{place} is in the way" in refused.err
    assert not place.is_file() or place.read_text() == "mine"
    assert target.exists() is (kind != "dangling link")
    place.rmdir() if kind == "folder" else place.unlink()

    assert erase("--all", evidence="e.json").code == 0
    assert sim.calls == []
    assert erase.verified() == 0


OTHERS = {
    "other selectors": ["images", "--all", "--metadata", "subject=nr-4712"],
    "no selectors": ["images", "--all"],
    "another row": ["tags", "--all", "--metadata", "subject=nr-4711"],
    "a project": ["images", "--project", "Visitors", "--metadata", "subject=nr-4711"],
}


@pytest.mark.slow
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("closed", [True, False])
def test_only_the_same_command_resumes(sim, erase, tmp_path, other, closed):
    stock(sim)
    assert erase("images", "--all", "--metadata", "subject=nr-4711", evidence="e.json").code == 0
    for suffix in (".json", ".html", ".sha256"):
        erase.path.with_suffix(suffix).unlink()
    if not closed:
        lines = erase.ledger_file.read_bytes().splitlines(keepends=True)
        erase.ledger_file.write_bytes(b"".join(lines[:-1]))
    before = contents(tmp_path)
    sim.calls.clear()

    ran = erase(*OTHERS[other], evidence="e.json")

    assert ran.code == 2, ran.err
    assert "with another scope or other selectors" in ran.err
    assert sim.calls == []
    assert contents(tmp_path) == before


@pytest.mark.parametrize("edit", [b"x", b""])
def test_a_plan_that_changed_is_another_command(sim, erase, tmp_path, edit):
    stock(sim)
    plan = tmp_path / "plan.json"
    assert erase("tags", "--all", "--dry-run", "--save-plan", plan).code == 0
    assert erase("--plan", plan, evidence="e.json").code == 0
    erase.path.unlink()
    plan.write_bytes(plan.read_bytes() + edit)

    assert erase("--plan", plan, evidence="e.json").code == (2 if edit else 0)


def test_a_cut_off_run_knows_the_iterations_of_its_images(tmp_path):
    path, kept = tmp_path / "e.json", "00000000-0000-0000-0000-00000000000a"
    begun(path)
    with Ledger(files.ledger_of(path), ENDPOINT) as ledger:
        ledger.begin("this")
        ledger.write(Held(project=PROJECT, iterations={kept: [IMAGE]}))
    ended(path)

    assert check(path) == []
    (project,) = json.loads(path.read_text())["projects"]
    assert project["iterationsTrainedOnThem"] == [kept]


def test_an_event_with_a_value_of_another_type_is_not_written(tmp_path):
    with Ledger(tmp_path / "e.jsonl", ENDPOINT) as ledger:
        ledger.begin("this")
        with pytest.raises(ValueError, match=r"Expected `str`, got `int` - at `\$\.reason`"):
            ledger.write(Failed(project=PROJECT, reason=1))

    assert (tmp_path / "e.jsonl").read_bytes() == b""


def test_finished_evidence_is_not_changed(sim, erase, tmp_path):
    stock(sim, images=2, predictions=0, iterations=0)
    assert erase("--all", evidence="e.json").code == 0
    before = contents(tmp_path)
    sim.calls.clear()

    ran = erase("--all", evidence="e.json")

    assert (ran.code, sim.calls, contents(tmp_path)) == (2, [], before)
    assert "cv-gdpr verify" in ran.err


# --- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("e", "e.jsonl", "e.html", "e.sha256", "e.JSON", "e.json.gz", ".json"),
        *(pytest.param("x" * length + ".json", marks=not_wine("long names")) for length in (235, 250)),
    ],
)
def test_an_invalid_evidence_name_is_refused(sim, erase, tmp_path, name):
    stock(sim, images=1, predictions=0, iterations=0)

    ran = erase("--all", evidence=name)

    assert ran.code == 2, ran.err
    assert sim.calls == []
    assert list(tmp_path.iterdir()) == []


def test_runs_started_in_one_second_get_different_names(tmp_path):
    names = []
    (tmp_path / "x").mkdir()

    threads = [threading.Thread(target=lambda: names.append(files.unused(tmp_path / "x"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({*names}) == 20
    assert {files.ledger_of(name) for name in names} == set((tmp_path / "x").iterdir())


@pytest.mark.parametrize(
    "name",
    [
        *("e.json", "a b.json", "Prüfung.json", "-x.json"),
        *(pytest.param(name, marks=posix("names in bytes")) for name in ("back\\slash.json", "new\nline.json")),
    ],
)
def test_sha256sum_accepts_the_hashes(tmp_path, name):
    path = tmp_path / name
    begun(path)
    ended(path)

    listed = subprocess.run(
        ["sha256sum", "--", *(path.with_suffix(suffix).name for suffix in (".json", ".html", ".jsonl"))],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    assert files.hashes_of(path).read_bytes() == listed
    subprocess.run(["sha256sum", "--strict", "-c", "--", files.hashes_of(path).name], cwd=tmp_path, check=True)
    assert check(path) == []


# --- a folder that others can write to --------------------------------------------------------------------------


def foreign(place, kind):
    """Put something that cannot be resumed in place of a ledger; return what must stay unchanged."""
    victim = place.with_name("victim")
    if kind != "dangling link":
        victim.write_bytes(b"")  # like an empty ledger, which would be started again
    if kind in {"link", "dangling link"}:
        place.symlink_to(victim)
    elif kind == "hard link":
        os.link(victim, place)
    elif kind == "pipe":
        named_pipe(place)
    elif kind == "folder":
        place.mkdir()
    elif kind == "of another user":
        place.write_bytes(b"")
        os.chown(place, 4711, 4711)
    return victim


WHY = {
    "link": "is a link",
    "dangling link": "is a link",
    "hard link": "has a second name",
    "pipe": "is not a regular file",
    "folder": "is not a regular file",
    "of another user": "belongs to another user",
}


@pytest.mark.parametrize("kind", WHY)
def test_a_foreign_ledger_is_refused(sim, erase, tmp_path, kind):
    if kind == "of another user" and user_id() != 0:
        pytest.skip("only root can give a file away")
    stock(sim, images=1, predictions=0, iterations=0)
    victim = foreign(tmp_path / "e.jsonl", kind)

    ran = erase("--all", evidence="e.json")

    assert ran.code == 2, ran.err
    assert WHY[kind] in ran.err
    assert sim.calls == []
    assert victim.exists() is (kind != "dangling link")
    assert not victim.exists() or victim.read_bytes() == b""
    assert not (tmp_path / "e.json").exists()


@posix("owners")
def test_a_ledger_is_resumed_where_owners_are_mapped(tmp_path, monkeypatch):
    here, path = user_id(), tmp_path / "e.json"
    begun(path)
    monkeypatch.setattr(os, "geteuid", lambda: here + 1)  # every file written here seems to belong to another user

    ended(path)

    assert check(path) == []
    assert set(contents(tmp_path)) == {"e.json", "e.jsonl", "e.html", "e.sha256"}


@pytest.mark.parametrize("kind", ["link", "hard link"])
def test_a_ledger_swapped_while_opening_is_refused(tmp_path, monkeypatch, kind):
    place, opened = tmp_path / "e.jsonl", os.open
    place.write_bytes(b"")

    def swapping(path, flags, *mode):
        if path == place and not flags & os.O_EXCL:
            place.unlink()
            foreign(place, kind)
        return opened(path, flags, *mode)

    monkeypatch.setattr(os, "open", swapping)
    with pytest.raises((UsageError, StorageError)):
        Ledger(place, ENDPOINT)
    assert (tmp_path / "victim").read_bytes() == b""


@posix("names by links")
def test_a_swapped_temporary_file_is_noticed(tmp_path, monkeypatch):
    path, linked = tmp_path / "e.json", os.link
    begun(path)

    def swapping(temporary, final):
        temporary.unlink()
        temporary.write_text("forged")
        linked(temporary, final)

    monkeypatch.setattr(os, "link", swapping)
    with pytest.raises(StorageError, match="another process replaced it"):
        ended(path)


@pytest.mark.parametrize("there", [True, False])
def test_without_hard_links_nothing_is_overwritten(tmp_path, monkeypatch, there):
    path = tmp_path / "e.json"
    begun(path)

    def refused(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")  # as on FAT

    monkeypatch.setattr(os, "link", refused)
    if there:
        files.certificate_of(path).write_text("mine")
        with pytest.raises(StorageError, match="is not overwritten"):
            ended(path)
        assert files.certificate_of(path).read_text() == "mine"
    else:
        ended(path)
        assert check(path) == []
        assert set(contents(tmp_path)) == {"e.json", "e.jsonl", "e.html", "e.sha256"}


@pytest.mark.parametrize("dangling", [True, False])
def test_a_saved_plan_follows_no_link(sim, erase, tmp_path, dangling):
    stock(sim, images=1, predictions=0, iterations=0)
    victim = tmp_path / "victim"
    if not dangling:
        victim.write_text("mine")
    (tmp_path / "plan.json").symlink_to(victim)

    assert erase("--all", "--dry-run", "--save-plan", tmp_path / "plan.json").code == 2
    assert victim.exists() is not dangling


def test_files_are_private_and_no_other_file_remains(sim, erase, tmp_path):
    stock(sim, images=1, predictions=0, iterations=0)

    assert erase("--all", "--save-plan", tmp_path / "plan.json", evidence="e.json").code == 0

    assert {file.name for file in tmp_path.iterdir()} == {"plan.json", *(file.name for file in erase.files)}
    assert all(map(is_private, tmp_path.iterdir()))
    assert {file.stat().st_nlink for file in tmp_path.iterdir()} == {1}


def _swapped(ledger):
    copy = ledger.read_bytes()
    ledger.unlink()
    ledger.write_bytes(copy)


TAKEN = {
    "removed": lambda ledger: ledger.unlink(),
    "moved": lambda ledger: ledger.rename(ledger.with_name("elsewhere")),
    "replaced": _swapped,
    "a link": lambda ledger: ledger.rename(ledger.with_name("x")) and ledger.symlink_to(ledger.with_name("x")),
    "cut": lambda ledger: os.truncate(ledger, 10),
    "emptied": lambda ledger: os.truncate(ledger, 0),
    "appended to": lambda ledger: ledger.write_bytes(ledger.read_bytes() + b"{}\n"),
    "edited": lambda ledger: ledger.write_bytes(ledger.read_bytes().replace(b"opened", b"OPENED")),
}


MOVED = ["removed", "moved", "replaced", "a link"]


@pytest.mark.parametrize(
    "how",
    [*(pytest.param(how, marks=posix("open files")) for how in MOVED), *(how for how in TAKEN if how not in MOVED)],
)
def test_a_ledger_removed_during_the_run_ends_it(sim, erase, tmp_path, how):
    stock(sim)
    ledger = tmp_path / "e.jsonl"
    read = []

    def take():
        read.append(ledger.read_bytes())
        TAKEN[how](ledger)

    with meanwhile(sim, "DeletePrediction", take):
        ran = erase("--all", evidence="e.json")

    assert ran.code == ran.json["exitCode"] == 4, ran.err
    assert f"the ledger {ledger} was" in ran.err
    sent = [call.operation for call in calls(sim)]
    assert sent[-1] == ("DeleteProject" if how == "edited" else "DeletePrediction")  # an edit is noticed on closing
    assert not (tmp_path / "e.json").exists()
    (rescued,) = tmp_path.glob("e.rescued-*.jsonl")
    assert rescued.read_bytes().startswith(read[0])
    assert str(rescued) in ran.err
    assert [json.loads(line)["event"] for line in read[0].splitlines()][-1] == "calling"
