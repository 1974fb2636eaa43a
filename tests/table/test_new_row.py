"""A new row is one record, the functions it names, and its routes in the simulator: nothing else is touched.

The test adds a made-up row to a copy of both packages, as text, and runs the commands on that copy. CONTRIBUTING.md
lists these steps, and those that concern the tests and the documentation of a real row.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.platforms import SIGKILL, assignment

ROOT = Path(__file__).parents[2]
PROJECT = "Visitors & pets"

RECORD = """
    Category(
        name="suggestions",
        data="Tags that the service suggests for untagged images",
        exported_by=("QuerySuggestedImages",),
        deletion=Deletion.BY_API,
        deleted_by="DeleteImageRegions",
        files=(File("suggestions.jsonl", (Place.PROJECT,)),),
        folders=("suggestions", "suggestions-resized"),
        blobs=lambda record, _: blobs.image_blobs(record, "suggestions"),
        deleter=Deleter(64, lambda project, ids: project.service.ask("delete_image_regions", project.id, ids)),
        read_project=readers.suggestions,
    ),
"""
READER = '''

def suggestions(project: Project) -> Iterator[Finding]:
    """QuerySuggestedImages."""
    for iteration in project.iterations[:1]:
        for record in project.service.call("query_suggested_images", project.id, iteration["id"], {})["results"]:
            yield Item(
                "suggestions",
                record["id"],
                record,
                "suggestions.jsonl",
                blobs=blobs.image_blobs(record, "suggestions"),
            )
'''
ROUTES = """
    ("QuerySuggestedImages", "POST", PROJECT + "/images/suggested", lambda ask: _suggestions(ask)),
    ("DeleteImageRegions", "DELETE", PROJECT + "/images/regions", lambda ask: _dismiss(ask)),
"""
HANDLERS = """

_dismissed = set()


def _suggestions(ask):
    import uuid

    workspace = ask.project.workspace
    shaper = ask.shaper(workspace)
    untagged = [shaper.shape(each) for each in workspace.images.values() if not each.tags and not each.regions]
    results = [shape | {"id": str(uuid.uuid5(uuid.NAMESPACE_OID, shape["id"]))} for shape in untagged]
    return answers.json_answer({"token": {}, "results": [one for one in results if one["id"] not in _dismissed]})


def _dismiss(ask):
    _dismissed.update(ask.many("regionIds", 64))
    return answers.empty()
"""


def insert(path, before, text):
    content = path.read_text()
    assert content.count(before) == 1, before
    path.write_text(content.replace(before, text.rstrip("\n") + "\n" + before.lstrip("\n")))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Both packages with the row added."""
    folder = tmp_path_factory.mktemp("row")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    table = folder / "src/cv_gdpr/table/categories.py"
    insert(table, "\n    Category(\n        name=IMAGES", "\n" + RECORD.strip("\n"))
    readers = folder / "src/cv_gdpr/table/readers.py"
    readers.write_text(readers.read_text() + READER)
    routes = folder / "src/custom_vision_simulator/routes.py"
    insert(routes, "\n]\n_READING_POSTS", "\n" + ROUTES.strip("\n"))
    content = re.sub(r'    \("DeleteImageRegions".*images\.delete_image_regions\),\n', "", routes.read_text())
    content = re.sub(r'    \("QuerySuggestedImages".*suggestions\.query_suggested_images\),\n', "", content)
    content = content.replace('_READING_POSTS = {"', '_READING_POSTS = {"QuerySuggestedImages", "')
    routes.write_text(content.replace("    images,\n", "    answers,\n    images,\n", 1) + HANDLERS)
    return folder


class Service:
    """The simulator of the copy, and the command line of the copy pointed at it."""

    def __init__(self, source, *faults):
        unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        self.environment = {**unmeasured, "PYTHONPATH": str(source / "src")}
        words = [sys.executable, "-m", "cv_gdpr", "simulate", *(f"--fault={fault}" for fault in faults)]
        self.process = subprocess.Popen(words, env=self.environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2):
            name, value = assignment(self.process.stdout.readline())
            self.environment[name] = value

    def started(self, *words):
        command = [sys.executable, "-m", "cv_gdpr", *map(str, words)]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *words, code=0):
        process = self.started(*words)
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, out + err
        return out


@pytest.fixture
def service(source):
    running = []

    def start(*faults):
        running.append(Service(source, *faults))
        return running[-1]

    yield start
    for one in running:
        one.process.terminate()
        one.process.communicate(timeout=20)


def counts(exported):
    (row,) = (row for row in exported["rows"] if row["row"] == "suggestions")
    return row["held"], row["exported"]


@pytest.mark.slow
def test_a_new_row_goes_all_the_way(service, tmp_path):
    """Export, verification, the required export, deletion and evidence know the row."""
    cv_gdpr, out, evidence = service(), tmp_path / "out", tmp_path / "erasure.json"

    exported = json.loads(cv_gdpr.run("export", "--all", "--json", "--out", out))
    assert counts(exported) == (1, 1)
    (folder,) = out.glob("data/Visitors-pets-*")
    assert len(list((folder / "suggestions").iterdir())) == 1
    cv_gdpr.run("verify", out)

    (listed,) = (folder / "suggestions.jsonl").read_text().splitlines()
    cv_gdpr.run("delete", "--project", PROJECT, "--yes", "--require-export", out, "--evidence", evidence)
    states = {(one["row"], one["id"]): one["state"] for one in json.loads(evidence.read_text())["items"]}
    assert states["suggestions", json.loads(listed)["id"]] == "deleted"
    cv_gdpr.run("verify", evidence)


@pytest.mark.slow
def test_a_new_row_is_deleted_by_its_name(service, tmp_path):
    cv_gdpr, evidence = service(), tmp_path / "erasure.json"

    cv_gdpr.run("delete", "suggestions", "--project", PROJECT, "--yes", "--evidence", evidence)
    cv_gdpr.run("verify", evidence)
    assert [one["row"] for one in json.loads(evidence.read_text())["items"]] == ["suggestions"]
    again = json.loads(cv_gdpr.run("export", "suggestions", "--all", "--json", "--out", tmp_path / "out"))
    assert counts(again) == (0, 0)


@pytest.mark.slow
def test_an_export_without_the_new_row_is_not_enough(service, tmp_path):
    cv_gdpr, out = service(), tmp_path / "out"
    cv_gdpr.run("export", "images", "--all", "--out", out)
    words = ("--project", PROJECT, "--yes", "--require-export", out, "--evidence", tmp_path / "erasure.json")
    cv_gdpr.run("delete", "suggestions", *words, code=2)


@pytest.mark.slow
def test_a_lost_file_of_the_new_row_is_found(service, tmp_path):
    """`verify` misses what the row lost, though the manifests were made anew."""
    cv_gdpr, out = service(), tmp_path / "out"
    cv_gdpr.run("export", "suggestions", "--all", "--out", out)
    (picture,) = out.glob("data/*/suggestions/*")
    picture.unlink()
    assert "suggestions" in cv_gdpr.run("verify", out, code=4)


@pytest.mark.slow
def test_a_killed_export_of_the_new_row_resumes(service, tmp_path):
    cv_gdpr, out = service("blob-hung=1"), tmp_path / "out"
    words = ("export", "suggestions", "--all", "--read-timeout", "2", "--out", out)  # the hung blob may be met later
    killed = cv_gdpr.started(*words)
    until = time.monotonic() + 30
    while not (out / ".cv-gdpr" / "run.json").exists() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)
    killed.send_signal(SIGKILL)
    killed.communicate(timeout=20)
    assert not (out / "bagit.txt").exists()

    cv_gdpr.run(*words)
    cv_gdpr.run("verify", out)


@pytest.mark.slow
def test_the_new_row_is_in_the_documentation(source):
    """The table and the help of each command are generated from the records."""
    made = "import sys; sys.path.insert(0, 'docs'); import generate; print(generate.data_table(), generate.commands())"
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    environment = {**unmeasured, "PYTHONPATH": str(source / "src")}
    command = [sys.executable, "-c", made]
    ran = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=True)
    assert "| `suggestions` | Tags that the service suggests" in ran.stdout
    assert "suggestions  Tags that the service" in ran.stdout
