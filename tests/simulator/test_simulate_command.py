"""`cv-gdpr simulate` from a shell: it prints lines to paste, serves requests, and ends on Ctrl-C."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
import requests

from custom_vision_simulator.catalogue import CATALOGUE


@contextmanager
def running(*words):
    """Yield the variables that a started simulator prints; stop it by Ctrl-C and check how it ends."""
    command = [sys.executable, "-m", "cv_gdpr", "simulate", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=os.environ | {"PYTHONUNBUFFERED": "1"}, text=True, **pipes) as process:
        try:
            lines = [process.stdout.readline().strip().removeprefix("export ") for _ in range(7)]
            yield dict(line.split("=", 1) for line in lines)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "Traceback" not in said


def answers_of(number, *words):
    """Start the simulator, list the projects so many times, and return the answers."""
    with running(*words) as named:
        asked = f"{named['CV_GDPR_ENDPOINT']}/customvision/v3.4-preview/training/projects"
        key = {"Training-Key": named["CV_GDPR_TRAINING_KEY"]}
        return [requests.get(asked, headers=key, timeout=10) for _ in range(number)]


def test_the_two_lines_lead_to_a_running_service():
    answers = answers_of(4, "--images", "7", "--calls-per-second", "3")
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert {project["name"] for project in answers[0].json()} == {"Visitors & pets", "Launch site", "Project 1"}


def test_the_other_lines_lead_to_its_azure_resource():
    with running() as named:
        assert list(named)[:2] == ["CV_GDPR_ENDPOINT", "CV_GDPR_TRAINING_KEY"]
        assert named["AZURE_TOKEN_CREDENTIALS"] == "ManagedIdentityCredential"
        asked = {"resource": "https://management.azure.com/", "api-version": "2019-08-01"}
        header = {"X-IDENTITY-HEADER": named["IDENTITY_HEADER"]}
        token = requests.get(named["IDENTITY_ENDPOINT"], params=asked, headers=header, timeout=10).json()
        account = requests.get(
            f"{named['CV_GDPR_RESOURCE_MANAGER']}{named['CV_GDPR_RESOURCE_ID']}?api-version=2025-09-01",
            headers={"Authorization": f"Bearer {token['access_token']}"},
            timeout=10,
        ).json()
    assert account["properties"]["endpoint"] == f"{named['CV_GDPR_ENDPOINT']}/"


def test_named_faults_fire_as_often_as_requested():
    answers = answers_of(5, "--fault", "throttled-gateway=2", "--fault", "forbidden", "--fault", "blob-404")
    assert [answer.status_code for answer in answers] == [429, 429, 403, 403, 403]


def test_the_faults_are_listed_with_a_sentence_each(cli):
    ran = cli("simulate", "--faults")
    assert ran.code == 0
    named = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert named == {name: entry.what for name, entry in CATALOGUE.items()}


@pytest.mark.parametrize("name", ["nonsense", "=2", "throttled=", "throttled=0", "throttled=-1", "throttled=x"])
def test_an_unknown_fault_lists_the_known_ones(cli, name):
    ran = cli("simulate", "--fault", name)
    assert ran.code == 2
    assert ran.err.startswith("Error: ")
    assert ran.err.count("\n") == 2
    assert name.startswith("throttled") or all(known in ran.err for known in CATALOGUE)
