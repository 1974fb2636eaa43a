"""README's example of an access and an erasure request, as it stands there, against the demo's resource."""

import json
import shlex
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cv_gdpr import demo
from tests.delete.erasing import ids

ROOT = Path(__file__).parents[1]
ARRANGED = {"delete": ("--yes",)}  # what a test needs in place of a person at a terminal


def commands(page, heading):
    """Return the words of each cv-gdpr command in the first block after a text of a page."""
    block = (ROOT / page).read_text().partition(heading)[2].partition("```sh\n")[2].partition("```")[0]
    lines = block.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("cv-gdpr ")]


@pytest.fixture
def hers(sim):
    """The demo's project with her pictures, stored a minute ago; its id."""
    demo.fill(sim.endpoint, sim.training_key)
    for project in sim.store.projects.values():
        for one in project.predictions.values():
            project.predictions[one.id] = replace(one, created=one.created - timedelta(minutes=1))
    return next(one.id for one in sim.store.projects.values() if one.name == "Visitors & pets")


@pytest.fixture
def in_a_folder(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


PAGES = [
    ("README.md", "**One person.**"),
    pytest.param("docs/one-person.md", "It prints where her photograph lies", marks=pytest.mark.slow),
]


@pytest.mark.slow
@pytest.mark.usefixtures("in_a_folder")
@pytest.mark.parametrize(("page", "heading"), PAGES)
def test_the_flow_finds_answers_erases_and_looks_again(sim, cli, hers, page, heading):
    before = {row: ids(sim, hers, row) for row in ("images", "predictions", "iterations")}
    assert {row: len(one) for row, one in before.items()} == {"images": 8, "predictions": 2, "iterations": 1}
    flow = commands(page, heading)
    steps = [words[0] for words in flow if words[0] != "report"]
    assert steps == ["export", "find", "export", *["delete"] * (len(steps) - 5), "redact", "recheck"]
    for words in flow:
        told = [str(demo.PHOTO) if word == "PHOTO" else word for word in words]
        extra = () if "--dry-run" in told else ARRANGED.get(told[0], ())
        ran = cli(*told, *extra, CV_GDPR_EXPORT_CALLS_PER_SECOND="0", CV_GDPR_DELETE_CALLS_PER_SECOND="0")
        assert ran.code == 0, (told, ran.out, ran.err)

    left = {row: ids(sim, hers, row) for row in before}
    assert {row: len(before[row] - left[row]) for row in before} == {"images": 4, "predictions": 1, "iterations": 1}
    for place in ("answer", "everything", "everything-redacted", "erasure.json"):
        assert cli("verify", place).code == 0, place
    answer = json.loads(Path("answer/data/export.json").read_text())
    assert {row: one["exported"] for row, one in answer["rows"].items()} == {"images": 3, "predictions": 1}
    photo = demo.PHOTO.read_bytes()
    stored = [path.read_bytes() for path in Path("everything-redacted").rglob("*") if path.is_file()]
    assert photo not in stored
    erased = (before["images"] - left["images"]) | (before["predictions"] - left["predictions"])
    texts = b"".join(path.read_bytes() for path in Path("everything-redacted/data").rglob("*.json*"))
    assert not [one for one in erased if one.encode() in texts or one.replace("-", "").encode() in texts]
