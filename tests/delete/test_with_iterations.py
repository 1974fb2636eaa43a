"""--with-iterations: the models that were trained on what is erased go too, and what a hold keeps stays."""

import pytest

from tests.delete.erasing import bearing, ids, stock


@pytest.mark.slow
@pytest.mark.parametrize("selector", [("--metadata", "subject=nr-4711"), ("--tag", "alice")])
def test_iterations_trained_on_a_person_go(sim, erase, selector):
    project = stock(sim, predictions=0)
    holder = sim.store.projects[project]
    trained = ids(sim, project, "iterations")
    published = {one.id: one.publish_name for one in holder.iterations.values() if one.publish_name}
    dry = erase("--all", *selector, "--with-iterations", "--dry-run", as_json=False)
    assert dry.code == 0, dry.err
    assert all(f"{one} as {name!r}" in dry.out for one, name in published.items())
    assert "no longer answers" in dry.out
    assert "exported models" in dry.out

    ran = erase("--all", *selector, "--with-iterations")
    assert ran.code == 0, ran.err
    assert ids(sim, project, "iterations") == set()
    assert set(erase.states("iterations")) == trained
    assert erase.evidence["scope"]["withIterations"] is True
    assert erase.evidence["projects"][0]["iterationsTrainedOnThem"] == []
    assert erase.verified() == 0


def test_images_that_only_they_hold_go_along(sim, erase):
    project = stock(sim, predictions=0)
    holder = sim.store.projects[project]
    (alone,) = ids(sim, project, "images") - set(holder.workspace.images)
    selected = next(one for one in holder.workspace.images if holder.workspace.images[one].metadata)
    ran = erase("images", "--all", "--image-id", selected, "--with-iterations")
    assert ran.code == 0, ran.err
    assert set(erase.states("images")) == {selected, alone}
    assert alone not in ids(sim, project, "images")


def test_an_iteration_without_the_person_stays(sim, erase):
    project = stock(sim, predictions=0)
    first, second = sim.store.projects[project].iterations.values()
    for one in bearing(sim, project, "alice"):
        second.snapshot.images.pop(one, None)
    assert erase("images", "--all", "--tag", "alice", "--with-iterations").code == 0
    assert ids(sim, project, "iterations") == {second.id}
    assert first.id in erase.states("iterations")


def test_an_iteration_that_alone_holds_a_kept_image_stays(sim, erase, tmp_path):
    project = stock(sim, predictions=0)
    holder = sim.store.projects[project]
    (alone,) = ids(sim, project, "images") - set(holder.workspace.images)
    hold = tmp_path / "hold.txt"
    hold.write_text(alone)
    ran = erase("images", "--all", "--metadata", "subject=nr-4711", "--except-ids-file", hold, "--with-iterations")
    assert ran.code == 3
    assert alone in ids(sim, project, "images")
    holding = {one.id for one in holder.iterations.values() if alone in one.snapshot.images}
    assert holding
    assert holding <= ids(sim, project, "iterations")
    assert all(f"Kept: iteration {one}" in ran.err for one in holding)


@pytest.mark.parametrize("words", [("--all",), ("predictions", "--all", "--predicted-tag", "x"), ("tags", "--all")])
def test_it_needs_a_selector_of_images(sim, erase, words):
    ran = erase(*words, "--with-iterations")
    assert ran.code == 2
    assert "--with-iterations needs a selector of images" in ran.err
    assert sim.calls == []
