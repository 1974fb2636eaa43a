"""docs/leaving.md: its commands, as they stand there, against the demo's resource, and its training job."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from cv_gdpr import demo
from tests.pages.blocks import ROOT, blocks, sessions

PAGE = "docs/leaving.md"
TASKS = re.compile(r"^\| [^|]+ \| `(autoMLImage\w+)` \| `(\w+)` \| `(\w+)` \|", re.MULTILINE)


def job():
    """Return the text of the training job."""
    (text,) = (block.text for block in blocks(PAGE) if block.language == "yaml")
    return text


def jobs():
    """Yield the training job for each task of the page's table."""
    _, task, metric = TASKS.findall((ROOT / PAGE).read_text())[0]
    for schema, other, measured in TASKS.findall((ROOT / PAGE).read_text()):
        text = job().replace("autoMLImageObjectDetectionJob", schema)
        yield text.replace(f"task: {task}", f"task: {other}").replace(metric, measured)


def _filled(word, variables):
    """Return a word with the values of its variables."""
    for name, value in variables.items():
        word = word.replace(f"${name}", value)
    return word


@pytest.fixture
def left(sim, cli, tmp_path, monkeypatch):
    """Run the page's commands; return the words of each, and its result."""
    monkeypatch.chdir(tmp_path)
    demo.fill(sim.endpoint, sim.training_key)
    variables, ran = {}, []
    (told,) = sessions(PAGE)
    for command in told:
        if found := re.fullmatch(r"([A-Z]+)=(\S+)", command.line):
            variables[found[1]] = found[2]
            continue
        words = [_filled(word, variables) for word in shlex.split(command.line)[1:]]
        extra = ["--yes"] if words[0] == "delete" and "--dry-run" not in words else []
        ran.append((words, cli(*words, *extra)))
    return ran


@pytest.mark.slow
def test_the_commands_lead_from_the_estimate_to_the_end(left, sim):
    assert [words[0] for words, _ in left] == [
        "list",
        "export",
        "verify",
        "report",
        "convert",
        "delete",
        "delete",
        "verify",
    ]
    assert [(ran.code, ran.err) for _, ran in left if ran.code] == []
    assert not sim.store.projects
    assert list(Path("everything").glob("data/*/exported-models/*/*"))
    data = yaml.safe_load(job())
    for part, name in (("training_data", "train"), ("validation_data", "validation")):
        folder = data[part]["path"].partition("/paths/")[2]
        assert Path(folder, "MLTable").exists()
        for line in Path(folder, f"{name}_annotations.jsonl").read_text().splitlines():
            _, _, path = json.loads(line)["image_url"].partition("/datastores/workspaceblobstore/paths/")
            assert Path(path).exists()


def test_the_job_names_what_microsoft_wants():
    for text in jobs():
        found = yaml.safe_load(text)
        assert (found["type"], found["target_column_name"]) == ("automl", "label")
        assert found["task"].startswith("image_")
        assert {found[part]["type"] for part in ("training_data", "validation_data")} == {"mltable"}
    assert len({yaml.safe_load(text)["primary_metric"] for text in jobs()}) == 3


@pytest.mark.mltable
@pytest.mark.filterwarnings("ignore")  # of the libraries that azure-ai-ml brings
def test_the_library_of_microsoft_accepts_the_job(tmp_path):
    ml = pytest.importorskip("azure.ai.ml", reason="needs azure-ai-ml")
    kinds = [schema.removeprefix("autoML") for schema, _, _ in TASKS.findall((ROOT / PAGE).read_text())]
    for text, kind in zip(jobs(), kinds, strict=True):
        (tmp_path / "job.yml").write_text(text)
        assert type(ml.load_job(tmp_path / "job.yml")).__name__ == kind
