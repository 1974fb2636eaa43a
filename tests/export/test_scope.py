"""The rows and projects that an export covers, and the options that choose them."""

import pytest

from cv_gdpr.table.categories import CATEGORIES, ROWS
from tests.export.exporting import (
    assert_bag,
    assert_one_error,
    assert_open,
    files,
    project_folder,
    records,
    stock,
    towards,
)

COMMON = {"export.json", "files.jsonl", "listings.jsonl", "absent.jsonl"}
ROW_FILES = {
    "account": set(),
    "iterations": {"iterations.jsonl", "iteration.json"},
    "performance": {"performance.json", "image-performances.jsonl"},
    "projects": {"projects.jsonl", "project.json"},
    "tags": {"tags.jsonl", "tag-details.jsonl"},
    "images": {"images.jsonl"},
    "exports": {"exports.jsonl"},
    "predictions": {"predictions.jsonl"},
}


def documents(out):
    return {path.name for path in files(out / "data") if path.suffix in {".json", ".jsonl"}} - COMMON


@pytest.mark.parametrize("row", ROWS)
def test_one_row_exports_only_that_row(sim, cli, tmp_path, row):
    stock(sim)
    ran = cli("export", row, "--all", "--json", "--out", tmp_path / "out")
    assert ran.code == (3 if row == "account" else 0), ran.err
    assert [entry["row"] for entry in ran.json["rows"]] == [row]
    assert documents(tmp_path / "out") == ROW_FILES[row]
    asked = next(category.exported_by for category in CATEGORIES if category.name == row)
    assert set(ran.json["calls"]) <= {*asked, "GetProjects", "GetIterations"}
    if row == "account":
        assert_open(tmp_path / "out")  # Resource Manager has it
    else:
        assert_bag(tmp_path / "out")
        assert cli("verify", tmp_path / "out").code == 0


@pytest.mark.slow
def test_without_a_row_every_row_is_exported(sim, cli, tmp_path):
    stock(sim)
    ran = cli("export", "--all", "--json", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    rows = {entry["row"]: entry for entry in ran.json["rows"]}
    assert tuple(rows) == ROWS
    held = {name: (entry["held"], entry["exported"]) for name, entry in rows.items()}
    assert held == {
        "account": (0, 0),
        "iterations": (2, 2),
        "performance": (2, 2),
        "projects": (1, 1),
        "tags": (3, 3),
        "images": (9, 9),
        "exports": (4, 4),
        "predictions": (3, 3),
    }
    assert all(entry["verdict"] == "complete" for name, entry in rows.items() if name != "account")
    assert documents(tmp_path / "out") == set.union(*ROW_FILES.values())
    assert sum(len(path.read_bytes()) for path in files(tmp_path / "out" / "data")) > sum(
        entry["bytes"] for entry in rows.values()
    )


@pytest.mark.slow
def test_the_printed_table_equals_the_json(sim, cli, tmp_path):
    stock(sim)
    told = cli("export", "--all", "--out", tmp_path / "told")
    lines = {line.split()[0]: line.split() for line in told.out.splitlines() if line.strip()}
    for entry in cli("export", "--all", "--json", "--out", tmp_path / "json").json["rows"]:
        assert lines[entry["row"]][1:3] == [str(entry["held"]), str(entry["exported"])]
    assert all(char.isprintable() or char == "\n" for char in told.out)
    assert told.err == ""


def test_projects_are_chosen_by_name_or_id_repeatedly(sim, cli, tmp_path):
    first, second, third = sim.fill(projects=3, images=1)
    spelled = [["Project 1"], [first.upper()], [f" {{{first}}} "], ["Project 1", first]]
    for number, named in enumerate(spelled):
        options = [part for name in named for part in ("--project", name)]
        ran = cli("export", "projects", *options, "--json", "--out", tmp_path / str(number))
        assert ran.code == 0, ran.err
        assert [entry["id"] for entry in ran.json["projects"]] == [first]
    ran = cli("export", "--project", third, "--project", "Project 2", "--json", "--out", tmp_path / "both")
    assert {entry["id"] for entry in ran.json["projects"]} == {second, third}
    assert {record["id"] for record in records(tmp_path / "both" / "data" / "projects.jsonl")} == {second, third}


@pytest.mark.parametrize(
    "words",
    [
        "export images --project Project\u00a01 --tag tag\u00a01 --json --out OUT",
        "export --project Project\u00a01 --tag tag\u00a01 --json --out OUT images",
        "export --json --tag tag\u00a01 images --out OUT --project Project\u00a01",
        "export --out OUT images --json --project Project\u00a01 --tag tag\u00a01 --project Project\u00a01",
    ],
)
def test_options_work_on_either_side_of_a_row(sim, cli, tmp_path, words):
    (project, _) = sim.fill(projects=2, images=6)
    out = tmp_path / "out"
    ran = cli(*(out if word == "OUT" else word.replace("\u00a0", " ") for word in words.split(" ")))
    assert ran.code == 0, ran.err
    assert [entry["row"] for entry in ran.json["rows"]] == ["images"]
    assert [entry["id"] for entry in ran.json["projects"]] == [project]
    assert len(records(project_folder(out, project) / "images.jsonl")) == 2


def test_repeated_options_add_up_on_both_sides_of_a_row(sim, cli, tmp_path):
    sim.fill(projects=3, images=1)
    options = ("--project", "Project 1", "projects", "--project", "Project 3")
    ran = cli("export", *options, "--json", "--out", tmp_path / "out")
    assert len(ran.json["projects"]) == 2


@pytest.mark.parametrize(
    ("variables", "row"),
    [
        ({"CV_GDPR_EXPORT_ALL": "1", "CV_GDPR_EXPORT_TAG": "tag 1"}, ()),
        ({"CV_GDPR_EXPORT_ALL": "1", "CV_GDPR_EXPORT_TAG": "tag 1"}, ("images",)),
        ({"CV_GDPR_EXPORT_ALL": "1", "CV_GDPR_EXPORT_IMAGES_TAG": "tag 1"}, ("images",)),
        ({"CV_GDPR_EXPORT_PROJECT": "Project 1\nProject 2", "CV_GDPR_EXPORT_TAG": "tag 1"}, ("images",)),
        ({"CV_GDPR_EXPORT_ALL": "1", "CV_GDPR_EXPORT_METADATA": "who=me"}, ("images",)),
    ],
)
def test_every_option_has_a_variable(sim, cli, tmp_path, variables, row):
    for project in sim.fill(projects=2, images=6):
        images = sim.store.projects[project].workspace.images
        for image in list(images.values())[::3]:
            image.metadata["who"] = "me"
    out = tmp_path / "out"
    more = {"CV_GDPR_EXPORT_OUT": str(out), "CV_GDPR_EXPORT_JSON": "true"}
    ran = cli("export", *row, **variables, **more)
    assert ran.code == 0, ran.err
    assert next(entry for entry in ran.json["rows"] if entry["row"] == "images")["exported"] == 4
    assert_bag(out)


def test_the_command_line_beats_a_variable_on_either_side(sim, cli, tmp_path):
    (first, _) = sim.fill(projects=2, images=1)
    named = {"CV_GDPR_EXPORT_PROJECT": "Project 2", "CV_GDPR_EXPORT_PROJECTS_PROJECT": "Project 2"}
    for number, words in enumerate([("projects", "--project", first), ("--project", first, "projects")]):
        ran = cli("export", *words, "--json", "--out", tmp_path / str(number), **named)
        assert [entry["id"] for entry in ran.json["projects"]] == [first]


def test_an_empty_variable_counts_as_not_set(sim, cli, tmp_path):
    sim.fill(images=1)
    names = ("ALL", "PROJECT", "TAG", "METADATA", "IMAGE_ID", "OUT", "PATIENCE", "JSON", "ENDPOINT", "KEY_FILE")
    empty = {f"CV_GDPR_EXPORT_{name}": "" for name in names}
    assert cli("export", "--all", "-q", "--out", tmp_path / "out", **empty).code == 0
    assert_one_error(cli("export", "--out", tmp_path / "none", **empty), 2)


def test_microsofts_variable_names_are_the_fallback(sim, cli, tmp_path):
    ours = {"CV_GDPR_ENDPOINT": "", "CV_GDPR_TRAINING_KEY": ""}
    theirs = {"VISION_TRAINING_ENDPOINT": sim.endpoint + "/", "VISION_TRAINING_KEY": sim.training_key}
    assert cli("export", "--all", "--out", tmp_path / "out", **ours, **theirs).code == 0


def test_the_key_may_come_from_a_file_or_standard_input(sim, cli, tmp_path):
    file = tmp_path / "key"
    file.write_text(sim.training_key + "\n")
    none = {"CV_GDPR_TRAINING_KEY": ""}
    assert cli("export", "--all", "--key-file", file, "--out", tmp_path / "a", **none).code == 0
    assert cli("export", "--all", "--key-file", "-", "--out", tmp_path / "b", stdin=sim.training_key, **none).code == 0
    both = ("--key-file", "-", "--image-ids-file", "-")
    assert_one_error(cli("export", "images", "--all", *both, "--out", tmp_path / "c", **none), 2)


def test_an_empty_resource_is_a_finished_export(cli, tmp_path):
    assert cli("export", "--all", "--out", tmp_path / "out").code == 0
    assert_bag(tmp_path / "out")
    assert cli("verify", tmp_path / "out").code == 0


def test_the_default_folder_is_named_by_the_time(sim, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert towards(cli, sim)("export", "--all", "-q").code == 0
    (made,) = tmp_path.iterdir()
    assert made.name.startswith("cv-gdpr-export-2")
    assert_bag(made)
