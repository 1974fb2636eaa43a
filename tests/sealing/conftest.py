"""Fixtures for the tests of signatures and time-stamps: keys, lists of signers, authorities, sealed evidence."""

import shutil
from types import SimpleNamespace

import pytest

from custom_vision_simulator import Simulator
from tests.commandline import CommandLine
from tests.delete.erasing import Eraser, stock
from tests.sealing.forging import Forged
from tests.sealing.pages import NAME
from tests.sealing.stamping import Agent, Authority, new_key, public


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """The keys of an officer and of another person, and a list of signers that names the officer."""
    folder = tmp_path_factory.mktemp("keys")
    officer, other = new_key(folder, "officer"), new_key(folder, "other")
    signers = folder / "signers"
    signers.write_text(f'officer@example.org namespaces="cv-gdpr" {public(officer)}\n')
    return SimpleNamespace(folder=folder, officer=officer, other=other, signers=signers)


@pytest.fixture(scope="session")
def _authorities(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authorities")
    both = Authority(folder / "one"), Authority(folder / "other")
    yield both
    for one in both:
        one.close()


@pytest.fixture
def authority(_authorities):
    """A time-stamping authority."""
    _authorities[0].reset()
    return _authorities[0]


@pytest.fixture
def other_authority(_authorities):
    """An authority that nobody trusts."""
    _authorities[1].reset()
    return _authorities[1]


@pytest.fixture
def erase(cli, tmp_path, monkeypatch):
    """`cv-gdpr delete` as a function."""
    monkeypatch.chdir(tmp_path)
    return Eraser(cli, tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory, keys, _authorities):
    """Two erasures that are signed and time-stamped, made once: `first` and `second`."""
    folder = tmp_path_factory.mktemp("made")
    with Simulator() as sim, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        erase = Eraser(CommandLine(sim.endpoint, sim.training_key), folder)
        _authorities[0].reset()
        seals = ("--sign", keys.officer, "--timestamp", _authorities[0].url, "--reference", "GDPR-7")
        for name in ("first", "second"):
            stock(sim, images=3, predictions=1, iterations=1)
            assert erase("--all", *seals, evidence=f"{name}.json").code == 0
    return folder


@pytest.fixture
def sealed(made, tmp_path):
    """A copy of the signed and time-stamped erasures; the path of the first one's evidence."""
    shutil.copytree(made, tmp_path / "sealed")
    return tmp_path / "sealed" / "first.json"


@pytest.fixture
def forged(sealed, keys, other_authority):
    """The first of these erasures in the hands of a forger."""
    return Forged(sealed, keys, other_authority)


@pytest.fixture
def anchors(keys, authority):
    """The options of `verify` that name whom to trust."""
    return "--signer", keys.signers, "--tsa-certificate", authority.root


@pytest.fixture
def agent(tmp_path_factory, keys):
    """An agent with the officer's key."""
    running = Agent(tmp_path_factory.mktemp("a"), keys.officer)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def erased(tmp_path_factory):
    """Evidence that is neither signed nor time-stamped, with a list of names as `list` printed it before."""
    folder = tmp_path_factory.mktemp("erased")
    with Simulator() as sim:
        cli = CommandLine(sim.endpoint, sim.training_key)
        stock(sim, images=2, predictions=0, iterations=0)
        next(iter(sim.store.projects.values())).name = NAME
        listed = cli("list", "projects", "--all", "--csv")
        (folder / "names.csv").write_text(listed.out)
        ran = cli("delete", "--all", "--yes", "--evidence", folder / "e.json")
        assert (listed.code, ran.code) == (0, 0), listed.err + ran.err
    return folder


@pytest.fixture
def bare(erased, tmp_path):
    """A copy of that evidence."""
    shutil.copytree(erased, tmp_path / "e")
    return tmp_path / "e" / "e.json"
