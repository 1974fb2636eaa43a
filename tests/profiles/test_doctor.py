"""`cv-gdpr doctor`: what it finds, that one failing check hides no other, and that it changes nothing."""

import shutil
from email.utils import formatdate
from time import time

import pytest

from custom_vision_simulator import Fault
from cv_gdpr import doctor
from cv_gdpr.extras import install
from tests.delete.erasing import calls, state, stock
from tests.platforms import WINDOWS, need, not_wine, posix
from tests.test_json import checked, generate, schemas  # noqa: F401 - fixtures

FAILED = "failed"


def found(ran, profile=None):
    """Return name -> check of a connection and of this machine."""
    (one,) = [one for one in ran.json["connections"] if one["profile"] == profile]
    return {check["name"]: check for check in (*one["checks"], *ran.json["machine"])}


def states(ran, profile=None):
    """Return name -> state of a connection's checks."""
    return {name: check["state"] for name, check in found(ran, profile).items() if not name.startswith("extra ")}


CONNECTED = ("settings", "endpoint", "key", "network", "service", "signed in", "clock", "rights")
MACHINE = ("disk", "file system")


@pytest.fixture
def ask(cli, tmp_path, monkeypatch):
    """`cv-gdpr doctor --json` as a function, in an empty folder that must stay empty."""
    (tmp_path / "here").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / "here")

    def run(*words, line=cli, **variables):
        ran = line("doctor", "--json", *words, **variables)
        assert not list((tmp_path / "here").iterdir())
        return ran

    return run


def test_a_good_connection_passes_every_check(sim, ask, checked):  # noqa: F811
    stock(sim)
    before = state(sim)
    ran = ask()
    document = checked(ran, "cv-gdpr-doctor/1", code=0, retryable=False)
    assert set(states(ran)) == {*CONNECTED, *MACHINE}
    assert set(states(ran).values()) == {"ok"}
    assert {"cv-gdpr", "Python", "msrest", "curl", "system"} < set(document["versions"])
    assert sim.training_key not in ran.out
    assert state(sim) == before
    assert not calls(sim)


def test_it_says_as_whom_without_the_key(sim, ask):
    from cv_gdpr.masking import fingerprint

    assert fingerprint(sim.training_key) in found(ask())["signed in"]["found"]


REFUSED = {
    # case: (fault, what fails)
    "a wrong key": (Fault("*", status=401, times=None), {"service": FAILED}),
    "no right to list": (Fault("GetProjects", status=403, times=None), {"rights": FAILED}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_the_only_failure(sim, ask, case):
    fault, failing = REFUSED[case]
    sim.fault(fault)
    ran = ask()
    assert ran.code == 5
    assert {name for name, value in states(ran).items() if value == FAILED} == set(failing)
    assert {states(ran)[name] for name in MACHINE} == {"ok"}


def test_an_unreachable_service_hides_no_other_check(sim, ask, checked):  # noqa: F811
    sim.stop()
    ran = ask()
    checked(ran, "cv-gdpr-doctor/1", code=5, retryable=True)
    assert states(ran) == {
        **dict.fromkeys(("settings", "endpoint", "key"), "ok"),
        "network": FAILED,
        **dict.fromkeys(("service", "signed in", "rights", "clock"), "unknown"),
        **dict.fromkeys(MACHINE, "ok"),
    }
    assert "network failed" in found(ran)["rights"]["found"]
    assert len([line for line in ran.err.splitlines() if line.startswith("Error: ")]) == 1


def test_all_that_is_not_set_is_one_finding(bare):
    ran = bare("doctor")
    assert ran.code == 2
    assert [line for line in ran.err.splitlines() if line.startswith("Error: ")] == [
        "Error: settings: not set: CV_GDPR_ENDPOINT and CV_GDPR_TRAINING_KEY"
    ]
    assert len([line for line in ran.out.splitlines() if line.startswith("  settings ")]) == 1


def test_each_wrong_setting_is_reported(ask, sim):
    ran = ask("--endpoint", "http://example.org", "--key-command", "false", "--resource-id", "simulated")
    assert ran.code == 2
    failed = {name for name, value in states(ran).items() if value == FAILED}
    assert failed == {"endpoint", "key", "Azure resource"}
    assert not sim.calls


def test_a_table_is_narrow_and_says_a_long_text_once(sim, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sim.fault(Fault("*", status=401, times=None, body={"code": "Long", "message": "A long story. " * 12}))
    ran = cli("doctor")
    assert ran.code == 5
    assert max(map(len, ran.out.splitlines())) <= 100
    assert "A long story" in ran.err
    assert "A long story" not in ran.out
    assert "nghttp2" not in ran.out


def test_a_missing_key_leaves_the_network_checked(ask):
    ran = ask(CV_GDPR_TRAINING_KEY="")
    assert ran.code == 2
    assert states(ran)["network"] == "ok"
    assert states(ran)["service"] == "unknown"
    assert "not set: CV_GDPR_TRAINING_KEY" in found(ran)["settings"]["found"] + ran.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--endpoint", "http://example.org"), "plain http"),
        (("--endpoint", "https://example.org/customvision/v3.0"), "is too much"),
        (("--profile", "nobody"), "has no profile 'nobody'"),
        (("--all-profiles",), "has no profile"),
        pytest.param(("--key-command", "false"), "false ended with code 1", marks=posix("shell")),
    ],
)
def test_wrong_settings_end_with_2(sim, ask, config, words, message):
    ran = ask(*words, CV_GDPR_CONFIG=str(config.path))
    assert ran.code == 2
    assert message in ran.err
    assert not sim.calls


def test_a_file_without_the_right_form_is_a_finding(ask, config):
    config.write("[profiles")
    ran = ask("--all-profiles", CV_GDPR_CONFIG=str(config.path))
    assert ran.code == 2
    assert "not valid TOML" in found(ran)["settings"]["found"]
    assert {states(ran)[name] for name in MACHINE} == {"ok"}


def test_all_profiles_are_checked(sim, other, ask, bare, config):
    config.add("good", sim)
    config.add("bad", other, endpoint='"http://127.0.0.1:1"')
    config.add("keyless", other, key_file="")
    ran = ask("--all-profiles", line=bare)
    assert ran.code == 5
    assert set(states(ran, "good").values()) == {"ok"}
    assert states(ran, "bad")["network"] == FAILED
    assert states(ran, "keyless")["network"] == "ok"
    assert "Error: bad: network: " in ran.err


@pytest.mark.parametrize(
    ("off", "state_of_clock", "words"),
    [
        (-4000, "warning", "s ahead of the service's"),
        (4000, "warning", "s behind the service's"),
        (60, "ok", "s behind the service's"),
        (None, "unknown", "no date"),
        ("Fri, 27 Nov 99999999999 07:00:00 GMT", "unknown", "no date"),
        ("Fri, 27 Nov 2026 07:00:00 +99999999999999999", "unknown", "no date"),
    ],
)
def test_the_clock_is_compared_with_the_service(sim, ask, off, state_of_clock, words):
    date = off or "yesterday"
    if isinstance(off, int):
        date = formatdate(time() + off, usegmt=True)
    sim.fault(Fault("GetDomains", headers={"Date": date}, times=None))
    ran = ask()
    assert ran.code == 0
    clock = found(ran)["clock"]
    assert clock["state"] == state_of_clock
    assert words in clock["found"]


def test_a_full_disk_is_a_warning(ask, monkeypatch):
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    ran = ask()
    assert ran.code == 0
    assert found(ran)["disk"]["state"] == "warning"


def test_a_folder_that_does_not_exist_yet_counts_by_its_parent(ask, tmp_path):
    assert found(ask("--out", tmp_path / "new" / "er"))["disk"]["found"].endswith(f" in {tmp_path}")


@not_wine("long names")
def test_a_name_that_is_too_long_is_one_finding(ask):
    ran = ask("--out", "x" * 300)
    assert ran.code == 2
    assert WINDOWS or "too long" in found(ran)["disk"]["found"]
    assert {one["state"] for name, one in found(ran).items() if name in CONNECTED} == {"ok"}
    assert any(name.startswith("extra ") for name in found(ran))


@posix("open files")
def test_a_deleted_current_folder_is_one_finding(cli, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    ran = cli("doctor", "--json")
    assert ran.code == 2
    assert found(ran)["disk"]["found"] == "the current folder: No such file or directory"
    assert {one["state"] for name, one in found(ran).items() if name in CONNECTED} == {"ok"}


def test_a_folder_that_cannot_be_written_is_a_warning(ask):
    need("special files")
    ran = ask("--out", "/proc/nowhere")
    assert found(ran)["file system"]["state"] == "warning"
    assert ran.code == 0


def test_an_error_in_a_check_is_a_finding():
    def failing():
        yield doctor.Check("first", "ok", "it worked")
        raise PermissionError(13, "Permission denied")

    first, second = doctor.checked("second", failing)
    assert first.state == "ok"
    assert (second.name, second.state, second.words) == ("second", FAILED, "Permission denied")


@pytest.mark.parametrize("lacking", [True, False])
def test_an_extra_names_the_line_that_installs_it(monkeypatch, lacking):
    needed = "no-such-package" if lacking else "pytest"
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: [f"{needed}>=1; extra == 'azure'", "click>=8"])
    (check,) = doctor.extras()
    assert check.name == "extra azure"
    assert (install("azure") == check.hint) is lacking
    assert check.state == ("not installed" if lacking else "ok")


def test_one_command_installs_all_extras_that_lack(cli, monkeypatch):
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: ["none>=1; extra == 'azure'", "none; extra == 'find'"])
    assert f"to install what is not: {install('azure,find')}\n" in cli("doctor").out


def test_a_person_gets_a_table(sim, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = cli("doctor")
    assert ran.code == 0
    assert "lists projects" in ran.out
    assert ran.err == ""
    sim.stop()
    quiet = cli("doctor", "-q")
    assert quiet.out == ""
    assert "Error: network: 127.0.0.1" in quiet.err
