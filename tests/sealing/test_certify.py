"""`certify`: evidence is completed, time-stamped and signed later; `--approved-by`: a plan needs a second person."""

import json

import pytest

from tests.delete.erasing import stock
from tests.sealing.stamping import fingerprint, public, ssh_signature


@pytest.fixture
def bare(sim, erase):
    """Evidence that is neither signed nor time-stamped."""
    stock(sim, images=1, predictions=0, iterations=0)
    assert erase("--all").code == 0
    return erase.path


@pytest.mark.slow
def test_it_signs_and_time_stamps_later(cli, bare, keys, authority, anchors):
    before = {path: path.read_bytes() for path in bare.parent.iterdir()}

    assert cli("certify", bare, "--timestamp", authority.url).code == 0
    assert cli("certify", bare, "--sign", keys.officer).code == 0

    assert cli("verify", bare, *anchors).code == 0
    assert all(path.read_bytes() == content for path, content in before.items() if path.suffix != ".sha256")
    both = ("--sign", keys.officer, "--timestamp", authority.url, "--json")
    assert cli("certify", bare, *both).json["written"] == [str(bare.with_suffix(".sha256.sig.tsr"))]
    again = cli("certify", bare, *both)
    assert (again.code, again.json["written"]) == (0, [])


@pytest.mark.parametrize("suffix", [".json", ".html", ".sha256"])
def test_it_completes_what_is_missing(cli, bare, suffix):
    lost = bare.with_suffix(suffix)
    content = lost.read_bytes()
    lost.unlink()

    ran = cli("certify", bare.with_suffix(".jsonl"), "--json")

    assert (ran.code, ran.json["written"]) == (0, [str(lost)])
    assert lost.read_bytes() == content


@pytest.mark.slow
def test_it_replaces_no_signature_of_another(cli, bare, keys):
    assert cli("certify", bare, "--sign", keys.other).code == 0

    assert cli("certify", bare, "--sign", keys.officer).code == 2

    assert fingerprint(keys.other) in cli("verify", bare).out


@pytest.mark.slow
def test_only_the_promised_key_signs(cli, sealed, keys):
    sealed.with_suffix(".sha256.sig").unlink()

    assert cli("certify", sealed, "--sign", keys.other).code == 2
    assert cli("certify", sealed, "--sign", keys.officer).code == 0


@pytest.mark.slow
def test_what_is_announced_and_missing_is_said(cli, sealed):
    sealed.with_suffix(".sha256.sig").unlink()

    ran = cli("certify", sealed)

    assert ran.code == 3
    assert "announced, but first.sha256.sig: missing" in ran.err
    assert "Hint: what is there is kept; --sign KEY or --timestamp URL adds it" in ran.err


ALTERED = {".json": b'"erased', ".jsonl": b'"erased', ".html": b"Erased", ".sha256": b"  "}


@pytest.mark.parametrize("suffix", ALTERED)
def test_it_signs_nothing_that_differs(cli, bare, keys, suffix):
    file = bare.with_suffix(suffix)
    file.write_bytes(file.read_bytes().replace(ALTERED[suffix], b"X"))

    assert cli("certify", bare, "--sign", keys.officer).code == 4
    assert not bare.with_suffix(".sha256.sig").exists()


def test_a_key_that_does_not_sign_costs_nothing(erase, bare, agent):
    """Another certificate changes the list of hashes, whose signature is replaced only by a new one."""
    assert erase.cli("certify", bare, "--sign", agent.public, SSH_AUTH_SOCK=agent.socket).code == 0
    before = {path.name: path.read_bytes() for path in bare.parent.iterdir()}
    agent.stop()

    ran = erase.cli("certify", bare, "--lang", "de", "--sign", agent.public, SSH_AUTH_SOCK=agent.socket)

    assert ran.code == 2
    assert {path.name: path.read_bytes() for path in bare.parent.iterdir()} == before


@pytest.mark.parametrize("lost", [".html", ".sha256"])
def test_it_completes_nothing_that_differs(cli, bare, lost):
    bare.with_suffix(lost).unlink()
    bare.write_bytes(bare.read_bytes() + b" ")

    assert cli("certify", bare).code == 4


def test_an_authority_that_does_not_answer_is_named(cli, bare, keys, authority):
    authority.how = "not here"

    ran = cli("certify", bare, "--sign", keys.officer, "--timestamp", authority.url, "--json")

    assert (ran.code, len(ran.json["lacking"]), ran.json["retryable"]) == (3, 1, True)
    assert "Hint: what is there is kept; the same command tries again" in ran.err
    assert ran.json["signature"]["proof"] == "not proven"


@pytest.mark.parametrize("name", ["notes.txt", "folder", "none.json"])
def test_anything_else_is_refused(cli, tmp_path, name):
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder").mkdir()

    assert cli("certify", tmp_path / name).code == 2


# --- a plan that another person approves --------------------------------------------------------------------------


@pytest.fixture
def plan(sim, erase):
    stock(sim, images=1, predictions=0, iterations=0)
    path = erase.folder / "plan.json"
    assert erase.cli("delete", "--all", "--dry-run", "--save-plan", path).code == 0
    return path


def approve(cli, plan, key):
    assert cli("certify", plan, "--sign", key).code == 0


@pytest.mark.slow
def test_an_approved_plan_is_executed(sim, erase, plan, keys):
    approve(erase.cli, plan, keys.officer)

    ran = erase("--plan", plan, "--approved-by", keys.signers, "--sign", keys.other)

    assert ran.code == 0, ran.err
    assert not sim.store.projects
    (run,) = erase.evidence["runs"]
    assert run["approvedBy"] == f"officer@example.org ({fingerprint(keys.officer)})"
    assert ">Approved by</th><td>officer@example.org" in erase.certificate
    assert erase.verified() == 0
    hashes = erase.path.with_suffix(".sha256").read_text()
    beside = [erase.path.with_suffix(one) for one in (".plan.json", ".plan.json.sig")]
    assert [one.read_bytes() for one in beside] == [plan.read_bytes(), plan.with_name("plan.json.sig").read_bytes()]
    assert all(f"  {one.name}\n" in hashes for one in beside)
    for one in (*beside, erase.path):
        assert "not proven; --signer FILE proves it" in erase.cli("verify", one).out


def of_another_plan(plan, keys):
    other = plan.with_name("other.json")
    other.write_text(json.dumps(json.loads(plan.read_text())))
    plan.with_name("plan.json.sig").write_bytes(ssh_signature(keys.officer, other.read_bytes()))


def altered_afterwards(plan, keys):
    plan.with_name("plan.json.sig").write_bytes(ssh_signature(keys.officer, plan.read_bytes()))
    plan.write_text(plan.read_text() + " ")


UNAPPROVED = {
    "not signed": lambda *_: None,
    "by another person": lambda plan, keys: _sign(plan, keys.other),
    "for another purpose": lambda plan, keys: _sign(plan, keys.officer, "git"),
    "another plan": of_another_plan,
    "altered afterwards": altered_afterwards,
    "an empty signature": lambda plan, _: plan.with_name("plan.json.sig").write_bytes(b""),
}


def _sign(plan, key, namespace="cv-gdpr"):
    plan.with_name("plan.json.sig").write_bytes(ssh_signature(key, plan.read_bytes(), namespace))


@pytest.mark.parametrize("name", UNAPPROVED)
def test_an_unapproved_plan_is_not_executed(sim, erase, plan, keys, name):
    UNAPPROVED[name](plan, keys)

    ran = erase("--plan", plan, "--approved-by", keys.signers, "--sign", keys.other)

    assert ran.code == 2
    assert "is not approved" in ran.err
    assert len(sim.store.projects) == 1


@pytest.mark.slow
def test_nobody_approves_a_plan_of_their_own(sim, erase, plan, keys):
    approve(erase.cli, plan, keys.officer)
    approved = ("--plan", plan, "--approved-by", keys.signers)

    assert erase(*approved).code == 2  # who carries it out must sign as well
    assert erase(*approved, "--sign", keys.officer).code == 2
    for name in ("Officer@example.org", "officer@example.org "):
        assert erase(*approved, "--sign", keys.other, "--operator", name).code == 2
    assert erase(*approved, "--sign", keys.other, CV_GDPR_DELETE_APPROVED_BY=str(plan)).code == 2
    two_keys = f"officer@example.org {public(keys.other)}\n"
    for line in (two_keys, f"*@example.org {public(keys.officer)}\n"):
        list_ = plan.with_name("list")
        list_.write_text(line + (keys.signers.read_text() if line == two_keys else ""))
        assert erase("--plan", plan, "--approved-by", list_, "--sign", keys.other).code == 2
    assert len(sim.store.projects) == 1
    assert erase(*approved, "--sign", keys.other, "--operator", "cron").code == 0


def test_an_approval_needs_a_plan(sim, erase, keys):
    stock(sim, images=1, predictions=0, iterations=0)

    assert erase("--all", "--approved-by", keys.signers).code == 2
    assert erase("--all", CV_GDPR_DELETE_APPROVED_BY=str(keys.signers)).code == 2
    assert len(sim.store.projects) == 1


@pytest.mark.parametrize("options", [(), ("--timestamp", "http://127.0.0.1:9/")])
def test_a_plan_is_only_signed(cli, plan, options):
    assert cli("certify", plan, *options).code == 2


def test_an_altered_plan_is_not_signed(cli, plan, keys):
    plan.write_text(plan.read_text().replace('"protected": []', '"protected": ["x"]'))

    assert cli("certify", plan, "--sign", keys.officer).code == 2


# --- recheck ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_recheck_is_signed_and_time_stamped(erase, bare, keys, authority, anchors):
    sealing = ("--sign", keys.officer, "--timestamp", authority.url)
    kept = bare.with_name("again.json")

    assert erase.cli("recheck", bare, *sealing).code == 2
    assert erase.cli("recheck", bare, "--evidence", kept, *sealing).code == 0
    assert erase.cli("verify", kept, *anchors).code == 0
    document = erase.cli("verify", bare, kept, "--json").json
    assert [item["kind"] for item in document["items"]] == ["erasure", "recheck"]


def test_a_wrong_signature_is_relied_on_by_nothing(erase, bare, keys):
    bare.with_suffix(".sha256.sig").write_bytes(ssh_signature(keys.officer, b"something else"))

    assert erase.cli("recheck", bare).code == 4
    assert erase.cli("redact", bare, bare.parent).code == 4


@pytest.mark.slow
def test_the_run_of_each_profile_is_signed(sim, erase, keys, tmp_path):
    key = f'key-file = "{tmp_path / "key"}"'
    profile = f'endpoint = "{sim.endpoint}"\n{key}\nunattended-delete = true\n'
    config = tmp_path / "config.toml"
    config.write_text(f"[profiles.one]\n{profile}")
    config.chmod(0o600)
    (tmp_path / "key").write_text(sim.training_key)
    (tmp_path / "key").chmod(0o600)
    ran = erase(
        *("predictions", "--all-profiles", "--all", "--sign", keys.officer),
        evidence="e.json",
        CV_GDPR_CONFIG=str(config),
    )

    assert ran.code == 0, ran.err
    assert erase.cli("verify", tmp_path / "e.one.json", "--signer", keys.signers).code == 0
