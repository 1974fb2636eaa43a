"""Only what was shown is deleted: selected items, their project and the protections are read again first."""

import uuid
from dataclasses import replace

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.catalogue import faults
from tests.delete.erasing import calls, ids, others_untouched, state, stock, tag_id, typed

pytestmark = pytest.mark.slow

REFUSALS = {
    "400": {"status": 400},
    "404": {"status": 404},
    "413": {"status": 413},
    "414": {"status": 414},
    "431": {"status": 431},
    "an empty list": {"body": []},
}


def relabel(sim, project, subject="eve"):
    """Label everything of nr-4711 as another subject's, in the workspace and in every iteration."""
    holder = sim.store.projects[project]
    for snapshot in (holder.workspace, *(one.snapshot for one in holder.iterations.values())):
        for one in list(snapshot.images.values()):
            if one.metadata.get("subject") == "nr-4711":
                snapshot.images[one.id] = replace(one, metadata={"subject": subject})


def subject_images(sim, project):
    holder = sim.store.projects[project]
    places = [holder.workspace, *(one.snapshot for one in holder.iterations.values())]
    return {one.id for place in places for one in place.images.values() if one.metadata.get("subject") == "nr-4711"}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_items_not_returned_again_stay_and_are_named(sim, erase, refusal):
    project = stock(sim)
    wanted, before = subject_images(sim, project), state(sim)
    sim.fault(Fault("GetImagesByIds", times=None, **REFUSALS[refusal]))

    ran = erase("images", "--all", "--metadata", "subject=nr-4711")

    assert ran.code == 3
    others_untouched(sim, before, set())
    assert calls(sim) == []
    assert {one for one, end in erase.states().items() if end == "left"} == wanted
    assert all(f"images {one}" in ran.err for one in wanted)
    assert "did not return it again" in ran.err


def test_a_batch_that_is_too_long_is_read_in_parts(sim, erase):
    project = stock(sim, images=40)
    holder = sim.store.projects[project]
    for one in list(holder.workspace.images.values()):
        holder.workspace.images[one.id] = replace(one, metadata={"subject": "nr-4711"})
    long_query = "%2C".join(["x" * 36] * 8)
    sim.faults.take = _refusing_long_queries(sim.faults.take, len(long_query))

    ran = erase("images", "--all", "--metadata", "subject=nr-4711")

    assert ran.code == 0, ran.err
    assert not holder.workspace.images
    asked = [len(call.query["imageIds"].split(",")) for call in calls(sim, "GetImagesByIds") if call.status == 200]
    assert max(asked) <= 8


def _refusing_long_queries(take, most):
    def refuse(operation, method, target):
        if operation in {"GetImagesByIds", "DeleteImages"} and len(target.partition("imageIds=")[2]) > most:
            return Fault(operation, status=414)
        return take(operation, method, target)

    return refuse


def test_images_relabelled_while_the_question_waits_stay(sim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project = stock(sim)

    selected = ["images", "--all", "--metadata", "subject=nr-4711"]
    code, _, err = asked(sim, *selected, meanwhile=lambda: relabel(sim, project))

    assert code == 3, err
    assert calls(sim) == []
    assert len(ids(sim, project, "images")) == 8


@pytest.mark.parametrize("refusal", REFUSALS)
def test_relabelled_images_stay_where_they_cannot_be_read_by_id(sim, erase, tmp_path, refusal):
    project = stock(sim)
    sim.fault(Fault("GetImagesByIds", times=None, **REFUSALS[refusal]))

    selected = ["images", "--all", "--metadata", "subject=nr-4711"]
    assert erase(*selected, "--dry-run", "--save-plan", tmp_path / "plan.json").code == 0
    relabel(sim, project)
    ran = erase("--plan", tmp_path / "plan.json")

    assert ran.code == 3, ran.err
    assert calls(sim) == []
    assert len(ids(sim, project, "images")) == 8


def asked(sim, *arguments, meanwhile):
    """Run a deletion on a terminal, and change something while the question waits."""
    answer = sim.endpoint.removeprefix("http://")
    return typed(sim, *arguments, "--evidence", "e.json", answers=[answer], meanwhile=meanwhile)


def test_an_image_only_in_an_iteration_is_read_there(sim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project = stock(sim)
    holder = sim.store.projects[project]
    for one in subject_images(sim, project):
        holder.workspace.images.pop(one, None)

    selected = ["images", "--all", "--metadata", "subject=nr-4711"]
    code, _, err = asked(sim, *selected, meanwhile=lambda: relabel(sim, project))

    assert code == 3, err
    assert "changed after it was planned" in err
    assert calls(sim) == []


def test_an_unchanged_image_only_in_an_iteration_is_deleted(sim, erase):
    project = stock(sim)
    holder = sim.store.projects[project]
    wanted = subject_images(sim, project)
    for one in wanted:
        holder.workspace.images.pop(one, None)

    assert erase("images", "--all", "--metadata", "subject=nr-4711").code == 0
    assert erase.states() == dict.fromkeys(wanted, "deleted")
    assert not subject_images(sim, project)


@pytest.mark.parametrize("saved", [True, False])
def test_a_project_that_is_not_listed_again_stays(sim, erase, tmp_path, monkeypatch, saved):
    monkeypatch.chdir(tmp_path)
    project = stock(sim)
    before = state(sim)
    unlisted = Fault("GetProjects", body=[])

    if saved:
        erase("--all", "--save-plan", "plan.json", "--dry-run", confirmed=False)
        sim.fault(unlisted)
        ran = erase("--plan", "plan.json")
        code, err = ran.code, ran.err
    else:
        code, _, err = asked(sim, "--all", meanwhile=lambda: sim.fault(unlisted))

    assert code == 3, err
    assert f"projects {project}" in err
    assert "not listed any more" in err
    assert calls(sim) == []
    others_untouched(sim, before, set())


def test_a_tag_that_is_not_listed_again_stays(sim, erase):
    project = stock(sim, iterations=0)
    tag = tag_id(sim, project, "alice")
    sim.fault(Fault("GetTags", body=[], after=1))  # the first list makes the plan

    assert erase("tags", "--all", "--tag", "alice").code == 3
    assert tag in sim.store.projects[project].workspace.tags
    assert erase.states("tags") == {tag: "left"}


def _at_first(take, wanted, act):
    """Call `act` before the first request of an operation is answered."""
    waiting = [act]

    def watching(operation, method, target):
        if operation == wanted and waiting:
            waiting.pop()()
        return take(operation, method, target)

    return watching


def test_a_selected_tag_renamed_meanwhile_stays(sim, erase):
    project = stock(sim)
    tag, workspace = tag_id(sim, project, "alice"), sim.store.projects[project].workspace

    def rename():
        workspace.tags[tag] = replace(workspace.tags[tag], name="another person")

    # After the plan, GetImagesByIds reads the images again, before the tags.
    sim.faults.take = _at_first(sim.faults.take, "GetImagesByIds", rename)
    ran = erase("--all", "--tag", "alice")

    assert ran.code == 3
    assert tag in workspace.tags
    assert erase.states("tags") == {tag: "left"}


@pytest.mark.parametrize("saved", [True, False])
def test_images_stay_if_their_tags_swapped_names_meanwhile(sim, erase, tmp_path, monkeypatch, saved):
    monkeypatch.chdir(tmp_path)
    project = stock(sim)
    workspace, held = sim.store.projects[project].workspace, ids(sim, project, "images")
    alice, bob = (tag_id(sim, project, name) for name in ("alice", "bob"))

    def exchange():
        workspace.tags[alice] = replace(workspace.tags[alice], name="bob")
        workspace.tags[bob] = replace(workspace.tags[bob], name="alice")

    selected = ["images", "--all", "--tag", "alice"]
    if saved:
        erase(*selected, "--save-plan", "plan.json", "--dry-run", confirmed=False)
        exchange()
        code = erase("--plan", "plan.json").code
    else:
        code, _, _ = asked(sim, *selected, meanwhile=exchange)

    assert code == 3
    assert calls(sim) == []
    assert ids(sim, project, "images") == held


def test_tags_on_more_regions_than_planned_stay(sim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (project,) = sim.fill(images=6, regions=1, tags=2, image_bytes=64)
    workspace = sim.store.projects[project].workspace
    one = next(iter(workspace.images.values()))
    (region,) = one.regions

    def draw():
        more = tuple(replace(region, id=str(uuid.uuid4())) for _ in range(5))
        workspace.images[one.id] = replace(one, regions=(region, *more))

    code, _, err = asked(sim, "tags", "--all", meanwhile=draw)

    assert code == 3
    assert "with 6 regions" in err
    assert region.tag_id in workspace.tags
    assert len(workspace.tags) == 1
    assert len(workspace.images[one.id].regions) == 6


def test_another_order_of_tags_or_regions_is_not_a_change(sim, erase):
    (project,) = sim.fill(images=4, image_bytes=64, regions=3, tags=2, iterations=1)
    workspace = sim.store.projects[project].workspace
    second = list(workspace.tags)[1]
    for one in list(workspace.images.values()):
        more = replace(one.tags[0], tag_id=second)
        workspace.images[one.id] = replace(one, tags=(*one.tags, more), metadata={"subject": "bob"})

    (fault,) = faults("by-ids-reordered")
    sim.fault(fault)
    before = set(workspace.images)

    assert erase("images", "--all", "--metadata", "subject=bob").code == 0
    assert erase.states() == dict.fromkeys(before, "deleted")


@pytest.mark.parametrize(
    "where", ["--protect", "CV_GDPR_PROTECT", "CV_GDPR_DELETE_PROTECT", "CV_GDPR_DELETE_TAGS_PROTECT"]
)
@pytest.mark.parametrize("also", ["--protect", "CV_GDPR_PROTECT", "CV_GDPR_DELETE_PROTECT"])
def test_protections_add_up(sim, erase, where, also):
    mine, other, third = (stock(sim, name) for name in ("Visitors", "Strangers", "Others"))
    before = state(sim)
    gone = ids(sim, third, "tags")
    words, variables = [], {}
    for place, name in ((where, "Visitors"), (also, "Strangers")):
        if place == "--protect":
            words += ["--protect", name]
        else:
            variables[place] = f"{variables[place]}\n{name}" if place in variables else name

    ran = erase("tags", "--all", *words, **variables)

    assert ran.code == 0, ran.err
    assert set(ran.json["protected"]) == {mine, other}
    others_untouched(sim, before, gone)


@pytest.mark.parametrize("saved", [True, False])
def test_a_project_protected_before_the_deletion_stays(sim, erase, tmp_path, saved):
    mine, other, reference = (stock(sim, name) for name in ("Visitors", "Strangers", "Reference"))
    before = state(sim)
    gone = ids(sim, other, "predictions")

    def swap():
        one, two = sim.store.projects[mine], sim.store.projects[reference]
        one.name, two.name = two.name, one.name

    if saved:
        plan = tmp_path / "plan.json"
        words = ["predictions", "--all", "--protect", "Reference"]
        assert erase(*words, "--dry-run", "--save-plan", plan).code == 0
        sim.faults.take = _at_nth(sim.faults.take, "GetProjects", 2, swap)
        ran = erase("--plan", plan, "--protect", "Reference")
    else:
        sim.faults.take = _at_nth(sim.faults.take, "GetProjects", 2, swap)
        ran = erase("predictions", "--all", "--protect", "Reference")

    assert ran.code == 3, ran.err
    swap()
    others_untouched(sim, before, gone)
    assert "protected" in ran.err


def _at_nth(take, wanted, number, act):
    seen = []

    def watching(operation, method, target):
        if operation == wanted:
            seen.append(target)
            if len(seen) == number:
                act()
        return take(operation, method, target)

    return watching


def test_unreadable_protections_stop_the_deletion(sim, erase):
    stock(sim), stock(sim, "Reference")
    before = state(sim)
    sim.fault(Fault("GetProjects", status=500, times=None, after=1))

    ran = erase("--all", "--protect", "Reference")

    assert ran.code == 3
    assert calls(sim) == []
    others_untouched(sim, before, set())


def test_a_resumed_run_knows_which_iterations_held_an_image(sim, erase):
    project = stock(sim)
    held = ids(sim, project, "iterations")
    sim.fault(Fault("DeleteImages", done=True, status=401))  # the images are deleted, and the run ends

    assert erase("images", "--all", "--metadata", "subject=nr-4711", evidence="e.json").code == 5
    (event,) = [one for one in erase.ledger if one["event"] == "held"]

    assert set(event["iterations"]) == held
    assert {one for ids in event["iterations"].values() for one in ids} == set(erase.states())


def test_a_subject_relabelled_in_an_iteration_is_found(sim, erase):
    project = stock(sim)
    for iteration in sim.store.projects[project].iterations.values():
        for one in list(iteration.snapshot.images.values()):
            iteration.snapshot.images[one.id] = replace(one, metadata={})

    ran = erase("images", "--all", "--metadata", "subject=nr-4711", "--dry-run")

    (planned,) = ran.json["projects"]
    assert set(planned["iterationsHolding"]) == ids(sim, project, "iterations")


def test_a_tag_in_use_shows_which_images_lose_it(sim, erase):
    (project,) = sim.fill(images=6, image_bytes=64, regions=2, tags=2, untagged=1)
    stock(sim, "Others")

    ran = erase("tags", "--project", project, "--dry-run")

    (planned,) = ran.json["projects"]
    assert set(planned["losingTags"]) == {
        one.id for one in sim.store.projects[project].workspace.images.values() if one.tags
    }
    assert planned["losingRegions"] == 10
    assert (
        "5 images of the workspace, with 10 regions, will lose"
        in erase("tags", "--project", project, "--dry-run", as_json=False).out
    )
    assert erase("tags", "--project", project, "--tag", "tag 1", "--dry-run").json["projects"][0]["losingRegions"] == 4


def test_images_deleted_with_their_iterations_count(sim, erase):
    project = stock(sim)
    only_there = ids(sim, project, "images") - set(sim.store.projects[project].workspace.images)
    before = state(sim)
    assert len(only_there) == 1

    ran = erase("iterations", "--all", "--max-delete", "2")
    assert ran.code == 2
    assert "3 items" in ran.err
    others_untouched(sim, before, set())
    ran = erase("iterations", "--all", "--max-delete", "3", evidence="e.json")

    assert ran.code == 0
    assert erase.states("images") == dict.fromkeys(only_there, "deleted")
    assert calls(sim, "DeleteImages") == []
    assert erase.verified() == 0


def test_an_image_stays_with_an_iteration_that_stays(sim, erase):
    project = stock(sim)
    busy = next(reversed(sim.store.projects[project].iterations.values()))
    busy.status = "Training"
    (only_there,) = ids(sim, project, "images") - set(sim.store.projects[project].workspace.images)

    ran = erase("iterations", "--all", wait="0.1")

    assert ran.code == 3
    assert erase.states("images") == {only_there: "left"}
    assert "its iteration is still there" in ran.err


def test_an_iteration_with_more_images_after_training_stays(sim, erase):
    project = stock(sim)
    holder = sim.store.projects[project]
    busy = next(reversed(holder.iterations.values()))
    busy.status = "Training"
    moved = next(one for one in holder.workspace.images if one in busy.snapshot.images)
    lists = iter(range(100))

    def meanwhile():
        if next(lists) == 4:  # two for the plan, two for the wait
            del holder.workspace.images[moved]
            busy.status = "Completed"

    sim.faults.take = _at_each(sim.faults.take, "GetIterations", meanwhile)
    ran = erase("iterations", "--all", wait="10")

    assert ran.code == 3, ran.err
    assert "now holds images that exist nowhere else" in ran.err
    assert moved in ids(sim, project, "images")


def _at_each(take, wanted, act):
    """Call `act` before each request of an operation is answered."""

    def watching(operation, method, target):
        if operation == wanted:
            act()
        return take(operation, method, target)

    return watching


def test_an_image_also_in_the_workspace_stays(sim, erase):
    project = stock(sim, iterations=1)
    holder = sim.store.projects[project]
    (iteration,) = holder.iterations.values()
    (only_there,) = set(iteration.snapshot.images) - set(holder.workspace.images)
    holder.workspace.images[only_there] = iteration.snapshot.images[only_there]

    (planned,) = erase("iterations", "--all", "--dry-run").json["projects"]

    assert planned["along"] == {}


def test_an_iteration_with_more_images_than_planned_stays(sim, erase, tmp_path):
    project = stock(sim)
    plan = tmp_path / "plan.json"
    assert erase("iterations", "--all", "--dry-run", "--save-plan", plan).code == 0
    holder = sim.store.projects[project]
    del holder.workspace.images[next(iter(holder.workspace.images))]
    before = state(sim)

    ran = erase("--plan", plan)

    assert ran.code == 3
    others_untouched(sim, before, set())
    assert set(erase.states("iterations").values()) == {"left"}
    assert "now holds images that exist nowhere else" in ran.err


def test_a_tag_on_more_images_than_planned_stays(sim, erase, tmp_path):
    project = stock(sim)
    plan = tmp_path / "plan.json"
    assert erase("tags", "--all", "--dry-run", "--save-plan", plan).code == 0
    workspace = sim.store.projects[project].workspace
    tag = tag_id(sim, project, "alice")
    bare = next(one for one in workspace.images.values() if not one.tags)
    tagged = next(one for one in workspace.images.values() if one.tags)
    workspace.images[bare.id] = replace(bare, tags=(replace(tagged.tags[0], tag_id=tag),))
    before = state(sim)
    others = ids(sim, project, "tags") - {tag}

    ran = erase("--plan", plan)

    assert ran.code == 3
    others_untouched(sim, before, others)
    assert erase.states("tags")[tag] == "left"
