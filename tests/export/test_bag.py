"""The export folder: a bag that other tools accept, private, with safe names whatever the service sends."""

import json
import os
import re
from dataclasses import replace

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.archive.writing import HashedFile, private_file
from cv_gdpr.platforms.files import user_id
from tests.export.exporting import (
    assert_bag,
    assert_one_error,
    assert_open,
    everything,
    files,
    image_record,
    project_folder,
    records,
    snapshot,
    stock,
)
from tests.platforms import is_private, posix

NAMES = {
    "leads out": "../../x",
    "absolute": "/etc/passwd",
    "backslashes": "..\\..\\x",
    "reserved": "CON",
    "reserved with suffix": "nul.txt",
    "NUL": "a\u0000b",
    "long": "n" * 300,
    "long and wide": "\U0001f600日" * 150,
    "dots": "...",
    "blank": " ",
    "empty": "",
    "line feed": "a\nb\r\nsha256 c",
    "right to left": "\u202etxt.exe",
    "escape": "\x1b[31mred\x1b[0m",
    "lone surrogate": "\ud800",
    "formula": '=1+1|"<>:*?',
}
WINDOWS = re.compile(r'[<>:"\\|?*\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)


def assert_names_are_safe(out):
    for path in out.rglob("*"):
        assert not WINDOWS.search(path.name), path
        assert len(path.name.encode()) < 250
        assert len(str(path.relative_to(out))) < 200
    folded = [str(path.relative_to(out)).casefold() for path in files(out)]
    assert len(folded) == len(set(folded))


def test_the_bag_is_whole_and_private(sim, cli, tmp_path):
    project = stock(sim)
    assert cli("export", "--all", "-q", "--out", tmp_path / "deep" / "out").code == 0
    out = tmp_path / "deep" / "out"
    assert_bag(out)
    assert [path for path in (out, *out.rglob("*")) if not is_private(path)] == []
    info = dict(line.split(": ", 1) for line in (out / "bag-info.txt").read_text().splitlines())
    assert info["Source-Endpoint"] == sim.endpoint
    assert info["Exported-Images"] == "9 of 9"
    assert info["Payload-Oxum"] == f"{sum(p.stat().st_size for p in files(out / 'data'))}.{len(files(out / 'data'))}"
    assert project_folder(out, project).name.startswith("Project-1-")
    listed = records(project_folder(out, project) / "files.jsonl")
    assert len(listed) == 9 + 2 + 3


@pytest.mark.slow
def test_it_becomes_a_bag_only_when_it_is_whole(sim, cli, tmp_path):
    stock(sim)
    sim.fault(Fault("Blob", status=404, times=None))
    assert cli("export", "--all", "-q", "--out", tmp_path / "out").code == 3
    assert_open(tmp_path / "out")
    assert not list(tmp_path.glob("out/*manifest*"))


def rename_all(project, name):
    """Rename a project with its iterations, tags and metadata."""
    project.name = name
    for iteration in project.iterations.values():
        iteration.name = name
    for identity, tag in list(project.workspace.tags.items()):
        project.workspace.tags[identity] = replace(tag, name=name)
    for identity, image in list(project.workspace.images.items()):
        project.workspace.images[identity] = replace(image, metadata={name: name})


@pytest.mark.slow
def test_no_name_leaves_the_folder_or_makes_an_invalid_one(sim, cli, tmp_path):
    """One export of a project for each name."""
    named = dict(zip(sim.fill(projects=len(NAMES), images=2, tags=1, iterations=1), NAMES.values(), strict=True))
    for project, name in named.items():
        rename_all(sim.store.projects[project], name)
    around = tmp_path / "around"
    around.mkdir()
    (around / "mine").write_text("mine")
    out = around / "out"
    ran = cli("export", "--all", "--out", out)
    assert ran.code == 0, ran.err
    assert_bag(out)
    assert_names_are_safe(out)
    assert {path.name for path in around.iterdir()} == {"mine", "out"}
    assert {path.name for path in tmp_path.iterdir()} == {"around"}
    for project, name in named.items():
        assert json.loads((project_folder(out, project) / "project.json").read_bytes())["name"] == name
    assert "\x1b" not in ran.out
    assert cli("verify", out).code == 0


@pytest.mark.slow
def test_projects_with_equal_names_get_separate_folders(sim, cli, tmp_path):
    ids = sim.fill(projects=4, images=3, iterations=2)
    for identity, name in zip(ids, ("Same", "Same", "same", "SAME"), strict=True):
        sim.store.projects[identity].name = name
        for iteration in sim.store.projects[identity].iterations.values():
            iteration.name = name
    out = tmp_path / "out"
    ran = cli("export", "--all", "--json", "--out", out)
    assert ran.code == 0, ran.err
    assert len({entry["folder"].casefold() for entry in ran.json["projects"]}) == 4
    for identity in ids:
        folder = project_folder(out, identity)
        assert json.loads((folder / "project.json").read_bytes())["id"] == identity
        assert len(list((folder / "images").iterdir())) == 3
        assert len(list((folder / "iterations").iterdir())) == 2
    assert_names_are_safe(out)
    assert_bag(out)


def test_ids_other_than_uuids_make_safe_names(sim, cli, tmp_path):
    (project,) = sim.fill(images=0)
    ids = ["../../../x", "CON", "con", "a/b", "A/B", "Abc", "aBC", "\u0000", "x" * 400, "..", ".", "a\nb"]
    images = [image_record(each, originalImageUri=f"{sim.blob_host}/i/{n}") for n, each in enumerate(ids)]
    sim.fault(Fault("GetTaggedImages", times=None, body=images))
    sim.fault(Fault("GetImageCount", times=None, body=str(len(ids)).encode()))
    sim.fault(Fault("Blob", times=None, status=200, body=b"bytes"))
    ran = cli("export", "images", "--all", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert len(list((project_folder(tmp_path / "out", project) / "images").iterdir())) == len(ids)
    assert_names_are_safe(tmp_path / "out")
    assert_bag(tmp_path / "out")
    assert cli("verify", tmp_path / "out").code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_ids_with_path_separators_stay_in_the_folder(sim, cli, tmp_path):
    (project,) = sim.fill(images=1, iterations=1)
    holder = sim.store.projects[project]
    (iteration,) = holder.iterations.values()
    sim.fault(Fault("GetProjects", times=None, body=[{"id": project, "name": "x"}, {"id": "../../y", "name": "."}]))
    sim.fault(Fault("GetIterations", times=None, body=[{"id": "../..", "name": "../..", "status": "Completed"}]))
    before = snapshot(tmp_path)
    cli("export", "--all", "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="0")
    assert {path.name for path in tmp_path.iterdir()} <= {"out"}
    assert before.keys() == {str(tmp_path)}
    assert iteration.id
    assert_names_are_safe(tmp_path / "out")


def test_a_blob_listed_in_two_places_is_stored_once(sim, cli, tmp_path):
    (project,) = sim.fill(images=6, iterations=3)
    assert cli("export", "images", "--all", "-q", "--out", tmp_path / "out").code == 0
    assert len(sim.blob_requests) == 6
    assert len(records(project_folder(tmp_path / "out", project) / "files.jsonl")) == 6
    assert b".cv-gdpr" not in everything(tmp_path / "out")


# --- the folder's owner -----------------------------------------------------------------------------------------

ANOTHER = 54321  # the id of a user that does not exist
AS_ROOT = pytest.mark.skipif(user_id() != 0, reason="only root can give a file away")


def given_away(path):
    os.chown(path, ANOTHER, ANOTHER, follow_symlinks=False)


def another_users_folder(out):
    out.mkdir(mode=0o777)
    given_away(out)


def another_users_link(out):
    out.with_name("real").mkdir()
    out.symlink_to("real")
    given_away(out)


def a_link_to_another_users_folder(out):
    another_users_folder(out.with_name("real"))
    out.symlink_to("real")


def another_users_state(out):
    out.mkdir(mode=0o777)
    (out / ".cv-gdpr").mkdir(mode=0o777)
    given_away(out / ".cv-gdpr")


@AS_ROOT
@pytest.mark.parametrize(
    "lay", [another_users_folder, another_users_link, a_link_to_another_users_folder, another_users_state]
)
def test_another_users_folder_is_refused_even_for_root(sim, cli, tmp_path, lay):
    stock(sim)
    lay(tmp_path / "out")
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 2)
    assert "belongs to another user" in ran.err
    if lay != another_users_state:
        assert f"Hint: name a subfolder that does not exist yet: --out {tmp_path / 'out' / 'export'}" in ran.err
    assert [path.name for path in (tmp_path / "out").iterdir() if path.name != ".cv-gdpr"] == []
    assert not list((tmp_path / "out").glob(".cv-gdpr/*"))


@AS_ROOT
def test_a_subfolder_of_another_users_folder_is_used(sim, cli, tmp_path):
    stock(sim)
    another_users_folder(tmp_path / "out")
    assert cli("export", "--all", "-q", "--out", tmp_path / "out" / "export").code == 0
    assert_bag(tmp_path / "out" / "export")


@pytest.mark.slow
@AS_ROOT
@pytest.mark.parametrize("kind", [".cv-gdpr/run.json", ".cv-gdpr/journal", "data", "data/*", "data/*/images/*"])
def test_another_users_file_in_an_unfinished_export_is_refused(sim, cli, tmp_path, kind):
    stock(sim)
    out = tmp_path / "out"
    sim.fault(Fault("Blob", status=400))
    assert cli("export", "--all", "-q", "--out", out).code == 3
    given_away(sorted(path for path in out.glob(kind) if path.name != "export.json")[0])
    ran = cli("export", "--all", "--out", out)
    assert_one_error(ran, 2)
    assert "belongs to another user" in ran.err


@pytest.mark.slow
@posix("owners")
def test_a_file_system_that_maps_owners_gives_a_warning(sim, cli, tmp_path, monkeypatch, caplog):
    stock(sim)
    out = tmp_path / "out"
    monkeypatch.setattr(os, "geteuid", lambda: ANOTHER)  # so that new files belong to another user
    sim.fault(Fault("Blob", status=400))
    assert cli("export", "--all", "-q", "--out", out).code == 3
    assert cli("export", "--all", "-q", "--out", out).code == 0
    assert_bag(out)
    assert cli("verify", out).code == 0
    assert [one.getMessage() for one in caplog.records if one.levelname == "WARNING"] == 2 * [
        f"Warning: the owner of {out} is unknown: its file system maps owners"
    ]


def test_a_taken_name_is_never_written_through(tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("precious", "link", "dangling"):
        with pytest.raises(FileExistsError):
            private_file(tmp_path / name)
        file = HashedFile(tmp_path / name)
        file.write(b"more")
        with pytest.raises(FileExistsError):
            file.received()
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()
