"""Names and values in canonically equivalent spellings are one, and what is stored stays as it was sent."""

import unicodedata
from dataclasses import replace

import pytest

from tests.delete.erasing import state, stock
from tests.export.exporting import project_folder, records, rename_tags

FORMS = [("NFC", "NFD"), ("NFD", "NFC")]


def spelled(form, name):
    return unicodedata.normalize(form, name)


@pytest.fixture(params=FORMS, ids="-".join)
def forms(request):
    return request.param


def people(sim, stored, name):
    """A project of that name, with one of its two images tagged with the name and described by it."""
    (project,) = sim.fill(images=2, tags=2, image_bytes=100)
    holder = sim.store.projects[project]
    holder.name = spelled(stored, name)
    rename_tags(sim, project, spelled(stored, name), "other")
    images = holder.workspace.images
    for identity, image in images.items():
        subject = (
            spelled(stored, name) if image.tags and image.tags[0].tag_id == next(iter(holder.workspace.tags)) else "x"
        )
        images[identity] = replace(image, metadata={spelled(stored, name): subject})
    return project


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", [("--tag", "José"), ("--tag", "각"), ("--metadata", "Zoë"), ("--metadata", "ề"), ("--project", "Åse")]
)
def test_an_export_finds_either_spelling(sim, cli, tmp_path, forms, case):
    (stored, typed), (option, name) = forms, case
    project = people(sim, stored, name)
    one = spelled(typed, name)
    words = {"--tag": ["--all", "--tag", one], "--metadata": ["--all", "--metadata", f"{one}={one}"]}
    ran = cli("export", "images", *words.get(option, ["--project", one]), "-q", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    kept = list(records(project_folder(tmp_path / "out", project) / "images.jsonl"))
    assert len(kept) == (2 if option == "--project" else 1)
    assert {key for record in kept for key in record["metadata"]} == {spelled(stored, name)}
    assert cli("verify", tmp_path / "out").code == 0


@pytest.mark.parametrize("option", ["--tag", "--metadata"])
def test_a_deletion_finds_either_spelling(sim, erase, forms, option):
    stored, typed = forms
    project = people(sim, stored, "José")
    one = spelled(typed, "José")
    assert erase("images", "--all", option, f"{one}={one}" if option == "--metadata" else one).code == 0
    assert len(sim.store.projects[project].workspace.images) == 1


def test_a_protection_means_either_spelling(sim, erase, forms):
    stored, typed = forms
    project = stock(sim)
    sim.store.projects[project].name = spelled(stored, "José")
    before = state(sim)
    assert erase("--all", "--protect", spelled(typed, "José")).code == 0
    assert state(sim) == before


def test_two_projects_of_one_name_in_two_spellings_are_refused(sim, erase):
    for form in ("NFC", "NFD"):
        sim.store.projects[stock(sim)].name = spelled(form, "José")
    ran = erase("--project", "José")
    assert ran.code == 2
    assert "2 projects are named" in ran.err
