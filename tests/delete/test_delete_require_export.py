"""`--require-export`: what no verified export holds as it is now is not deleted."""

from dataclasses import replace

import pytest

from commandline import CommandLine
from cv_gdpr.simulator import Simulator
from cv_gdpr.simulator.records import ImageTag
from delete.erasing import calls, others_untouched, state, stock, tag_id


@pytest.fixture
def exported(cli, tmp_path):
    """Exports into a new folder; the default is everything."""

    def export(*arguments):
        out = tmp_path / "export"
        assert cli("export", *(arguments or ["--all"]), "--out", out).code == 0
        return out

    return export


def refused(sim, erase, folder, *arguments):
    """Assert that a deletion is refused and that nothing was sent; give what it said."""
    before = state(sim)
    sim.calls.clear()
    ran = erase(*(arguments or ["--all"]), "--require-export", folder)
    assert ran.code == 2, ran.err
    assert calls(sim) == []
    assert not erase.ledger_file.exists()
    others_untouched(sim, before, set())
    return ran.err


@pytest.mark.parametrize(
    "arguments", [["--all"], ["--project", "Visitors"], ["images", "--all"], ["--all", "--tag", "alice"]]
)
def test_a_complete_export_lets_everything_go(sim, erase, exported, arguments):
    stock(sim)
    folder = exported()

    assert erase(*arguments, "--require-export", folder).code == 0


def test_an_export_of_one_person_lets_that_person_go_and_nobody_else(sim, erase, exported):
    stock(sim)
    folder = exported("--all", "--metadata", "subject=nr-4711")

    assert "does not hold" in refused(sim, erase, folder, "--all", "--metadata", "subject=nr-4712")
    assert erase("--all", "--metadata", "subject=nr-4711", "--require-export", folder).code == 0


@pytest.mark.parametrize("kind", ["images/*", "images.jsonl", "tags.jsonl", "predictions/*", "performance.json"])
def test_one_flipped_bit_in_the_export_forbids_the_deletion(sim, erase, exported, kind):
    stock(sim)
    folder = exported()
    victim = next(iter(sorted(folder.glob(f"data/**/{kind}"))))
    content = bytearray(victim.read_bytes())
    content[-2] ^= 1
    victim.write_bytes(content)

    assert "is not proved" in refused(sim, erase, folder)


def test_a_missing_file_in_the_export_forbids_the_deletion(sim, erase, exported):
    stock(sim)
    folder = exported()
    next(folder.glob("data/*/images/*")).unlink()

    assert "is not proved" in refused(sim, erase, folder)


def test_a_row_that_was_not_exported_is_not_deleted(sim, erase, exported):
    stock(sim)
    folder = exported("predictions", "--all")

    assert "does not hold" in refused(sim, erase, folder)
    assert erase("predictions", "--all", "--require-export", folder).code == 0


def test_a_project_that_was_not_exported_is_not_deleted(sim, erase, exported):
    stock(sim), stock(sim, "Strangers")
    folder = exported("--project", "Visitors")

    refused(sim, erase, folder)
    assert erase("--project", "Visitors", "--require-export", folder).code == 0


def added(sim, project):
    workspace = sim.store.projects[project].workspace
    new = replace(next(iter(workspace.images.values())), id="f" * 8 + "-0000-4000-8000-" + "f" * 12)
    workspace.images[new.id] = new
    return new.id


def retagged(sim, project):
    workspace = sim.store.projects[project].workspace
    one = next(image for image in workspace.images.values() if not image.tags)
    workspace.images[one.id] = replace(one, tags=(ImageTag(tag_id(sim, project, "bob"), one.created),))
    return one.id


def relabelled(sim, project):
    workspace = sim.store.projects[project].workspace
    one = next(iter(workspace.images.values()))
    workspace.images[one.id] = replace(one, metadata={"subject": "other"})
    return one.id


def retrained(sim, project):
    holder = sim.store.projects[project]
    one = replace(next(iter(holder.iterations.values())), id="e" * 8 + "-0000-4000-8000-" + "e" * 12, publish_name=None)
    holder.iterations[one.id] = one
    return one.id


def renamed(sim, project):
    workspace = sim.store.projects[project].workspace
    one = next(iter(workspace.tags.values()))
    workspace.tags[one.id] = replace(one, name="renamed since")
    return one.id


@pytest.mark.parametrize("change", [added, retagged, relabelled, retrained, renamed])
def test_what_is_not_as_it_was_exported_is_named_and_not_deleted(sim, erase, exported, change):
    project = stock(sim)
    folder = exported()
    identity = change(sim, project)

    said = refused(sim, erase, folder)

    assert "does not hold 1 things" in said
    assert identity in said


def test_an_export_of_another_endpoint_is_refused(sim, exported):
    stock(sim)
    folder = exported()
    with Simulator() as elsewhere:
        stock(elsewhere)
        before = state(elsewhere)
        cli = CommandLine(elsewhere.endpoint, elsewhere.training_key)

        ran = cli("delete", "--all", "--yes", "--json", "--require-export", folder)

        assert ran.code == 2
        assert "another endpoint" in ran.err
        others_untouched(elsewhere, before, set())


@pytest.mark.parametrize("kind", ["missing", "empty", "file", "unfinished"])
def test_what_is_no_finished_export_is_refused(sim, erase, exported, tmp_path, kind):
    stock(sim)
    folder = tmp_path / "folder"
    if kind == "unfinished":
        folder = exported()
        (folder / "bagit.txt").unlink()
    elif kind == "file":
        folder.write_text("x")
    elif kind == "empty":
        folder.mkdir()

    refused(sim, erase, folder)


def test_after_a_cut_off_that_took_back_publications_the_same_export_still_serves(sim, erase, exported):
    project = stock(sim)
    folder = exported()
    for iteration in sim.store.projects[project].iterations.values():
        iteration.publish_name = iteration.publish_resource = None

    assert erase("--all", "--require-export", folder).code == 0
    assert sim.store.projects == {}


def test_the_iterations_performance_must_be_exported_too(sim, erase, exported):
    stock(sim)
    folder = exported("iterations", "--all")

    said = refused(sim, erase, folder, "iterations", "--all")

    assert "performance" in said
