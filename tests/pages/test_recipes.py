"""docs/recipes: each file is checked by a tool of its own, and the scripts run against the simulator."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from custom_vision_simulator import Simulator
from cv_gdpr import demo

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
pytestmark = pytest.mark.slow  # the tools take seconds, and are in the extra dev alone


def run(*command, **variables):
    """Run a program with variables beside those of this process, which holds no connection; return what it did."""
    scripts = f"{RECIPES}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CV_GDPR", "VISION"))}
    words = [str(word) for word in command]
    return subprocess.run(
        words, env={**kept, "PATH": scripts, **variables}, capture_output=True, text=True, check=False
    )


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


def test_hadolint_accepts_the_containerfile():
    ran = run("hadolint", RECIPES / "Containerfile")
    assert (ran.returncode, ran.stdout) == (0, "")


def test_the_container_does_not_run_as_root():
    last = (RECIPES / "Containerfile").read_text().rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!0\b|root\b)\S+$", last, re.MULTILINE)


def test_the_workflow_fits_the_schema():
    ran = run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", RECIPES / "github-actions.yml")
    assert ran.returncode == 0, ran.stdout


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


def finished(folder, *names):
    """Make folders that look like finished exports."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "bagit.txt").touch()


def test_rotation_keeps_the_newest_finished_nights(tmp_path):
    finished(tmp_path, "2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "of-a-person")
    (tmp_path / "2025-12-31").mkdir()  # not finished
    (tmp_path / "2025-12-30").symlink_to(tmp_path / "of-a-person")
    ran = run("rotate.sh", tmp_path, "2")
    assert ran.stdout.split() == ["removing", f"{tmp_path}/2026-01-02", "removing", f"{tmp_path}/2026-01-01"]
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"2025-12-30", "2025-12-31", "2026-01-03", "2026-01-04", "of-a-person"}
    assert run("rotate.sh", tmp_path, "0").returncode == 2
    assert len(list(tmp_path.iterdir())) == 5


def test_a_night_exports_verifies_and_rotates(sim, tmp_path):
    demo.fill(sim.endpoint, sim.training_key)
    ran = run("night.sh", tmp_path, "2", **connected(sim))
    assert ran.returncode == 0, ran.stderr
    (today,) = tmp_path.iterdir()
    shutil.copytree(today, tmp_path / "2026-01-01")
    today.rename(tmp_path / "2026-01-02")
    assert run("night.sh", tmp_path, "2", **connected(sim)).returncode == 0
    assert set(tmp_path.iterdir()) == {tmp_path / "2026-01-02", today}
    assert run("cv-gdpr", "verify", today).returncode == 0
    assert run("night.sh", tmp_path, "2").returncode == 0  # a finished night needs no service
    (today / "manifest-sha256.txt").write_text("")
    assert run("night.sh", tmp_path, "1").returncode == 4
    assert (tmp_path / "2026-01-02").exists()  # no night is removed while the newest does not verify


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
    assert by_code["onExitCodes"]["values"] == [1, 2, 3, 4]
    assert by_code["onExitCodes"]["containerName"] == job["template"]["spec"]["containers"][0]["name"]
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # podFailurePolicy demands it
    unit = (RECIPES / "cv-gdpr-night.service").read_text()
    assert "RestartPreventExitStatus=1 2 3 4\n" in unit


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_an_alert_says_what_the_code_means():
    received = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hook = f"http://127.0.0.1:{server.server_port}/"
        codes = [run("alert.sh", code, "night", WEBHOOK=hook).returncode for code in ("4", "0", "KILL")]
        server.shutdown()
    assert codes == [0, 0, 0]
    first, second = (one["text"] for one in received)
    assert "night ended with 4, verification found a difference" in first
    assert "night ended with KILL, ended unexpectedly" in second
