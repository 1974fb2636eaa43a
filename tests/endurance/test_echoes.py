"""A service that repeats the key and signed links in its answers, in every spelling: none is stored."""

import itertools
import os
import re
import threading

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.links import Links
from tests.delete.erasing import stock
from tests.endurance.enduring import started
from tests.export.exporting import files, records
from tests.spellings import SPELLINGS, telling


class Echoes:
    """Answers some operations with an error whose every part repeats a credential, each time in another spelling."""

    def __init__(self, sim, signatures, operations, status):
        self.key, self.signatures, self.operations, self.status = sim.training_key, signatures, operations, status
        self.take_usually, sim.faults.take = sim.faults.take, self.take
        pairs = zip([*SPELLINGS.values()] * 2, itertools.cycle(["key", "key", "link"]), strict=False)
        self.to_come = itertools.cycle(pairs)
        self.repeated = {self.key}
        self.lock = threading.Lock()

    def take(self, operation, method, target):
        if operation not in self.operations:
            return self.take_usually(operation, method, target)
        with self.lock:
            spell, what = next(self.to_come)
            secret = self.signatures[-1] if what == "link" and self.signatures else self.key
            self.repeated.add(secret)
        spelled = spell(secret)
        header = re.sub("[^!-~]", "", spelled if spelled.isascii() else secret)
        body = {"code": spelled, "message": f"a bad link: {spelled} was sent"}
        return Fault("*", status=self.status, body=body, headers={"apim-request-id": header, "Request-Id": header})


@pytest.fixture
def signatures(monkeypatch):
    """Return the signatures that the simulator sends."""
    sent, sign = [], Links._signature

    def signing(self, path, expiry):
        sent.append(sign(self, path, expiry))
        return sent[-1]

    monkeypatch.setattr(Links, "_signature", signing)
    return sent


@pytest.fixture
def echoing(sim, signatures, tmp_path):
    """Return a function that runs a command while some operations echo credentials, then searches for these."""

    def run(operations, status, *words, **variables):
        echoes = Echoes(sim, signatures, operations, status)
        with started(sim, *words, "-vv", **variables) as process:
            out, err = process.communicate(timeout=60)
        for secret in echoes.repeated:
            for place, text in {"stdout": out, "stderr": err}.items():
                assert not telling(text, secret), place
            for path in files(tmp_path):
                assert not telling(path.read_bytes().decode("latin-1"), secret), path
                assert secret not in os.fsdecode(path)
        return process.returncode, out, err

    return run


@pytest.mark.parametrize("status", [400, 503])
def test_an_export_stores_no_echoed_credential(sim, echoing, tmp_path, status):
    sim.fill(projects=len(SPELLINGS) // 3, images=1, image_bytes=64, predictions=1)
    out, impatient = tmp_path / "out", {"CV_GDPR_EXPORT_PATIENCE": "0.3"}
    code, _, err = echoing(("QueryPredictions",), status, "export", "--all", "--out", out, **impatient)
    assert code == 3
    missing = records(out / "missing.jsonl")
    assert len(missing) == len(SPELLINGS) // 3
    assert all(f"QueryPredictions: the service answered {status}" in entry["reason"] for entry in missing)
    assert ("retried in" in err) == (status == 503)


def test_absence_is_recorded_without_echoed_credentials(sim, echoing, tmp_path):
    projects = sim.fill(projects=2, images=2, iterations=2, image_bytes=64)
    for project in projects:
        for iteration in sim.store.projects[project].iterations.values():
            iteration.status = "Failed"
    code, _, _ = echoing(("GetIterationPerformance",), 400, "export", "--all", "--out", tmp_path / "out")
    assert code == 0
    (noted, *_) = records(next((tmp_path / "out" / "data").glob("*/absent.jsonl")))
    assert noted["reason"] == "400: none"


def test_an_error_message_holds_no_echoed_credential(sim, echoing):
    sim.fill(images=1, image_bytes=64)
    for words in ((), ("--json",)):
        code, out, err = echoing(("GetImageCount", "GetProject"), 401, "delete", "--all", "--dry-run", *words)
        assert code == 5
        assert "the service answered 401" in err
        assert bool(out) == bool(words)


def test_an_erasure_stores_no_echoed_credential(sim, echoing, tmp_path):
    project = stock(sim, iterations=1)
    workspace = sim.store.projects[project].workspace
    example = next(iter(workspace.tags.values()))
    for number in range(len(SPELLINGS)):
        identity = f"11111111-1111-4111-8111-{number:012d}"
        workspace.tags[identity] = type(example)(identity, f"tag {number}")
    evidence, unhurried = tmp_path / "evidence.json", {"CV_GDPR_DELETE_WAIT": "0", "CV_GDPR_DELETE_PATIENCE": "0"}
    words = ("delete", "--all", "--yes", "--evidence", evidence)
    code, _, err = echoing(("DeleteTag", "DeleteProject"), 400, *words, **unhurried)
    assert code == 3
    assert err.count("DeleteTag: the service answered 400") >= len(SPELLINGS)
    answered = [line for line in records(evidence.with_suffix(".jsonl")) if line["event"] == "answered"]
    refused = [line for line in answered if line["row"] == "tags"]
    assert {line["requestId"] for line in refused} == {""}
    assert {line["reason"] for line in refused} == {"the service answered 400"}
