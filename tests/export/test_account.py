"""The export of the account: where the API still returns it, where it does not, and the keys in it."""

import hashlib
import json

import pytest

from custom_vision_simulator import Fault
from tests.export.exporting import assert_bag, assert_one_error, everything


def test_keys_are_fingerprints_unless_asked_for(sim, cli, tmp_path):
    sim.options.account_info = True
    sim.fill(images=1)
    ran = cli("export", "account", "--all", "--json", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    kept = json.loads((tmp_path / "out" / "data" / "account.json").read_bytes())
    fingerprint = "sha256:" + hashlib.sha256(sim.training_key.encode()).hexdigest()[:8]
    assert kept["Keys"]["TrainingKeys"] == {"PrimaryKey": fingerprint, "SecondaryKey": fingerprint}
    assert kept["Email"] == "user@example.com"
    assert sim.training_key.encode() not in everything(tmp_path / "out") + ran.out.encode()
    ran = cli("export", "account", "--all", "--include-keys", "--json", "--out", tmp_path / "keys")
    assert ran.code == 0
    kept = json.loads((tmp_path / "keys" / "data" / "account.json").read_bytes())
    assert kept["Keys"]["PredictionKeys"]["PrimaryKey"] == sim.training_key
    assert sim.training_key not in ran.out + ran.err
    for out in ("out", "keys"):
        assert_bag(tmp_path / out)
        assert cli("verify", tmp_path / out).code == 0


@pytest.mark.slow
@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_an_account_outside_the_api_says_how_to_get_it(sim, cli, tmp_path, status):
    sim.fill(images=1)
    sim.fault(Fault("GetAccountInfo", status=status, times=None))
    asked = cli("export", "account", "--all", "--json", "--out", tmp_path / "asked")
    assert_one_error(asked, 3)
    every = cli("export", "--all", "--json", "--out", tmp_path / "every")
    assert every.code == 0, every.err
    assert every.err == ""
    words = every.json["byHand"]["account"]
    assert asked.json["byHand"]["account"] == words
    assert "--resource-id ID" in words
    assert str(status) in words
    assert {row["row"]: row["verdict"] for row in every.json["rows"]}["account"] == "not exported"
    assert words in cli("export", "--all", "--out", tmp_path / "told").out
    assert_bag(tmp_path / "every")


FAILURES = [
    {"status": 500},
    {"status": 400},
    {"status": 302, "headers": {"Location": "https://x/"}},
    {"status": 200, "body": "<html>Sign in</html>"},
    {"body": [1]},
    {"cut": 3},
    {"drop": True},
]


def test_an_account_that_fails_is_missing_not_noted_as_absent(sim, cli, tmp_path):
    for number, failure in enumerate(FAILURES):
        sim.clear_faults()
        sim.fault(Fault("GetAccountInfo", times=None, **failure))
        out = tmp_path / str(number)
        ran = cli("export", "--all", "--json", "--out", out, CV_GDPR_EXPORT_PATIENCE="0.05")
        assert_one_error(ran, 3)
        assert [entry["row"] for entry in ran.json["missing"]] == ["account"], failure
        assert not (out / "bagit.txt").exists()
        alone = cli("export", "account", "--out", tmp_path / f"alone-{number}", CV_GDPR_EXPORT_PATIENCE="0.05")
        # Asked for nothing else, a service that never answers is one that cannot be reached.
        assert alone.code == (5 if {"drop", "cut"} & failure.keys() or failure.get("status") == 302 else 3), failure
