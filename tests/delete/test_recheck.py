"""`recheck`: the service is asked again for what evidence says is gone; a listing that fails proves nothing."""

import copy
import csv
import io
import json

import pytest

from custom_vision_simulator import Fault, Simulator
from tests.commandline import CommandLine
from tests.delete.erasing import calls, stock

NEW = "says nothing of a picture that was uploaded anew"
PACE = {"CV_GDPR_RECHECK_CALLS_PER_SECOND": "0", "CV_GDPR_RECHECK_PATIENCE": "0.1"}


class Ground:
    """A resource, what it held before, and the evidence of an erasure of it."""

    def __init__(self, sim, folder):
        self.sim, self.folder = sim, folder
        self.cli = CommandLine(sim.endpoint, sim.training_key)
        self.projects = [stock(sim), stock(sim, "Strangers", images=5)]
        self.full = copy.deepcopy(sim.store.projects)
        self.evidence = {}

    def erased(self, *words):
        """Erase from the full resource; return the evidence and leave the resource as it is then."""
        self.sim.clear_faults()
        self.sim.store.projects = copy.deepcopy(self.full)
        if words not in self.evidence:
            self.evidence[words] = self.folder / f"erasure-{len(self.evidence)}.json"
            flags = ("--yes", "--wait", "0.4", "--evidence", self.evidence[words])
            assert self.cli("delete", *words, *flags).code == 0
            self.less = getattr(self, "less", {}) | {words: copy.deepcopy(self.sim.store.projects)}
        self.sim.store.projects = copy.deepcopy(self.less[words])
        self.sim.calls.clear()
        return self.evidence[words]

    def recheck(self, *words, code, **variables):
        ran = self.cli("recheck", *words, **(PACE | variables))
        assert ran.code == code, ran.out + ran.err
        assert "Traceback" not in ran.err
        assert calls(self.sim) == []  # nothing is changed
        return ran

    def restore(self, row, project=0):
        """Bring one item of a row back, as a restore would: with its id; return the id."""
        identity = self.projects[project]
        there = self.sim.store.projects
        if row == "projects":
            there[identity] = copy.deepcopy(self.full[identity])
            return identity
        then, now = self.full[identity], there[identity]
        if row in {"images", "tags"}:
            then, now = then.workspace, now.workspace
        one, value = next(iter(getattr(then, row).items()))
        getattr(now, row)[one] = copy.deepcopy(value)
        return one


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """Return a resource that can be erased from and restored."""
    with Simulator() as sim:
        yield Ground(sim, tmp_path_factory.mktemp("ground"))


WORDS = {
    "images": ("images", "--all"),
    "tags": ("tags", "--all"),
    "iterations": ("iterations", "--all"),
    "predictions": ("predictions", "--all"),
    "projects": ("--all",),
}


@pytest.mark.slow
@pytest.mark.parametrize("row", WORDS)
def test_gone_is_gone_and_there_again_is_named(ground, row):
    evidence = ground.erased(*WORDS[row])
    ran = ground.recheck(evidence, code=0)
    assert "still gone: everything" in ran.out
    assert NEW in ran.out

    one = ground.restore(row)
    ran = ground.recheck(evidence, code=4)
    assert f"There again: {row} {one}" in ran.err
    document = ground.recheck(evidence, "--json", code=4).json
    assert one in {item["id"] for item in document["thereAgain"]}
    assert document["notAsked"] == []
    assert NEW in document["saysNothingOf"]
    if row in {"images", "tags", "predictions"}:  # an iteration and a project bring more back
        assert [(item["row"], item["id"]) for item in document["thereAgain"]] == [(row, one)]


@pytest.mark.slow
def test_an_image_back_in_an_iteration_is_found(ground):
    evidence = ground.erased("images", "--all")
    then = next(iter(ground.full[ground.projects[0]].iterations.values()))
    now = ground.sim.store.projects[ground.projects[0]].iterations[then.id]
    one, image = next(iter(then.snapshot.images.items()))
    now.snapshot.images[one] = image
    assert one in ground.recheck(evidence, code=4).err


def test_an_id_in_capitals_is_there_again(ground):
    """The service gives an erased image again when it is asked for it by id, and spells its id otherwise."""
    evidence = ground.erased("images", "--all")
    one = next(iter(ground.full[ground.projects[0]].workspace.images))
    ground.sim.fault(Fault("GetImagesByIds", body=[{"id": one.upper()}], times=None))
    document = ground.recheck(evidence, "--json", code=4).json
    assert one in {item["id"] for item in document["thereAgain"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("images", Fault("GetImagesByIds", status=500, times=None)),
        ("images", Fault("GetTaggedImages", status=403, times=None)),
        ("images", Fault("GetTaggedImages", body=b"<html>", times=None)),
        ("tags", Fault("GetTags", status=404, times=None)),
        ("tags", Fault("GetTag", status=400, times=None)),
        ("predictions", Fault("QueryPredictions", status=400, times=None)),
        ("iterations", Fault("GetIterations", status=404, times=None)),
        ("projects", Fault("GetProject", status=403, times=1)),
        ("projects", Fault("GetProjects", status=500, times=None)),
    ],
)
def test_what_cannot_be_asked_for_is_not_gone(ground, row, fault):
    evidence = ground.erased(*WORDS[row])
    ground.sim.fault(fault)
    document = ground.recheck(evidence, "--json", code=3).json
    assert document["thereAgain"] == []
    assert {item["row"] for item in document["notAsked"]} >= {row}
    assert all(item["reason"] for item in document["notAsked"])
    assert document["retryable"] is True


def test_one_project_that_fails_costs_itself(ground):
    evidence = ground.erased(*WORDS["images"])
    first, second = ground.projects
    one = ground.restore("images", 1)
    ground.sim.fault(Fault("GetTaggedImages", status=500, times=None, match=first))
    document = ground.recheck(evidence, "--json", code=4).json
    assert {item["project"] for item in document["notAsked"]} == {first}
    assert [(item["project"], item["id"]) for item in document["thereAgain"]] == [(second, one)]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_everything_ends_in_5(ground, status):
    evidence = ground.erased(*WORDS["images"])
    ground.sim.fault(Fault("*", status=status, times=None))
    document = ground.recheck(evidence, "--json", code=5).json
    assert document["stillGone"] == 0
    assert document["thereAgain"] == []


def test_an_unreachable_service_ends_in_5(ground):
    evidence = ground.erased(*WORDS["images"])
    ground.sim.fault(Fault("*", drop=True, times=None))
    ran = ground.recheck(evidence, code=5)
    assert "Error:" in ran.err


def test_the_files_are_named_as_those_of_an_erasure(ground, tmp_path):
    kept = tmp_path / "after.json"
    ran = ground.recheck(ground.erased("images", "--all"), "--evidence", kept, code=0)
    files = {"evidence": "json", "ledger": "jsonl", "certificate": "html", "hashes": "sha256"}
    lines = [f"{name}: {kept.with_suffix(f'.{suffix}')}" for name, suffix in files.items()]
    assert ran.out.splitlines()[-4:] == lines


def test_its_line_in_the_register_says_of_what_it_is(sim, cli, tmp_path):
    """The reference is that of the erasure where the recheck has none; the projects are those looked at."""
    project = stock(sim, predictions=1, iterations=0)
    erasure, kept = tmp_path / "e.json", tmp_path / "r.json"
    assert cli("delete", "predictions", "--all", "--yes", "--evidence", erasure, "--reference", "R 3").code == 0
    assert cli("recheck", erasure, "--evidence", kept, **PACE).code == 0
    assert "Reference of that evidence: R 3" in cli("verify", kept).out

    def line(path):
        (only,) = csv.DictReader(io.StringIO(cli("verify", path, "--csv").out))
        return only["kind"], only["reference"], only["projects"], only["recheck of"]

    of = line(kept)[3]
    assert (line(kept), len(of)) == (("recheck", "R 3", project, of), 64)
    kept.unlink()
    assert line(kept.with_suffix(".jsonl")) == ("ledger", "R 3", project, of)


def test_the_answer_is_kept_as_evidence(ground, tmp_path):
    evidence = ground.erased(*WORDS["predictions"])
    kept = tmp_path / "after.json"
    words = ("--evidence", kept, "--reference", "A 7/26 <b>", "--operator", "Dr. É")
    ran = ground.recheck(evidence, *words, code=0)
    assert str(kept) in ran.out
    told = json.loads(kept.read_text())
    assert told["verdict"].startswith("still gone")
    assert (told["reference"], told["operator"], told["exitCode"]) == ("A 7/26 <b>", "Dr. É", 0)
    earlier = json.loads(evidence.read_text())
    assert told["rechecked"] == {"file": evidence.name, "finished": earlier["finished"], "reference": ""}
    assert "Record of a recheck" in kept.with_suffix(".html").read_text()
    assert "A 7/26 &lt;b&gt;" in kept.with_suffix(".html").read_text()
    verified = ground.cli("verify", kept)
    assert verified.code == 0
    assert "Reference: A 7/26 <b>" in verified.out
    assert ground.cli("verify", kept, "--json").json["recheckOf"] == told["recheckOf"]
    kept.write_text(kept.read_text().replace("still gone", "perhaps gone"))
    assert ground.cli("verify", kept).code == 4


def test_evidence_of_what_is_there_again_verifies_too(ground, tmp_path):
    evidence = ground.erased(*WORDS["tags"])
    ground.restore("tags")
    ground.recheck(evidence, "--evidence", tmp_path / "after.json", code=4)
    assert ground.cli("verify", tmp_path / "after.json").code == 0
    assert "there again" in (tmp_path / "after.html").read_text()
    ran = ground.recheck(evidence, "--evidence", tmp_path / "after.json", code=2)
    assert "exists" in ran.err or "finished" in ran.err


def test_a_recheck_that_was_refused_can_be_resumed(ground, tmp_path):
    evidence = ground.erased(*WORDS["images"])
    ground.sim.fault(Fault("*", status=401, times=None))
    ground.recheck(evidence, "--evidence", tmp_path / "after.json", code=5)
    ground.sim.clear_faults()
    ground.recheck(evidence, "--evidence", tmp_path / "after.json", code=0)
    assert ground.cli("verify", tmp_path / "after.json").code == 0


def test_altered_evidence_is_refused_before_anything_is_sent(ground, tmp_path):
    evidence = ground.erased(*WORDS["images"])
    copied = tmp_path / evidence.name
    copied.write_text(evidence.read_text().replace(ground.sim.endpoint, "https://example.com"))
    assert "does not verify" in ground.recheck(copied, code=4).err
    assert ground.sim.calls == []


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"CV_GDPR_ENDPOINT": "https://other.example"}, "of another resource than https://other.example"),
        ({"CV_GDPR_ENDPOINT": ""}, "not set: CV_GDPR_ENDPOINT"),
        ({"CV_GDPR_TRAINING_KEY": ""}, "not set: CV_GDPR_TRAINING_KEY"),
    ],
)
def test_the_key_goes_only_to_the_endpoint_configured(ground, variables, words):
    evidence = ground.erased(*WORDS["images"])
    assert words in ground.recheck(evidence, code=2, **variables).err
    assert ground.sim.calls == []


def test_evidence_that_proves_nothing_gone(ground, tmp_path):
    ground.sim.clear_faults()
    ground.sim.store.projects = copy.deepcopy(ground.full)
    path = tmp_path / "none.json"
    image = "--image-id", "00000000-0000-4000-8000-000000000000"
    assert ground.cli("delete", "images", "--all", *image, "--yes", "--evidence", path).code == 3
    ground.sim.calls.clear()
    assert "nothing to look for" in ground.recheck(path, code=3).out


def test_a_recheck_of_a_recheck(ground, tmp_path):
    evidence = ground.erased(*WORDS["predictions"])
    ground.recheck(evidence, "--evidence", tmp_path / "after.json", code=0)
    document = ground.recheck(tmp_path / "after.json", "--json", code=0).json
    assert document["stillGone"] == 6
