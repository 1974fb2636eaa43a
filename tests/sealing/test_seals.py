"""Evidence that is signed and time-stamped: made by delete, checked by verify, by openssl and by ssh-keygen."""

import json
import shutil
import subprocess

import pytest

from custom_vision_simulator import Simulator
from tests.commandline import CommandLine
from tests.delete.erasing import Eraser, stock
from tests.sealing.stamping import fingerprint, public, run


@pytest.mark.slow
def test_openssl_and_ssh_keygen_take_the_files(sealed, keys, authority):
    first_line = sealed.with_suffix(".jsonl").read_bytes().partition(b"\n")[0] + b"\n"
    hashes = sealed.with_suffix(".sha256")

    assert authority.accepts(sealed.with_suffix(".begin.tsr"), first_line)
    assert authority.accepts(sealed.with_suffix(".tsr"), sealed.read_bytes())
    assert not authority.accepts(sealed.with_suffix(".tsr"), first_line)
    assert authority.accepts(sealed.with_suffix(".sha256.sig.tsr"), sealed.with_suffix(".sha256.sig").read_bytes())
    words = ["ssh-keygen", "-Y", "verify", "-f", keys.signers, "-I", "officer@example.org", "-n", "cv-gdpr"]
    subprocess.run([*words, "-s", f"{hashes}.sig"], input=hashes.read_bytes(), check=True, capture_output=True)
    subprocess.run(["sha256sum", "--check", "--strict", hashes], cwd=sealed.parent, check=True, capture_output=True)
    assert len(hashes.read_text().splitlines()) == 5


@pytest.mark.slow
def test_verify_says_what_it_proves(cli, sealed, keys, anchors):
    ran = cli("verify", sealed, *anchors)

    assert ran.code == 0
    assert f"signed by officer@example.org with the key {fingerprint(keys.officer)}" in ran.out
    assert "existed at 20" in ran.out
    assert "its ledger's first line: existed at 20" in ran.out


def test_verify_says_it_as_json(cli, sealed, anchors):
    document = cli("verify", sealed, *anchors, "--json").json

    assert document["signature"]["proof"] == document["existed"]["proof"] == document["begun"]["proof"] == "proven"
    assert document["signature"]["by"] == "officer@example.org"


def test_without_anchors_nothing_is_called_proven(cli, sealed):
    document = cli("verify", sealed, "--json").json

    assert document["verified"]
    assert document["signature"]["proof"] == document["existed"]["proof"] == document["begun"]["proof"] == "not proven"


def test_the_ledger_and_certificate_say_who_was_to_vouch(sealed, keys, authority):
    (run,) = json.loads(sealed.read_text())["runs"]

    assert run["signer"] == fingerprint(keys.officer)
    assert run["authority"] == authority.url
    assert fingerprint(keys.officer) in sealed.with_suffix(".html").read_text()


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Evidence without signature and time-stamp."""
    with Simulator() as sim:
        stock(sim, images=2, predictions=0, iterations=0)
        erase = Eraser(CommandLine(sim.endpoint, sim.training_key), tmp_path_factory.mktemp("plain"))
        assert erase("--all").code == 0
        return erase.path


def test_unsigned_evidence_says_so(cli, plain):
    ran = cli("verify", plain)

    assert ran.code == 0
    assert "not signed: proves that nobody altered it by accident" in ran.out
    assert "not time-stamped" in ran.out


@pytest.mark.parametrize("number", [0, 2])
def test_what_is_asked_for_and_lacking_is_found(cli, plain, anchors, number):
    assert cli("verify", plain, *anchors[number : number + 2]).code == 4


def test_the_variable_names_the_signers_too(cli, plain, keys):
    assert cli("verify", plain, CV_GDPR_SIGNERS=str(keys.signers)).code == 4


# --- before the first deletion ------------------------------------------------------------------------------------


def untouched(sim, folder):
    """Return whether nothing was deleted, and nothing left behind."""
    return len(sim.store.projects) == 1 and [path.name for path in folder.iterdir()] == []


@pytest.fixture(scope="module")
def unfit(tmp_path_factory, keys):
    """A folder with files that hold no usable key, by their names."""
    folder = tmp_path_factory.mktemp("unfit")
    (folder / "folder").mkdir()
    (folder / "text").write_text("not a key\n")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", folder / "with-a-passphrase")
    (folder / "without-an-agent.pub").write_text(public(keys.officer))
    return folder


@pytest.mark.parametrize("name", ["missing", "folder", "text", "with-a-passphrase", "without-an-agent.pub"])
def test_a_key_that_cannot_sign_ends_the_run_first(sim, erase, unfit, name):
    stock(sim, images=1, predictions=0, iterations=0)

    ran = erase("--all", "--sign", unfit / name, SSH_AUTH_SOCK="", DISPLAY=":0")

    assert ran.code == 2
    assert len(ran.err.splitlines()) <= 2
    assert "Hint: nothing was deleted" in ran.err
    assert untouched(sim, erase.folder)


def test_a_machine_without_ssh_keygen_says_so(sim, erase, keys, tmp_path_factory):
    stock(sim, images=1, predictions=0, iterations=0)

    ran = erase("--all", "--sign", keys.officer, PATH=str(tmp_path_factory.mktemp("empty")))

    assert (ran.code, "no ssh-keygen" in ran.err, "openssh-client" in ran.err) == (2, True, True)
    assert untouched(sim, erase.folder)


@pytest.mark.parametrize("how", ["an error", "a page", "not here"])
def test_without_a_first_time_stamp_nothing_is_sent(sim, erase, authority, how):
    stock(sim, images=1, predictions=0, iterations=0)
    authority.how = how

    ran = erase("--all", "--timestamp", authority.url)

    assert (ran.code, ran.json["retryable"]) == (2, True)
    assert "Hint: nothing was deleted" in ran.err
    assert authority.asked == (1 if how == "not here" else 3)
    assert untouched(sim, erase.folder)


ADDRESSES = [
    "",
    "x",
    "ftp://a/b",
    "http://",
    "http://u:p@host/",
    "http://a b/",
    "http://a:0/",
    "http://[/",
    "file:///x",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_unfit_address_is_refused(sim, erase, address):
    stock(sim, images=1, predictions=0, iterations=0)

    ran = erase("--all", "--timestamp", address)

    assert ran.code == 2
    assert untouched(sim, erase.folder)


# --- at the end ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_lacking_last_time_stamp_keeps_the_evidence(sim, erase, keys, authority, anchors):
    stock(sim, images=1, predictions=0, iterations=0)
    authority.failing_after = 1

    ran = erase("--all", "--sign", keys.officer, "--timestamp", authority.url)

    assert ran.code == 3
    assert ran.json["lacking"][0].startswith("no time-stamp from http://127.0.0.1")
    assert "certify" in ran.err
    assert not sim.store.projects
    assert erase.evidence["exitCode"] == 0
    assert erase.verified() == 4  # the ledger promises it
    authority.reset()
    seals = ("--sign", keys.officer, "--timestamp", authority.url)
    assert erase.cli("certify", erase.path, "--timestamp", authority.url).code == 2  # it would break the signature
    assert erase.cli("certify", erase.path, *seals).code == 0
    assert erase.cli("verify", erase.path, *anchors).code == 0


@pytest.mark.slow
def test_an_agent_that_vanishes_keeps_the_evidence(sim, erase, agent, keys, authority):
    stock(sim, images=1, predictions=0, iterations=0)
    authority.on_answer = agent.stop

    ran = erase("--all", "--sign", agent.public, "--timestamp", authority.url, SSH_AUTH_SOCK=agent.socket)

    assert ran.code == 3
    assert not sim.store.projects
    assert erase.verified() == 4
    done = erase.cli("certify", erase.path, "--sign", keys.officer, "--json")
    assert (done.code, done.json["written"]) == (0, [str(erase.path.with_suffix(".sha256.sig"))])
    assert erase.cli("verify", erase.path, "--signer", keys.signers).code == 0


def test_an_agent_signs(sim, erase, agent, keys):
    stock(sim, images=1, predictions=0, iterations=0)

    assert erase("--all", "--sign", agent.public, SSH_AUTH_SOCK=agent.socket).code == 0
    assert erase.cli("verify", erase.path, "--signer", keys.signers).code == 0


def test_a_key_that_is_exchanged_during_the_run_is_found(sim, erase, keys, tmp_path_factory, authority):
    stock(sim, images=1, predictions=0, iterations=0)
    key = tmp_path_factory.mktemp("exchanged") / "key"
    for suffix in ("", ".pub"):
        shutil.copy(f"{keys.officer}{suffix}", f"{key}{suffix}")
    authority.on_answer = lambda: [shutil.copy(f"{keys.other}{one}", f"{key}{one}") for one in ("", ".pub")]

    ran = erase("--all", "--sign", key, "--timestamp", authority.url)

    assert ran.code == 3
    assert "is another key than at the beginning" in ran.err
    assert not erase.path.with_suffix(".sha256.sig").exists()
