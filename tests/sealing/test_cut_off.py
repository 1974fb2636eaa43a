"""A run that is killed while it waits for a time-stamp is finished by the same command, or by certify."""

import os
import subprocess
import sys

import pytest

from custom_vision_simulator import Fault
from tests.console import KILLED
from tests.delete.erasing import stock

pytestmark = pytest.mark.slow


def killed(erase, authority, number, *options):
    """Kill `cv-gdpr delete` when it asks for the time-stamp with this number; return the words of the command."""
    words = ["delete", "--all", "--yes", "--evidence", str(erase.folder / "e.json"), "--timestamp", authority.url]
    words += map(str, options)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CV_GDPR")}
    process = subprocess.Popen(
        [sys.executable, "-m", "cv_gdpr", *words],
        env=environment | erase.cli.variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    authority.on_answer = lambda: authority.asked == number and process.kill()
    assert process.wait(60) == KILLED
    authority.on_answer = lambda: None
    return words


@pytest.mark.parametrize("number", [1, 2])
def test_a_killed_run_is_resumed(sim, erase, keys, authority, anchors, number):  # noqa: PLR0913, PLR0917 - fixtures
    stock(sim, images=2, predictions=0, iterations=0)
    words = killed(erase, authority, number, "--sign", keys.officer)
    evidence = erase.folder / "e.json"
    assert len(sim.store.projects) == (1 if number == 1 else 0)
    assert evidence.with_suffix(".begin.tsr").exists() == (number == 2)
    assert evidence.with_suffix(".jsonl").exists()

    assert erase.cli(*words).code == 0

    assert not sim.store.projects
    assert erase.cli("verify", evidence, *anchors).code == 0


def test_certify_completes_a_killed_run(sim, erase, keys, authority, anchors):
    stock(sim, images=2, predictions=0, iterations=0)
    killed(erase, authority, 2, "--sign", keys.officer)
    evidence = erase.folder / "e.json"

    assert erase.cli("certify", evidence, "--sign", keys.officer, "--timestamp", authority.url).code == 0

    assert erase.cli("verify", evidence, *anchors).code == 0


def test_an_interrupted_run_is_not_certified(sim, erase, keys, authority):
    stock(sim, images=2, predictions=0, iterations=0)
    killed(erase, authority, 1)

    assert erase.cli("certify", erase.folder / "e.jsonl", "--sign", keys.officer).code == 4


def test_a_time_stamp_from_elsewhere_is_refused(sim, erase, authority):
    stock(sim, images=2, predictions=0, iterations=0)
    words = killed(erase, authority, 1)
    token = erase.folder / "e.begin.tsr"
    token.write_bytes(authority.answer(authority.query(b"something else")))

    assert erase.cli(*words).code == 2
    assert len(sim.store.projects) == 1
    token.unlink()
    assert erase.cli(*words).code == 0


def test_a_token_of_another_run_is_in_the_way(sim, erase, authority):
    stock(sim, images=2, predictions=0, iterations=0)
    (erase.folder / "e.begin.tsr").write_bytes(b"x")

    assert erase("--all", "--timestamp", authority.url, evidence="e.json").code == 2
    assert erase("--all", evidence="e.json").code == 2
    assert len(sim.store.projects) == 1


@pytest.mark.parametrize("name", ["e.tsr", "e.sha256.sig", "e.sha256"])
def test_nothing_is_overwritten(sim, erase, keys, name):
    stock(sim, images=2, predictions=0, iterations=0)
    (erase.folder / name).write_bytes(b"mine")

    assert erase("--all", "--sign", keys.officer, evidence="e.json").code == 2
    assert (erase.folder / name).read_bytes() == b"mine"
    assert len(sim.store.projects) == 1


def test_a_run_that_the_service_stops_is_sealed_anew(sim, erase, keys, authority, anchors):
    stock(sim, images=2, predictions=0, iterations=0)
    sealing = ("--sign", keys.officer, "--timestamp", authority.url)
    sim.fault(Fault("DeleteProject", status=401, times=None))
    assert erase("--all", *sealing, evidence="e.json").code == 5
    assert erase.cli("verify", erase.path, *anchors).code == 0
    sim.faults.clear()

    assert erase("--all", *sealing, evidence="e.json").code == 0
    assert erase.cli("verify", erase.path, *anchors).code == 0


def test_a_resumed_run_keeps_what_was_promised(sim, erase, keys, authority):
    stock(sim)
    options = {"--sign": keys.officer, "--timestamp": authority.url}
    sim.fault(Fault("DeleteTag", status=401, times=None))
    words = ("tags", "--all", *(word for option in options.items() for word in option))
    assert erase(*words, evidence="e.json").code == 5
    sim.clear_faults()
    before = {path: path.read_bytes() for path in erase.folder.iterdir()}
    for option, value in options.items():
        ran = erase("tags", "--all", option, value, evidence="e.json")
        (lacking,) = options.keys() - {option}
        assert ran.code == 2
        assert f"was begun with {lacking}" in ran.err
        assert {path: path.read_bytes() for path in erase.folder.iterdir()} == before
    assert erase(*words, evidence="e.json").code == 0


def test_lost_evidence_is_completed_as_promised(sim, erase, keys):
    stock(sim)
    assert erase("tags", "--all", "--sign", keys.officer, evidence="e.json").code == 0
    for path in erase.folder.glob("e.[!j]*"):
        path.unlink()
    erase.path.unlink()
    assert erase("tags", "--all", evidence="e.json").code == 2
    assert erase("tags", "--all", "--sign", keys.officer, evidence="e.json").code == 0
    assert erase.cli("verify", erase.path, "--signer", keys.signers).code == 0
