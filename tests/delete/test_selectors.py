"""Erasure of one data subject: their data is deleted in every place, and other people's data stays."""

import json
from dataclasses import replace

import pytest

from custom_vision_simulator import Fault
from tests.delete.erasing import bearing, calls, ids, others_untouched, predicted, state, stock, tag_id

NOWHERE = "d" * 8 + "-0000-4000-8000-" + "d" * 12


def of_subject(sim, project, subject):
    """Return the ids of the subject's images, in the workspace or in iterations."""
    holder = sim.store.projects[project]
    places = [holder.workspace, *(one.snapshot for one in holder.iterations.values())]
    return {one.id for place in places for one in place.images.values() if one.metadata.get("subject") == subject}


def everything_of(sim, project, name):
    """Return the ids of the images and the tag that `--tag` selects."""
    return bearing(sim, project, name) | {tag_id(sim, project, name)}


@pytest.fixture
def both(sim):
    """Two projects with the same people."""
    return stock(sim), stock(sim, "Strangers", images=7, predictions=4)


@pytest.fixture
def unpredicted(sim):
    """Two projects with the same people, and no stored predictions."""
    return stock(sim, predictions=0), stock(sim, "Strangers", images=7, predictions=0)


@pytest.mark.slow
def test_a_tag_selects_images_everywhere(sim, erase, unpredicted):
    before = state(sim)
    wanted = set().union(*(everything_of(sim, project, "alice") for project in unpredicted))

    assert erase("--all", "--tag", "alice").code == 0
    others_untouched(sim, before, wanted)
    assert set(erase.states()) == wanted


@pytest.mark.slow
def test_several_tags_widen(sim, erase, unpredicted):
    before = state(sim)
    wanted = everything_of(sim, unpredicted[0], "alice") | everything_of(sim, unpredicted[0], "bob")

    assert erase("--project", "Visitors", "--tag", "alice", "--tag", "bob").code == 0
    others_untouched(sim, before, wanted)


def give(sim, project, name):
    """Make a tag the most probable one of a project's first stored prediction."""
    holder = sim.store.projects[project]
    tag = holder.workspace.tags[tag_id(sim, project, name)]
    first = next(iter(holder.predictions.values()))
    best, *others = first.guesses
    holder.predictions[first.id] = replace(first, guesses=(replace(best, tag=tag), *others))


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ("images", lambda sim, project: bearing(sim, project, "bob")),
        ("predictions", lambda sim, project: predicted(sim, project, "bob")),
        ("tags", lambda sim, project: {tag_id(sim, project, "bob")}),
    ],
)
def test_a_tag_narrows_a_row(sim, erase, both, row, wanted):
    before = state(sim)
    expected = wanted(sim, both[0]) | wanted(sim, both[1])

    selector = "--predicted-tag" if row == "predictions" else "--tag"
    if row == "predictions":
        give(sim, both[0], "bob")
        expected = wanted(sim, both[0]) | wanted(sim, both[1])
    before = state(sim)
    assert erase(row, "--all", selector, "bob").code == 0
    others_untouched(sim, before, expected)


@pytest.mark.slow
@pytest.mark.parametrize("row", [None, "images"])
def test_metadata_selects_a_person_in_every_project(sim, erase, unpredicted, row):
    before = state(sim)
    wanted = of_subject(sim, unpredicted[0], "nr-4711") | of_subject(sim, unpredicted[1], "nr-4711")
    assert len(wanted) == 2

    assert erase(*([row] if row else []), "--all", "--metadata", "subject=nr-4711").code == 0
    others_untouched(sim, before, wanted)


def test_kinds_of_selectors_narrow_further(sim, erase, both):
    before = state(sim)
    wanted = of_subject(sim, both[0], "nr-4711") & bearing(sim, both[0], "alice")
    wanted |= of_subject(sim, both[1], "nr-4711") & bearing(sim, both[1], "alice")

    ran = erase("images", "--all", "--metadata", "subject=nr-4711", "--metadata", "subject=nr-4712", "--tag", "alice")

    if wanted:
        assert ran.code == 0
    others_untouched(sim, before, wanted if ran.code == 0 else set())


@pytest.mark.slow
@pytest.mark.parametrize("how", ["options", "file", "stdin", "both", "without dashes"])
def test_images_are_deleted_by_id_wherever_they_are(sim, erase, both, tmp_path, how):
    before = state(sim)
    first = max(ids(sim, both[0], "images"))
    lonely = next(iter(ids(sim, both[1], "images") - set(sim.store.projects[both[1]].workspace.images)))
    prediction = next(iter(ids(sim, both[1], "predictions")))
    wanted = [first, lonely, prediction]
    listed = tmp_path / "ids.txt"
    listed.write_text("# asked for on Monday\n" + "\n".join(wanted) + "\n\n")
    arguments = {
        "options": [f"--image-id={one.upper()}" for one in wanted],
        "without dashes": [f"--image-id={one.replace('-', '')}" for one in wanted],
        "file": ["--image-ids-file", listed],
        "stdin": ["--image-ids-file", "-"],
        "both": ["--image-id", first, "--image-ids-file", listed],
    }[how]

    assert erase("--all", *arguments, stdin=listed.read_text()).code == 0
    others_untouched(sim, before, set(wanted))


@pytest.mark.slow
def test_an_unknown_image_id_is_named_and_the_rest_deleted(sim, erase, both):
    before = state(sim)
    image = max(ids(sim, both[0], "images"))

    dry = erase("--all", "--image-id", image, "--image-id", NOWHERE, "--dry-run")
    ran = erase("--all", "--image-id", image, "--image-id", NOWHERE)

    assert ran.code == dry.code == 3
    assert ran.json["exitCode"] == dry.json["exitCode"] == 3
    assert NOWHERE in ran.err
    assert ran.json["notFound"] == [f"--image-id {NOWHERE}"]
    others_untouched(sim, before, {image})
    assert erase.verified() == 0


@pytest.mark.usefixtures("both")
def test_only_unknown_image_ids(sim, erase):
    before = state(sim)

    ran = erase("--all", "--image-id", NOWHERE)

    assert ran.code == 3
    assert calls(sim) == []
    others_untouched(sim, before, set())


def test_an_image_of_a_project_out_of_scope_is_not_found(sim, erase, both):
    before = state(sim)

    assert erase("--project", "Visitors", "--image-id", max(ids(sim, both[1], "images"))).code == 3
    others_untouched(sim, before, set())


ABSENT = {
    # case: (selectors, exit code, how many values are named as not found)
    "a tag": (["--tag", "alise"], 3, 1),
    "another case": (["--tag", "Alice"], 3, 1),
    "one of two tags": (["--tag", "alice", "--tag", "bobb"], 3, 1),
    "metadata": (["--metadata", "subject=nr-471"], 3, 1),
    "one of two": (["--metadata", "subject=nr-4711", "--metadata", "subject=nr-4713"], 3, 1),
    "another key": (["--metadata", "Subject=nr-4711"], 3, 1),
    "one of two kinds": (["--tag", "alice", "--metadata", "subject=nobody"], 3, 2),
    "a predicted tag": (["--predicted-tag", "alise"], 3, 1),
    "an iteration": (["--iteration", "Iteration 99"], 3, 1),
    "not an id": (["--image-id", "not-an-id"], 2, 0),
}


@pytest.mark.slow
@pytest.mark.usefixtures("unpredicted")
@pytest.mark.parametrize("case", ABSENT)
def test_an_unknown_value_is_named_without_others_values(sim, erase, case):
    arguments, code, absent = ABSENT[case]
    before = state(sim)
    dry = erase("--all", *arguments, "--dry-run")
    assert not list(erase.folder.glob("*.json*"))
    ran = erase("--all", *arguments)
    assert ran.code == dry.code == code
    for others in {"alice", "bob", "nr-4711", "nr-4712"} - {word.partition("=")[2] or word for word in arguments}:
        assert others not in ran.err.replace("bobb", "")
        assert others not in ran.out.replace("bobb", "")
    if code == 3:
        assert len(ran.json["notFound"]) == absent == ran.err.count("Missing: nothing in ")
        assert erase.verified() == 0
    if "alice" not in arguments and "subject=nr-4711" not in arguments:
        assert calls(sim) == []
        others_untouched(sim, before, set())


def test_a_tag_that_no_image_has_is_not_called_unknown(sim, erase):
    project = stock(sim, iterations=0)
    images = sim.store.projects[project].workspace.images
    for one in bearing(sim, project, "alice"):
        del images[one]
    words = ("images", "--all", "--tag", "alice")

    dry, ran = erase(*words, "--dry-run", as_json=False), erase(*words, as_json=False)

    assert (dry.code, ran.code) == (3, 3)
    assert "nothing in images matches --tag alice\n" in dry.out
    assert "Missing: nothing in images matches --tag alice\n" in ran.err
    assert "Error: 1 value matched nothing; " in ran.err
    assert erase.evidence["verdict"] == "nothing matched what was asked for"
    assert "Requested, but no match" in erase.certificate
    assert "nowhere" not in dry.out + ran.out + ran.err
    assert tag_id(sim, project, "alice")


def test_the_hash_of_a_value_is_called_one(sim, erase, tmp_path):
    """A saved plan does not hold what was searched for, so that neither can the command that executes it."""
    stock(sim, iterations=0)
    plan = tmp_path / "plan.json"
    dry = erase("images", "--all", "--metadata", "subject=nr-471", "--dry-run", "--save-plan", plan, as_json=False)
    assert "nothing in images matches --metadata subject=…\n" in dry.out
    short = json.loads(plan.read_text())["scope"]["selectors"][0]["sha256"][:16]
    line = f"nothing in images matches --metadata sha256:{short} (a hash of the value, which plan and"

    ran = erase("--plan", plan, as_json=False)

    assert (ran.code, line in ran.err) == (3, True)
    assert line in erase.cli("verify", plan).out


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("content", ["", "# nothing\n", "kitten\n", None])
def test_an_invalid_list_of_ids_is_refused(sim, erase, tmp_path, content):
    listed = tmp_path / "ids.txt"
    if content is not None:
        listed.write_text(content)

    assert erase("--all", "--image-ids-file", listed).code == 2
    assert sim.calls == []


def test_the_iterations_trained_on_the_images_are_named(sim, erase, unpredicted):
    image = max(of_subject(sim, unpredicted[0], "nr-4711"))
    other = list(sim.store.projects[unpredicted[0]].iterations.values())[1]
    del other.snapshot.images[image]
    trained = ids(sim, unpredicted[0], "iterations") - {other.id}

    shown = erase("--project", "Visitors", "--metadata", "subject=nr-4711", "--dry-run", as_json=False)
    assert erase("--project", "Visitors", "--metadata", "subject=nr-4711").code == 0
    publications = {one.id: one.publish_name for one in sim.store.projects[unpredicted[0]].iterations.values()}

    (project,) = erase.evidence["projects"]
    assert project["publishedHolding"] == {one: publications[one] for one in trained if publications[one]} != {}
    assert set(project["iterationsTrainedOnThem"]) == trained
    assert all(f"not deleted: iteration {one}" in shown.out for one in trained)
    assert other.id not in shown.out


def test_a_subject_only_in_iterations_is_found(sim, erase, unpredicted):
    image = max(of_subject(sim, unpredicted[0], "nr-4711"))
    del sim.store.projects[unpredicted[0]].workspace.images[image]
    before = state(sim)

    ran = erase("--project", "Visitors", "--metadata", "subject=nr-4711")

    assert ran.code == 0
    others_untouched(sim, before, {image})


FAULTS = [
    Fault("DeleteImages", status=500, times=None),
    Fault("DeleteImages", status=400, times=None),
    Fault("DeleteImages", times=None, lie=True),
    Fault("DeleteTag", status=500, times=None),
    Fault("DeleteTag", times=None, lie=True),
    Fault("DeleteImages", status=403, times=None),
    Fault("*", times=None, status=503, match="/images/id"),
    Fault("DeleteImages", status=404, times=1),
]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_other_peoples_data_stays_under_faults(sim, erase, unpredicted, number):
    before = state(sim)
    wanted = set().union(*(everything_of(sim, project, "alice") for project in unpredicted))
    sim.fault(FAULTS[number])

    ran = erase("--all", "--tag", "alice")

    after = state(sim)
    gone = {key[3] for key in before.keys() - after.keys()}
    assert gone <= wanted
    there = {key[3] for key in after if not (key[2] == "tags" and key[1])}
    assert (ran.code == 0) is not bool(wanted & there)
    others_untouched(sim, before, gone)
    assert {one for one, end in erase.states().items() if end == "deleted"} <= gone
    sim.clear_faults()
    if ran.code != 0:
        again = erase("--all", "--tag", "alice")
        assert again.code == 0, again.err
    others_untouched(sim, before, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("selector", ["--tag", "--metadata"])
@pytest.mark.parametrize("planned", [False, True])
def test_an_image_relabelled_since_stays(sim, erase, tmp_path, selector, planned):
    """The workspace labels the image as another person's; an iteration still labels it as alice's."""
    project = stock(sim, predictions=0)
    workspace = sim.store.projects[project].workspace
    victim = next(one for one in workspace.images.values() if one.id in bearing(sim, project, "alice"))
    bob = replace(victim.tags[0], tag_id=tag_id(sim, project, "bob"))
    if selector == "--tag":
        workspace.images[victim.id] = replace(victim, tags=(bob,))
        wanted = everything_of(sim, project, "alice") - {victim.id}
    else:
        wanted = of_subject(sim, project, "nr-4711")
        victim = workspace.images[next(iter(wanted))]
        workspace.images[victim.id] = replace(victim, metadata={"subject": "nr-4712"})
        wanted -= {victim.id}
    before = state(sim)
    arguments = ["--all", selector, "alice" if selector == "--tag" else "subject=nr-4711"]
    dry = erase(*arguments, "--dry-run", "--save-plan", tmp_path / "plan.json", as_json=False)

    ran = erase(*(["--plan", tmp_path / "plan.json"] if planned else arguments))

    assert dry.code == ran.code == 3
    assert f"not in the workspace: image {victim.id}" in dry.out
    assert erase.states("images")[victim.id] == "left"
    assert f"images {victim.id}" in ran.err
    others_untouched(sim, before, wanted)


def test_the_result_names_models_that_were_trained_on_it(sim, erase):
    project = stock(sim)
    holder = sim.store.projects[project]
    image = next(
        one for one in holder.workspace.images if all(one in i.snapshot.images for i in holder.iterations.values())
    )

    ran = erase("images", "--all", "--image-id", image, as_json=False)

    assert ran.code == 0, ran.err
    lines = [line for line in ran.out.splitlines() if line.startswith("still there: ")]
    assert all(project in line for line in lines)
    assert [one for line in lines for one in holder.iterations if one in line] == sorted(holder.iterations)
    assert "published as 'live-visitors'" in "".join(lines)
    assert "not searched: " not in ran.out
