"""What is checked before a plan is executed: its size, protections, and the export that holds all of it."""

import json
import re

import pytest

from custom_vision_simulator import Simulator
from cv_gdpr.archive.bag import Bag
from cv_gdpr.delete.guards import check_size, protected_among, refuse_protected, require_export, require_held
from cv_gdpr.delete.marks import mark
from cv_gdpr.errors import UsageError
from tests.commandline import CommandLine
from tests.delete.direct import service_of
from tests.unit.happening import ENDPOINT, ONE, OTHER, PROJECT, THREE, TWO, scope, selector
from tests.unit.plans import MARK, plan, project

# --- size and protections -----------------------------------------------------------------------------------------

THREE_THINGS = plan(project(rows={"images": {ONE: MARK, TWO: MARK}}, along={"images": {THREE: MARK}}))


@pytest.mark.parametrize("most", [None, 3, 4])
def test_a_plan_of_the_allowed_size_passes(most):
    check_size(THREE_THINGS, most)


@pytest.mark.parametrize("most", [0, 2])
def test_a_plan_that_is_too_large_is_refused(most):
    with pytest.raises(UsageError, match=f"would delete 3 items, more than --max-delete {most}$") as refused:
        check_size(THREE_THINGS, most)
    assert refused.value.hint == "nothing was deleted"


ENTRIES = [{"id": PROJECT, "name": "Visitors"}, {"id": OTHER, "name": "Strangers"}, {"id": ONE, "name": "Visitors"}]


@pytest.mark.parametrize(
    ("protect", "found"),
    [
        ((), set()),
        (("Visitors",), {PROJECT, ONE}),
        (("Strangers", "Visitors"), {PROJECT, OTHER, ONE}),
        ((OTHER.upper(),), {OTHER}),
    ],
    ids=["none", "a name", "two names", "an id"],
)
def test_which_projects_a_protection_means(protect, found):
    assert protected_among(ENTRIES, protect) == found


def test_a_protection_of_nothing_is_refused():
    with pytest.raises(UsageError, match="protected project 'Guests' is not in") as refused:
        protected_among(ENTRIES, ("Visitors", "Guests"))
    assert "--protect, or protect in the profile" in refused.value.hint
    assert protected_among(ENTRIES, ("Guests", "Visitors"), known=False) == {PROJECT, ONE}


@pytest.fixture(scope="module")
def running():
    """A service with two projects, their ids, and a client of it."""
    with Simulator() as sim, service_of(sim) as service:
        yield sim, sim.fill(projects=2, images=1, image_bytes=1, iterations=0, predictions=0), service


def test_a_protected_project_is_not_deleted(running):
    sim, (first, second), service = running
    planned = plan(project(first))
    refuse_protected(service, planned, (second,))
    with pytest.raises(UsageError, match=f"project {first} is in the plan, and protected") as refused:
        refuse_protected(service, planned, (second, first))
    assert refused.value.hint == "nothing was deleted"
    sim.calls.clear()
    refuse_protected(service, planned, ())
    assert sim.calls == []


# --- the export -------------------------------------------------------------------------------------------------

FOLDER = f"Visitors-{PROJECT}"
IMAGE = {"id": ONE, "tags": [{"tagId": THREE, "tagName": "alice"}], "originalImageUri": f"https://h/{ONE}?sig=x"}
TAG = {"id": ONE, "name": "alice"}
ITERATION = {"id": TWO, "name": "first", "publishName": "live"}
MODEL = {"platform": "ONNX", "status": "Done", "downloadUri": "https://h/model?sig=x"}
ENTRY = {"id": PROJECT, "name": "Visitors"}
BYTES = {"blob": f"images/{ONE}", "source": f"/{ONE}"}
MODEL_BYTES = {"blob": f"exported-models/{TWO}/ONNX", "source": "/model"}

AGAIN = "export again, then delete; nothing was deleted"
ROWS = ("tags", "images", "iterations", "performance", "exports", "projects")


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.fixture
def bag(tmp_path):
    """Return a bag of one project that holds these lists, and those `inside` its iteration; `rows` were exported."""

    def make(rows=ROWS, inside=None, **lists):
        summary = {"endpoint": ENDPOINT, "rows": dict.fromkeys(rows), "projects": [{"id": PROJECT, "folder": FOLDER}]}
        place = tmp_path / "data" / FOLDER
        (place / "iterations" / TWO).mkdir(parents=True)
        (tmp_path / "data" / "export.json").write_text(json.dumps(summary))
        (tmp_path / "bag-info.txt").write_text(f"Source-Endpoint: {ENDPOINT}\n")
        write(tmp_path / "data" / "projects.jsonl", [ENTRY])
        write(tmp_path / "data" / "account.json", [{"userName": "x"}])
        for name, records in lists.items():
            write(place / f"{name}.jsonl", records)
        for name, records in (inside or {}).items():
            write(place / "iterations" / TWO / f"{name}.jsonl", records)
        return Bag(tmp_path)

    return make


def lacking(bag, planned):
    """Return how many things of a plan a bag does not hold, and the first of them."""
    try:
        require_held(planned, bag)
    except UsageError as error:
        told = re.fullmatch(
            r"--require-export (.*) does not hold (\d+) items of the plan as they are now, the first: (.*)",
            error.message,
        )
        return (int(told[2]), told[3]) if (told[1], error.hint) == (str(bag.folder), AGAIN) else error
    return None


def images(**records):
    return plan(project(rows={"images": {identity: mark(IMAGE | more) for identity, more in records.items()}}))


def test_what_is_held_unchanged_may_go(bag):
    held = bag(images=[IMAGE], files=[BYTES], tags=[TAG], iterations=[ITERATION])
    rows = {"images": {ONE: mark(IMAGE)}, "tags": {ONE: mark(TAG)}, "iterations": {TWO: mark(ITERATION)}}
    whole = {"projects": {PROJECT: mark(ENTRY)}}
    assert lacking(held, plan(project(rows=rows | whole))) is None


@pytest.mark.parametrize("part", ["rows", "along"])
def test_what_changed_since_is_not_held(bag, part):
    held = bag(images=[IMAGE], files=[BYTES])
    assert lacking(held, plan(project(**{part: {"images": {ONE: MARK}}}))) == (1, f"images {ONE}")
    assert lacking(held, plan(project(losing_tags={ONE: MARK}))) == (1, f"images {ONE}")
    assert lacking(held, plan(project(losing_tags={ONE: mark(IMAGE)}))) is None


def test_an_image_without_its_bytes_is_not_held(bag):
    two = IMAGE | {"id": TWO, "originalImageUri": f"https://h/{TWO}"}
    held = bag(images=[IMAGE, two], files=[{"blob": f"images/{TWO}", "source": f"/{TWO}"}])
    planned = plan(project(rows={"images": {ONE: mark(IMAGE), TWO: mark(two)}}))
    assert lacking(held, planned) == (1, f"images {ONE}")


def test_an_image_without_one_of_two_files_is_not_held(bag):
    both = IMAGE | {"resizedImageUri": f"https://h/small/{ONE}?sig=y"}
    planned = plan(project(rows={"images": {ONE: mark(both)}}))
    assert lacking(bag(images=[both], files=[BYTES]), planned) == (1, f"images {ONE}")


def test_the_same_id_elsewhere_is_not_held(bag):
    held = bag(tags=[TAG], images=[], files=[])
    assert lacking(held, plan(project(rows={"images": {ONE: mark(TAG)}}))) == (1, f"images {ONE}")
    assert lacking(held, plan(project(OTHER, rows={"tags": {ONE: mark(TAG)}}))) == (1, f"tags {ONE}")


def test_all_that_is_not_held_is_counted(bag):
    planned = plan(project(rows={"tags": {TWO: MARK, ONE: mark(TAG), THREE: MARK}}), project(OTHER, models=["i/ONNX"]))
    assert lacking(bag(tags=[TAG]), planned) == (3, f"tags {TWO}")


def test_an_iteration_may_be_unpublished_since(bag):
    held = bag(iterations=[ITERATION, {"id": THREE, "publishName": None}])
    since = mark(ITERATION | {"publishName": None})
    assert lacking(held, plan(project(rows={"iterations": {TWO: since}}))) is None
    other = mark(ITERATION | {"publishName": "other"})
    assert lacking(held, plan(project(rows={"iterations": {TWO: other}}))) == (1, f"iterations {TWO}")


def test_only_an_iteration_may_be_unpublished_since(bag):
    published = TAG | {"publishName": "live"}
    planned = plan(project(rows={"tags": {ONE: mark(published | {"publishName": None})}}))
    assert lacking(bag(tags=[published]), planned) == (1, f"tags {ONE}")


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("by_tag", [True, False])
def test_names_of_tags_count_only_where_a_tag_selected(bag, by_tag, names):
    selected = scope(selectors=[selector(matched=True, name="--tag" if by_tag else "--metadata")], salt="s")
    planned = plan(project(rows={"images": {ONE: mark(IMAGE, names=names)}}), scope=selected)
    found = lacking(bag(images=[IMAGE], files=[BYTES]), planned)
    assert found == ((1, f"images {ONE}") if names and not by_tag else None)


@pytest.fixture
def with_model(bag):
    """Return a bag with one iteration's model, whose bytes are there or not."""

    def make(record, *, there=True):
        return bag(inside={"exports": [record]}, files=[MODEL_BYTES] * there)

    return make


@pytest.mark.parametrize(
    ("record", "there", "found"),
    [
        (MODEL, True, None),
        (MODEL | {"newerVersionAvailable": True}, True, None),
        (MODEL, False, (1, f"exports {TWO}/ONNX")),
        (MODEL | {"status": "Exporting", "downloadUri": None}, True, (1, f"exports {TWO}/ONNX")),
    ],
    ids=["held", "other fields", "without bytes", "not done"],
)
def test_a_model_needs_no_mark_but_its_bytes(with_model, record, there, found):
    assert lacking(with_model(record, there=there), plan(project(models=[f"{TWO}/ONNX"]))) == found


def test_a_model_that_is_not_done_hides_no_other(bag):
    unfinished = {"platform": "CoreML", "status": "Exporting"}
    held = bag(inside={"exports": [unfinished, MODEL]}, files=[MODEL_BYTES])
    assert lacking(held, plan(project(models=[f"{TWO}/ONNX"]))) is None


def test_details_are_not_the_things_themselves(bag):
    held = bag(**{"tag-details": [TAG]}, zoo=[TAG], tags=[])
    assert lacking(held, plan(project(rows={"tags": {ONE: mark(TAG)}}))) == (1, f"tags {ONE}")


def test_an_image_of_an_iteration_is_held(bag):
    held = bag(inside={"images": [IMAGE]}, files=[BYTES])
    assert lacking(held, images(**{ONE: {}})) is None


@pytest.mark.parametrize(
    ("rows", "exported", "passes"),
    [
        ({"iterations": {TWO: mark(ITERATION)}}, ("iterations", "exports"), False),
        ({"iterations": {TWO: mark(ITERATION)}}, ("iterations", "exports", "performance"), True),
        ({"iterations": {}}, ("iterations",), True),
        ({"tags": {ONE: mark(TAG)}}, ("tags",), True),
    ],
    ids=["lost with them", "exported", "nothing goes", "nothing with them"],
)
def test_what_goes_with_them_must_be_exported(bag, rows, exported, passes):
    held = bag(exported, iterations=[ITERATION], tags=[TAG])
    planned = plan(project(OTHER), project(rows=rows))
    if passes:
        require_held(planned, held)
        return
    with pytest.raises(UsageError, match="does not hold the iterations' performance, which goes") as refused:
        require_held(planned, held)
    assert refused.value.hint == "export again, with the row performance; nothing was deleted"


def test_a_bag_of_another_endpoint_is_refused(bag):
    with pytest.raises(UsageError, match=f"is of another endpoint: {re.escape(ENDPOINT)}"):
        require_held(plan(project(), endpoint="https://other"), bag())


# --- the folder -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(running, tmp_path_factory):
    """The folder of a finished export of that service."""
    sim, *_ = running
    folder = tmp_path_factory.mktemp("bag") / "out"
    assert CommandLine(sim.endpoint, sim.training_key)("export", "--all", "--out", folder).code == 0
    return folder


def test_a_file_is_not_an_export(tmp_path):
    with pytest.raises(UsageError, match=re.escape(f"--require-export {tmp_path / 'x'} is not a folder")) as refused:
        require_export(plan(), tmp_path / "x")
    assert refused.value.hint == "name the folder of a finished export"


def test_an_export_that_differs_is_not_proved(exported, running):
    sim, *_ = running
    require_export(plan(endpoint=sim.endpoint), exported)
    with pytest.raises(UsageError, match="is of another endpoint"):
        require_export(plan(), exported)
    extra = exported / "data" / "extra"
    extra.write_text("")
    with pytest.raises(UsageError, match=r"--require-export .*out is not proved: data/extra: ") as refused:
        require_export(plan(endpoint=sim.endpoint), exported)
    assert refused.value.hint == "nothing was deleted"
    extra.unlink()
