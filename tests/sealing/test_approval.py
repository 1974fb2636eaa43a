"""Who approved a plan: the plan and its signature lie beside the evidence, and `verify` compares all of it."""

import hashlib
import json
import re
import shutil
from types import SimpleNamespace

import pytest

from custom_vision_simulator import Simulator
from tests.commandline import CommandLine
from tests.delete.erasing import Eraser, stock
from tests.sealing.stamping import fingerprint, public, ssh_signature


@pytest.fixture(scope="module")
def made(tmp_path_factory, keys):
    """An erasure whose plan the officer approved, made once."""
    folder = tmp_path_factory.mktemp("approved")
    with Simulator() as sim:
        stock(sim, images=2, predictions=0, iterations=0)
        erase = Eraser(CommandLine(sim.endpoint, sim.training_key), folder)
        plan = folder / "plan.json"
        assert erase.cli("delete", "--all", "--dry-run", "--save-plan", plan).code == 0
        assert erase.cli("certify", plan, "--sign", keys.officer).code == 0
        options = ("--plan", plan, "--approved-by", keys.signers, "--sign", keys.other)
        assert erase(*options, evidence="e.json").code == 0
    return folder


@pytest.fixture
def evidence(made, tmp_path, keys):
    """A copy of its evidence, and a list of both persons."""
    shutil.copytree(made, tmp_path / "e")
    signers = tmp_path / "list"
    signers.write_text(f"officer@example.org {public(keys.officer)}\nclerk@example.org {public(keys.other)}\n")
    path = tmp_path / "e" / "e.json"
    return SimpleNamespace(path=path, plan=path.with_suffix(".plan.json"), signers=signers, keys=keys)


def list_hashes(one, key):
    """Make the list of hashes again, of the files that are there, and sign it."""
    hashes = one.path.with_suffix(".sha256")
    names = [line.split("  ")[1] for line in hashes.read_text().splitlines()]
    there = [one.path.with_name(name) for name in names if one.path.with_name(name).exists()]
    hashes.write_text("".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in there))
    hashes.with_suffix(".sha256.sig").write_bytes(ssh_signature(key, hashes.read_bytes()))


def sign_plan(one, key):
    one.plan.with_suffix(".json.sig").write_bytes(ssh_signature(key, one.plan.read_bytes()))


def claimed(one):
    """Approve the plan with a key of one's own, under the officer's name."""
    sign_plan(one, one.keys.other)


def another_plan(one):
    """Lay another plan beside, which the officer did approve."""
    plan = json.loads(one.plan.read_text())
    plan["hash"] = "0" * 64
    one.plan.write_text(json.dumps(plan))
    sign_plan(one, one.keys.officer)


def an_id_less(one):
    """Lay a plan of fewer ids beside, under the same hash."""
    one.plan.write_text(re.sub(r'"images": \{[^}]*\}', '"images": {}', one.plan.read_text()))
    sign_plan(one, one.keys.officer)


def no_plan(one):
    for suffix in (".plan.json", ".plan.json.sig"):
        one.path.with_suffix(suffix).unlink()


def no_approval(one):
    one.plan.with_suffix(".json.sig").unlink()


# Each forgery of an approval: the person who carried the plan out makes it, with the key that signs the evidence.
FORGERIES = {
    "the forger's key under the officer's name": claimed,
    "another plan that the officer approved": another_plan,
    "fewer ids in the plan": an_id_less,
    "no plan": no_plan,
    "no approval": no_approval,
    "an empty approval": lambda one: one.plan.with_suffix(".json.sig").write_bytes(b""),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_approval(cli, evidence, name):
    FORGERIES[name](evidence)
    list_hashes(evidence, evidence.keys.other)

    assert cli("verify", evidence.path).code == 4
    assert cli("verify", evidence.path, "--signer", evidence.signers).code == 4


def test_a_true_approval_is_proven(cli, evidence):
    list_hashes(evidence, evidence.keys.other)  # the helper forges nothing by itself

    ran = cli("verify", evidence.path, "--signer", evidence.signers)

    assert ran.code == 0, ran.out
    assert f"approved by officer@example.org with the key {fingerprint(evidence.keys.officer)}: proven" in ran.out
    document = cli("verify", evidence.path, "--signer", evidence.signers, "--json").json
    assert document["approval"]["signature"]["proof"] == "proven"
    assert cli("verify", evidence.path, "--json").json["approval"]["signature"]["proof"] == "not proven"


LISTS = {
    "another key under the name": "officer@example.org {other}",
    "the key under another name": "boss@example.org {officer}\nclerk {other}",
    "one person with both keys": "officer@example.org {officer}\nofficer@example.org {other}",
    "only who signed": "clerk@example.org {other}",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_does_not_prove_it(cli, evidence, name):
    keys = evidence.keys
    evidence.signers.write_text(LISTS[name].format(officer=public(keys.officer), other=public(keys.other)) + "\n")

    assert cli("verify", evidence.path, "--signer", evidence.signers).code == 4
    assert cli("verify", evidence.path).code == 0


GONE = {
    "the approval": (".plan.json.sig",),
    "the plan": (".plan.json",),
    "both": (".plan.json", ".plan.json.sig"),
    "the certificate": (".html",),
    "the ledger": (".jsonl",),
}


@pytest.mark.parametrize("name", GONE)
def test_only_what_is_gone_is_named(cli, evidence, name):
    for suffix in GONE[name]:
        evidence.path.with_suffix(suffix).unlink()

    ran = cli("verify", evidence.path)

    named = {line.split(": ")[1].removeprefix("e") for line in ran.out.splitlines() if line.startswith("differs: ")}
    assert (ran.code, named) == (4, set(GONE[name])), ran.out


def test_a_lone_plan_that_was_altered_is_named(cli, evidence):
    evidence.plan.with_suffix(".json.sig").unlink()
    evidence.plan.write_text(evidence.plan.read_text() + " ")

    assert "e.plan.json: its hash is not in e.sha256" in cli("verify", evidence.path).out
