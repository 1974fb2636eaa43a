"""docs/recipes: each file is checked by a tool of its own, and the scripts run against the simulator."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from custom_vision_simulator import Fault, Simulator
from cv_gdpr import demo
from tests.pages.blocks import blocks
from tests.platforms import posix

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
CHECKED_BY = {
    "README.md": "test_pages",
    "Containerfile": "hadolint",
    "alert.sh": "test_an_alert_says_what_the_code_means",
    "attempt.py": "test_an_attempt_says_whether_to_retry",
    "container-apps-job.yaml": "azure-mgmt-appcontainers",
    "crontab": "python-crontab, and crontab -n where it is installed",
    "cv-gdpr-alert.service": "systemd-analyze",
    "cv-gdpr-night.service": "systemd-analyze",
    "cv-gdpr-night.timer": "systemd-analyze",
    "github-actions.yml": "the schema of GitHub workflows",
    "kubernetes.yaml": "the schemas of Kubernetes",
    "night.sh": "test_a_night_exports_verifies_and_rotates",
    "rotate.sh": "test_rotation_keeps_the_newest_finished_nights",
    "task-scheduler.xml": "task.xsd",
}
FOR_A_PERSON, AGAIN = [1, 2, 3, 4, 5], [75, 129, 130, 131, 143]
pytestmark = pytest.mark.slow  # the tools take seconds, and are in the extra dev alone


def run(*command, **variables):
    """Run a program with variables beside those of this process, which holds no connection; return what it did."""
    words = [str(word) for word in command]
    return subprocess.run(words, env=environment(variables), capture_output=True, text=True, check=False)


def environment(variables):
    scripts = f"{RECIPES}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CV_GDPR", "VISION"))}
    return {**kept, "PATH": scripts, **variables}


def started(*command, **variables):
    """Start a program as `run` does, in a session of its own."""
    words, env = [str(word) for word in command], environment(variables)
    return subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def wait_for(holds):
    """Wait up to 20 seconds until something holds."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def connected(sim):
    """Return the variables that point a command at a simulator."""
    return {
        "CV_GDPR_ENDPOINT": sim.endpoint,
        "CV_GDPR_TRAINING_KEY": sim.training_key,
        "CV_GDPR_EXPORT_CALLS_PER_SECOND": "0",
        "CV_GDPR_EXPORT_PATIENCE": "1",
    }


def test_each_recipe_is_checked():
    assert {path.name for path in RECIPES.iterdir() if path.is_file()} == set(CHECKED_BY)


@posix("shell")
def test_hadolint_accepts_the_containerfile():
    ran = run("hadolint", RECIPES / "Containerfile")
    assert (ran.returncode, ran.stdout) == (0, "")


@posix("shell")
def test_shellcheck_accepts_the_scripts():
    ran = run("shellcheck", *sorted(RECIPES.glob("*.sh")))
    assert (ran.returncode, ran.stdout) == (0, "")


def test_the_container_does_not_run_as_root():
    last = (RECIPES / "Containerfile").read_text().rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!0\b|root\b)\S+$", last, re.MULTILINE)


def test_the_workflow_fits_the_schema():
    ran = run(
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        RECIPES / "github-actions.yml",
    )
    assert ran.returncode == 0, ran.stdout


@posix("shell")
def test_kubernetes_accepts_the_manifest():
    ran = run("kubernetes-validate", "--strict", RECIPES / "kubernetes.yaml")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_task_fits_its_schema():
    import xmlschema

    xmlschema.validate(RECIPES / "task-scheduler.xml", Path(__file__).parent / "task.xsd")


def test_the_library_of_microsoft_knows_every_field_of_the_job():
    from azure.mgmt.appcontainers import models

    given = yaml.safe_load((RECIPES / "container-apps-job.yaml").read_text())
    assert _unknown(models.Job(given), given) == []
    given["properties"]["configuration"]["replicaTimeOut"] = 1
    assert _unknown(models.Job(given), given) == ["replicaTimeOut"]
    kind = given["properties"]["template"]["volumes"][0]["storageType"]
    assert kind in {one.value for one in models.StorageType}


def _unknown(model, given):
    """Return the names in a document that Microsoft's model of it does not have."""
    known = {field._rest_name: name for name, field in getattr(model, "_attr_to_rest_field", {}).items()}
    found = []
    for name, value in given.items():
        if known and name not in known:
            found.append(name)
            continue
        inner = getattr(model, known[name]) if known else model[name]
        pairs = zip(inner, value, strict=True) if isinstance(value, list) else [(inner, value)]
        found += [one for part, sent in pairs if isinstance(sent, dict) and sent for one in _unknown(part, sent)]
    return found


def test_cron_reads_the_crontab():
    from crontab import CronTab

    jobs = list(CronTab(tabfile=str(RECIPES / "crontab")))
    assert len(jobs) == 3
    assert all(job.is_valid() and job.is_enabled() for job in jobs)
    if shutil.which("crontab") and "-n" in run("crontab", "-h").stderr:
        ran = run("crontab", "-n", RECIPES / "crontab")
        assert ran.returncode == 0, ran.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
def test_systemd_accepts_the_units(tmp_path):
    for name in ("cv-gdpr-night.service", "cv-gdpr-night.timer", "cv-gdpr-alert.service"):
        text = (RECIPES / name).read_text().replace("/opt/cv-gdpr/recipes", str(RECIPES))
        (tmp_path / name).write_text(text)
    ran = run("systemd-analyze", "verify", *sorted(tmp_path.iterdir()), SYSTEMD_LOG_LEVEL="warning")
    ours = [line for line in ran.stderr.splitlines() if "cv-gdpr" in line]
    assert (ran.returncode, ours) == (0, [])


def test_an_attempt_says_whether_to_retry(sim, tmp_path):
    assert run("attempt.py", "export", "--all", "--out", tmp_path / "a", **connected(sim)).returncode == 0
    assert run("attempt.py", "export", "--everything").returncode == 2
    again = run("attempt.py", "export", "--all", "--out", tmp_path / "a", **connected(sim))
    assert again.returncode == 2  # a finished export
    assert json.loads(again.stdout)["retryable"] is False
    unreachable = {**connected(sim), "CV_GDPR_ENDPOINT": "http://127.0.0.1:9"}
    ran = run("attempt.py", "export", "--all", "--out", tmp_path / "b", **unreachable)
    assert (ran.returncode, json.loads(ran.stdout)["exitCode"], json.loads(ran.stdout)["retryable"]) == (75, 5, True)
    refused = {**connected(sim), "CV_GDPR_TRAINING_KEY": "0" * 32}
    ran = run("attempt.py", "--result", tmp_path / "result.json", "export", "--all", "--out", tmp_path / "c", **refused)
    assert (ran.returncode, json.loads(ran.stdout)["retryable"]) == (5, False)  # one line
    assert json.loads((tmp_path / "result.json").read_text())["exitCode"] == 5


def finished(folder, *names):
    """Make folders that look like finished exports."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "bagit.txt").touch()


def test_rotation_keeps_the_newest_finished_nights(tmp_path):
    finished(tmp_path, "2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "of-a-person")
    (tmp_path / "2025-12-31").mkdir()  # not finished
    (tmp_path / "2025-12-30").symlink_to(tmp_path / "of-a-person")
    (tmp_path / ".night").mkdir()
    for name in ("2026-01-01", "2026-01-04"):
        (tmp_path / ".night" / f"{name}.json").touch()
    ran = run("rotate.sh", tmp_path, "2")
    assert ran.stdout.split() == ["removing", f"{tmp_path}/2026-01-02", "removing", f"{tmp_path}/2026-01-01"]
    assert [path.name for path in (tmp_path / ".night").iterdir()] == ["2026-01-04.json"]
    left = {path.name for path in tmp_path.glob("[!.]*")}
    assert left == {"2025-12-30", "2025-12-31", "2026-01-03", "2026-01-04", "of-a-person"}
    assert run("rotate.sh", tmp_path, "0").returncode == 2
    assert len(list(tmp_path.glob("[!.]*"))) == 5


def nights(folder):
    """Return the names of the nights in a folder."""
    return {path.name for path in folder.glob("[!.]*")}


def elsewhere():
    """Return a time zone in which it is another day than in UTC, and the date there."""
    hours = 14 if datetime.now(UTC).hour >= 11 else -12
    return f"XXX{-hours:+d}", datetime.now(timezone(timedelta(hours=hours))).strftime("%Y-%m-%d")


def test_a_night_exports_verifies_and_rotates(sim, tmp_path):
    demo.fill(sim.endpoint, sim.training_key)
    zone, today = elsewhere()
    own = {**connected(sim), "TZ": zone}
    ran = run("night.sh", tmp_path, "2", **own)
    assert ran.returncode == 0, ran.stderr
    assert nights(tmp_path) == {today}  # by the date of that zone
    assert json.loads(ran.stdout)["result"] == f"{tmp_path}/.night/{today}.json"  # one line
    assert json.loads((tmp_path / ".night" / f"{today}.json").read_text())["missing"] == []
    shutil.copytree(tmp_path / today, tmp_path / "2026-01-01")
    (tmp_path / today).rename(tmp_path / "2026-01-02")
    assert run("night.sh", tmp_path, "2", **own).returncode == 0
    assert nights(tmp_path) == {"2026-01-02", today}
    assert run("cv-gdpr", "verify", tmp_path / today).returncode == 0
    assert run("night.sh", tmp_path, "2", TZ=zone).returncode == 0  # a finished night needs no service
    for wrong in ("--profil", "--all-profiles"):
        assert run("night.sh", tmp_path, "2", wrong, TZ=zone).returncode == 2
    (tmp_path / today / "manifest-sha256.txt").write_text("")
    assert run("night.sh", tmp_path, "1", TZ=zone).returncode == 4
    assert "2026-01-02" in nights(tmp_path)  # no night is removed while the newest does not verify


@pytest.mark.parametrize("codes", [("0", "137"), ("137", "3"), ("75", "127")])
def test_an_unknown_code_is_the_worst(codes):
    text = (RECIPES / "night.sh").read_text()
    function = text[text.index("worse() {") : text.index("# --- the folder")]
    ran = subprocess.run(
        ["sh", "-c", f'{function}\nworse "$@"', "sh", *codes], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) > 126


def test_a_night_without_lost_files_is_finished_too(sim, tmp_path):
    sim.fill(images=2, image_bytes=400)
    assert run("night.sh", tmp_path, "1", **connected(sim)).returncode == 0
    (today,) = nights(tmp_path)
    (tmp_path / today).rename(tmp_path / "2026-01-01")
    sim.fill(images=2, image_bytes=400)
    sim.fault(Fault("Blob", status=404, times=None))
    command = ("night.sh", tmp_path, "1", "--accept-missing")
    assert run(*command, **connected(sim)).returncode == 3
    assert nights(tmp_path) == {today}
    assert "Complete: no" in (tmp_path / today / "bag-info.txt").read_text()
    again = run(*command, **connected(sim))
    assert (again.returncode, "is finished" in again.stdout) == (3, True)


def test_a_damaged_night_does_not_stop_the_next(sim, tmp_path):
    demo.fill(sim.endpoint, sim.training_key)
    assert run("night.sh", tmp_path, "9", **connected(sim)).returncode == 0
    (today,) = nights(tmp_path)
    shutil.copytree(tmp_path / today, tmp_path / "2026-01-01")
    (tmp_path / today).rename(tmp_path / "2026-01-02")
    (tmp_path / "2026-01-02" / "manifest-sha256.txt").write_text("")
    ran = run("night.sh", tmp_path, "9", **connected(sim))
    assert (ran.returncode, "2026-01-02 is damaged" in ran.stderr) == (4, True)
    assert "Export-Reused" in (tmp_path / today / "bag-info.txt").read_text()  # from the night before
    assert run("cv-gdpr", "verify", tmp_path / today).returncode == 0


@pytest.mark.skipif(not shutil.which("flock"), reason="needs flock")
def test_a_night_ends_at_a_signal_and_goes_on_later(sim, tmp_path):
    sim.fill(images=2, image_bytes=400)
    sim.fault(Fault("GetTags", delay=90, times=None))
    command = ("night.sh", tmp_path, "1")
    night = started(*command, **connected(sim))
    wait_for(lambda: list(tmp_path.glob("*/.cv-gdpr/run.json")))
    second = run(*command, **connected(sim))  # cron's second line, while the first still exports
    assert (second.returncode, f"process {night.pid} on " in second.stdout, second.stderr) == (0, True, "")
    (out,) = tmp_path.glob("[!.]*")
    alone = run("attempt.py", "export", "--all", "--out", out, **connected(sim))
    assert (alone.returncode, json.loads(alone.stdout)["exitCode"]) == (75, 2)  # waiting helps
    night.terminate()
    assert night.wait(timeout=20) == 143
    night.communicate()
    sim.faults.clear()
    (today,) = nights(tmp_path)
    (tmp_path / today).rename(tmp_path / "2026-01-01")  # begun before midnight
    ran = run(*command, **connected(sim))
    assert (ran.returncode, ran.stderr) == (0, "")  # nothing of it still runs, and holds the folder
    assert nights(tmp_path) == {"2026-01-01"}


@pytest.mark.skipif(not shutil.which("flock"), reason="needs flock")
@pytest.mark.parametrize(("holder", "hours"), [("process 1 on elsewhere", 0), (f"process 1 on {platform.node()}", 25)])
def test_a_run_that_may_hang_is_reported(tmp_path, holder, hours):
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / ".night").mkdir()
    lock = tmp_path / ".night" / "lock"
    lock.write_text(holder)
    began = time.time() - hours * 3600
    os.utime(lock, (began, began))
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ran = run("night.sh", tmp_path, "1")
    assert (ran.returncode, holder in ran.stdout) == (75, True)


def test_a_pod_takes_the_profile_of_its_index(tmp_path):
    job = list(yaml.safe_load_all((RECIPES / "kubernetes.yaml").read_text()))[-1]["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    names = yaml.safe_load_all((RECIPES / "kubernetes.yaml").read_text())
    (config,) = (one["data"] for one in names if one["kind"] == "ConfigMap")
    assert job["completions"] == len(config["profiles"].splitlines())
    (tmp_path / "profiles").write_text(config["profiles"])
    with Simulator() as hamburg, Simulator() as berlin:
        demo.fill(berlin.endpoint, berlin.training_key)
        text = ""
        for name, sim in (("hamburg", hamburg), ("berlin", berlin)):
            (tmp_path / f"{name}.key").write_text(sim.training_key)
            (tmp_path / f"{name}.key").chmod(0o600)
            text += f'[profiles.{name}]\nendpoint = "{sim.endpoint}"\nkey-file = "{name}.key"\n'
        (tmp_path / "config.toml").write_text(text)
        (tmp_path / "config.toml").chmod(0o644)
        own = {"CV_GDPR_CONFIG": f"{tmp_path}/config.toml", "PROFILES": f"{tmp_path}/profiles"}
        own["EXPORTS"] = str(tmp_path / "exports")
        command = [*container["command"], *container["args"]]
        codes = [run(*command, JOB_COMPLETION_INDEX=str(index), **own).returncode for index in range(3)]
    assert codes == [0, 0, 2]
    summaries = (tmp_path / "exports").glob("*/*/data/export.json")
    held = {path.parts[-4]: len(json.loads(path.read_text())["projects"]) for path in summaries}
    assert held == {"hamburg": 0, "berlin": 2}


def test_a_pod_is_tried_again_by_its_exit_code():
    job = list(yaml.safe_load_all((RECIPES / "kubernetes.yaml").read_text()))[-1]["spec"]["jobTemplate"]["spec"]
    (by_code,) = (rule for rule in job["podFailurePolicy"]["rules"] if rule["action"] == "FailIndex")
    assert by_code["onExitCodes"]["values"] == FOR_A_PERSON
    assert by_code["onExitCodes"]["containerName"] == job["template"]["spec"]["containers"][0]["name"]
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # podFailurePolicy demands it


def test_all_schedulers_try_the_same_codes_again():
    unit = (RECIPES / "cv-gdpr-night.service").read_text()
    assert f"RestartPreventExitStatus={' '.join(map(str, FOR_A_PERSON))}\n" in unit
    table = (RECIPES / "README.md").read_text()
    assert f"| {', '.join(map(str, FOR_A_PERSON))} | no: a person looks |" in table
    assert f"| {', '.join(map(str, AGAIN))} | yes: " in table
    workflow = (RECIPES / "github-actions.yml").read_text()
    assert f'case "$code" in {" | ".join(map(str, AGAIN))}) ;; *) break ;; esac' in workflow


class Webhook(HTTPServer):
    """Keeps the texts of the alerts that it gets."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Alert)
        self.address = f"http://127.0.0.1:{self.server_port}/"
        self.received = []

    def texts(self):
        """Return the texts since the last time."""
        texts, self.received = self.received, []
        return texts


class Alert(BaseHTTPRequestHandler):
    """A request with an alert."""

    def do_POST(self):
        self.server.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Print nothing."""


@pytest.fixture
def hook():
    with Webhook() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_an_alert_says_what_the_code_means(hook):
    codes = [run("alert.sh", code, "night", WEBHOOK=hook.address).returncode for code in ("4", "0", "KILL", "75")]
    assert codes == [0, 0, 0, 0]
    first, second, third = hook.texts()
    assert "night ended with 4, verification found a difference" in first
    assert "night ended with KILL, ended unexpectedly" in second
    assert "night ended with 75, failed for now" in third


def test_cron_tells_of_what_no_second_line_mends(tmp_path):
    """The first line leaves 75 to the second one."""
    from crontab import CronTab

    for name, does in (("night.sh", 'exit "$CODE"'), ("alert.sh", f'[ "$1" = 0 ] || echo "$1 $2" >>{tmp_path}/told')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    text = (RECIPES / "crontab").read_text().replace("/opt/cv-gdpr/recipes", str(tmp_path))
    tab = CronTab(tab=text.replace("/var/log/cv-gdpr", str(tmp_path)))
    lines = [job.command for job in tab][:2]
    told = []
    for code in ("0", "3", "75"):
        for line in lines:
            (tmp_path / "told").write_text("")
            run("sh", "-c", line, CODE=code, NIGHT=tab.env["NIGHT"])
            told.append((tmp_path / "told").read_text().strip())
    assert told == ["", "", "3 night", "3 night", "", "75 night"]


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_one_night_is_one_alert(tmp_path, hook):
    """A file that the service has lost: both lines of cron end with 3. The next night is reported anew."""
    from crontab import CronTab

    (tmp_path / "night.sh").write_text('#!/bin/sh\nexit "$CODE"\n')
    (tmp_path / "night.sh").chmod(0o755)
    shutil.copy(RECIPES / "alert.sh", tmp_path)
    text = (RECIPES / "crontab").read_text().replace("/opt/cv-gdpr/recipes", str(tmp_path))
    tab = CronTab(tab=text.replace("/var/log/cv-gdpr", str(tmp_path)))
    own = {"NIGHT": tab.env["NIGHT"], "ALERTED": tab.env["ALERTED"], "WEBHOOK": hook.address}
    told = []
    for codes in (("3", "3"), ("3", "3"), ("75", "75"), ("75", "3"), ("3", "4")):
        if Path(own["ALERTED"]).exists():  # a day later
            os.utime(own["ALERTED"], (time.time() - 86400,) * 2)
        for job, code in zip(list(tab)[:2], codes, strict=True):
            run("sh", "-c", job.command, CODE=code, **own)
        told.append([one.partition("ended with ")[2].split(",")[0] for one in hook.texts()])
    assert told == [["3"], ["3"], ["75"], ["3"], ["3", "4"]]


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_an_alert_that_was_not_sent_is_sent_again(tmp_path, hook):
    own = {"ALERTED": str(tmp_path / "alerted")}
    assert run("alert.sh", "3", "night", **own, WEBHOOK="http://127.0.0.1:9/").returncode != 0
    assert run("alert.sh", "3", "night", **own, WEBHOOK=hook.address).returncode == 0
    assert len(hook.texts()) == 1


@pytest.mark.parametrize("code", ["0", "4", "5"])
def test_the_workflow_passes_the_code_on(tmp_path, code):
    export, alert = yaml.safe_load((RECIPES / "github-actions.yml").read_text())["jobs"]["night"]["steps"]
    (tmp_path / "night.sh").write_text(f"#!/bin/sh\nexit {code}\n")
    (tmp_path / "night.sh").chmod(0o755)
    script = export["run"].replace("/opt/cv-gdpr/recipes", str(tmp_path))
    files = {name: str(tmp_path / name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    assert run("bash", "-e", "-c", script, NIGHTS="nights", **files).returncode == int(code)
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == f"code={code}\n"
    assert f"steps.{export['id']}.outputs.code" in alert["env"]["CODE"]
    assert 'alert.sh "$CODE"' in alert["run"]


def test_the_setup_makes_what_the_units_name(tmp_path):
    (setup,) = (one.text for one in blocks("docs/recipes/README.md") if "useradd" in one.text)
    own = setup.replace(" /etc/", f" {tmp_path}/etc/").replace(" /opt/", f" {tmp_path}/opt/")
    own = own.replace(" /var/", f" {tmp_path}/var/").replace("-o cv-gdpr ", "").replace("-g cv-gdpr ", "")
    (tmp_path / "etc" / "systemd" / "system").mkdir(parents=True)
    for line in own.splitlines():
        if line.startswith("install "):
            ran = run("sh", "-c", f"umask 022; cd {RECIPES.parents[1]}; {line}")
            assert ran.returncode == 0, ran.stderr
    for name in ("night.sh", "rotate.sh", "attempt.py", "alert.sh"):
        assert os.access(tmp_path / "opt" / "cv-gdpr" / "recipes" / name, os.X_OK)
    named = "\n".join(path.read_text() for path in RECIPES.iterdir() if path.suffix in {".service", ""})
    for path in set(re.findall(r"/(?:etc|var/l(?:og|ib))/cv-gdpr(?:/[a-z]+)?(?![a-z./])", named)):
        assert (tmp_path / path[1:]).exists(), path
    assert (tmp_path / "etc/cv-gdpr/key").stat().st_mode & 0o777 == 0o600


def test_mail_can_be_handed_in():
    """DynamicUser= implies NoNewPrivileges=, with which a program with setgid (postdrop) fails."""
    unit = (RECIPES / "cv-gdpr-alert.service").read_text()
    settings = [line for line in unit.splitlines() if not line.startswith("#")]
    assert "User=cv-gdpr" in settings
    assert not any(line.startswith(("DynamicUser=", "NoNewPrivileges=")) for line in settings)
