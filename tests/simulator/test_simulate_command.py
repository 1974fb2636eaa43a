"""`cv-gdpr simulate` from a shell: it prints lines to paste, serves requests, and ends on Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import requests

from custom_vision_simulator.catalogue import CATALOGUE, faults
from tests.console import Stoppable
from tests.platforms import WINDOWS, posix

SETS = re.compile(r"\$env:(\w+)='(.*)'" if WINDOWS else r"export (\w+)=(.*)")


@contextmanager
def started(*words):
    """Yield the process of a simulator; end it."""
    command = [sys.executable, "-m", "cv_gdpr", "simulate", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Stoppable(command, env=os.environ | {"PYTHONUNBUFFERED": "1"}, encoding="utf-8", **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def running(*words, said=()):
    """Yield the variables that a started simulator prints; stop it by Ctrl-C, check how it ends and what it `said`."""
    with started(*words) as process:
        lines = [process.stdout.readline().strip() for _ in range(7)]
        yield dict(SETS.fullmatch(line).groups() for line in lines)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "Traceback" not in told
    assert [told.count(words) for words in ("--calls-per-second 0", *said)] == [1] * (1 + len(said))


def answers_of(number, *words, query=""):
    """Start the simulator, list the projects so many times (with that query), and return the answers."""
    with running(*words) as named:
        asked = f"{named['CV_GDPR_ENDPOINT']}/customvision/v3.4-preview/training/projects{query}"
        key = {"Training-Key": named["CV_GDPR_TRAINING_KEY"]}
        return [requests.get(asked, headers=key, timeout=10) for _ in range(number)]


@pytest.mark.slow
def test_the_two_lines_lead_to_a_running_service():
    answers = answers_of(4, "--images", "7", "--calls-per-second", "3")
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert {project["name"] for project in answers[0].json()} == {"Visitors & pets", "Launch site", "Project 1"}


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_deleted_resource_is_reported_once():
    with running(said=("Restart cv-gdpr simulate", "A training key needs the first two lines alone")) as named:
        token = requests.get(
            named["IDENTITY_ENDPOINT"],
            params={"resource": "https://management.azure.com/", "api-version": "2019-08-01"},
            headers={"X-IDENTITY-HEADER": named["IDENTITY_HEADER"]},
            timeout=10,
        ).json()
        at = f"{named['CV_GDPR_RESOURCE_MANAGER']}{named['CV_GDPR_RESOURCE_ID']}?api-version=2025-09-01"
        requests.delete(at, headers={"Authorization": f"Bearer {token['access_token']}"}, timeout=10)
        asked = f"{named['CV_GDPR_ENDPOINT']}/customvision/v3.4-preview/training/projects"
        answer = requests.get(asked, headers={"Training-Key": named["CV_GDPR_TRAINING_KEY"]}, timeout=10)
        time.sleep(1)  # it looks five times a second
    assert answer.status_code == 401
    assert "restart the simulator" in answer.json()["error"]["message"]


@pytest.mark.slow
@posix("signals")
@pytest.mark.parametrize(("words", "told"), [((), 2), (("-q",), 0)])
def test_quiet_leaves_the_lines_to_paste(words, told):
    with started(*words) as process:
        assert process.stdout.readline().startswith("export CV_GDPR_ENDPOINT=http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert len(process.communicate(timeout=10)[1].splitlines()) == told


@pytest.mark.slow
@posix("signals")
def test_the_variables_are_a_document():
    with started("--json", "--images", "2") as process:
        document, _ = json.JSONDecoder().raw_decode("".join(iter(process.stdout.readline, "}\n")) + "}")
        key = {"Training-Key": document["variables"]["CV_GDPR_TRAINING_KEY"]}
        asked = f"{document['variables']['CV_GDPR_ENDPOINT']}/customvision/v3.4-preview/training/projects"
        listed = [project["name"] for project in requests.get(asked, headers=key, timeout=10).json()]
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, "")
    assert (document["format"], document["exitCode"]) == ("cv-gdpr-simulate/1", 0)
    assert sorted(document["projects"]) == sorted(listed)


@pytest.mark.slow
def test_named_faults_fire_as_often_as_requested():
    answers = answers_of(5, "--fault", "throttled-gateway=2", "--fault", "forbidden", "--fault", "blob-404")
    assert [answer.status_code for answer in answers] == [429, 429, 403, 403, 403]


def test_the_faults_are_a_document(cli):
    document = cli("simulate", "--faults", "--json").json
    assert document["format"] == "cv-gdpr-faults/1"
    assert document["faults"] == {name: entry.what for name, entry in CATALOGUE.items()}


def test_the_faults_are_listed_with_a_sentence_each(cli):
    ran = cli("simulate", "--faults")
    assert ran.code == 0
    named = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert named == {name: entry.what for name, entry in CATALOGUE.items()}


@pytest.mark.slow
def test_a_fault_with_a_text_fires_where_the_text_is():
    fault = ("--fault", "error-500=2@page=one", "--fault", "tags-403@page=one")
    assert [answer.status_code for answer in answers_of(3, *fault, query="?page=one")] == [500, 500, 200]
    assert [answer.status_code for answer in answers_of(1, *fault, query="?page=two")] == [200]


@pytest.mark.parametrize(
    ("name", "match", "target", "fires"),
    [
        ("iteration-images-500", "GetTaggedImages", "/projects/p/images/tagged?iterationId=i-1", True),
        ("iteration-images-500", "GetTaggedImages", "/projects/p/images/tagged?iterationId=i-2", False),
        ("iteration-images-500", "GetTaggedImages", "/projects/i-1/images/tagged?take=1", False),
        ("performance-500", "GetIterationPerformance", "/projects/p/iterations/i-1/performance", True),
        ("performance-500", "GetIteration", "/projects/p/iterations/i-1", False),
        ("tags-403", "GetTags", "/projects/i-1/tags", True),
        ("tags-403", "GetTags", "/projects/p/tags", False),
    ],
)
def test_a_text_narrows_a_named_fault(name, match, target, fires):
    (fault,) = faults(name, within="i-1")
    assert fault.applies(match, "GET", target) is fires


@pytest.mark.parametrize("name", ["throttled=", "throttled=0", "throttled=-1", "throttled=x", "throttled@"])
def test_invalid_times_or_a_missing_text_are_refused(cli, name):
    ran = cli("simulate", "--fault", name)
    assert ran.code == 2
    assert ran.err.startswith("Error: ")
    assert ran.err.count("\n") == 2


@pytest.mark.parametrize(
    ("name", "near"),
    [("throtled", "similar: throttled"), ("error_500", "similar: error-500"), ("=2", ""), ("xyz@a", "")],
)
def test_an_unknown_fault_is_answered_with_the_near_ones(cli, name, near):
    ran = cli("simulate", "--fault", name)
    assert ran.code == 2
    error, hint = ran.err.splitlines()
    assert error.startswith("Error: unknown fault ")
    assert hint.startswith(f"Hint: {near}" if near else "Hint: cv-gdpr simulate --faults")
    assert hint.endswith("cv-gdpr simulate --faults lists all")
