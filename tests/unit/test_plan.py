"""A plan as a record and as a file: what it counts, its hash, and what is refused as a plan."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from cv_gdpr.delete.marks import canonical
from cv_gdpr.delete.plan import FORMAT, copies_outside, load_plan, plan_bytes, save_plan
from cv_gdpr.errors import StorageError, UsageError
from cv_gdpr.evidence.records import ByHand, as_json
from tests.platforms import WINDOWS, is_private, posix
from tests.unit.happening import ENDPOINT, ONE, OTHER, PROJECT, THREE, TWO, scope, selector
from tests.unit.plans import MARK, plan, project

WHERE = Path("p.json")


def refusal(act, *arguments):
    with pytest.raises(UsageError) as refused:
        act(*arguments)
    return refused.value.message, refused.value.hint


# --- what it counts -----------------------------------------------------------------------------------------------

SOME = project(
    rows={"images": {ONE: MARK, TWO: MARK}, "tags": {THREE: MARK}, "predictions": {}},
    along={"images": {OTHER: MARK}},
    places={TWO: THREE},
)


def test_what_a_project_would_lose():
    assert SOME.total == 4
    assert SOME.only_in_iterations == 2
    assert SOME.planned() == {"images": [ONE, TWO, OTHER], "tags": [THREE]}
    beside = project(rows={"tags": {ONE: MARK}}, along={"images": {TWO: MARK}})
    assert (beside.total, beside.only_in_iterations) == (2, 1)
    assert beside.planned() == {"tags": [ONE], "images": [TWO]}
    both = project(rows={"images": {ONE: MARK}}, along={"images": {TWO: MARK}})
    assert (both.total, both.planned()) == (2, {"images": [ONE, TWO]})
    assert (project().total, project().only_in_iterations, project().planned()) == (0, 0, {})
    assert plan(SOME, beside, project()).total == 6


@pytest.mark.parametrize(
    ("selectors", "by_tag"),
    [([], False), (["--metadata"], False), (["--metadata", "--tag"], True), (["--tag"], True)],
    ids=["none", "metadata", "both", "tag"],
)
def test_whether_tags_selected(selectors, by_tag):
    hashed = [selector(matched=True, name=name) for name in selectors]
    assert plan(scope=scope(selectors=hashed, salt="s")).by_tag is by_tag


COPIES = {"notificationQueueUri": "https://q", "exportModelContainerUri": "https://c"}


def test_what_the_service_copies_elsewhere():
    assert copies_outside({PROJECT: COPIES, OTHER: {"more": "https://m"}}) == [
        ByHand(row="exports", words=f"project {one}: outside this API, so delete what is there yourself")
        for one in (
            f"{PROJECT} sends messages about its trainings and exports to the queue https://q (notificationQueueUri)",
            f"{PROJECT} writes copies of its exported models to the container https://c (exportModelContainerUri)",
            f"{OTHER} writes to https://m (more)",
        )
    ]
    with_copies = project(rows={"tags": {ONE: MARK}}, copies_outside=COPIES)
    assert plan(with_copies, project(OTHER, copies_outside=COPIES)).copies == copies_outside({PROJECT: COPIES})


def test_the_hash_is_that_of_the_canonical_json():
    one = plan(SOME)
    assert one.body() == as_json(one)
    assert one.body()["format"] == FORMAT
    assert one.hash == hashlib.sha256(canonical(one.body())).hexdigest()
    assert one.hash != plan(SOME, tool="other").hash


# --- the file ---------------------------------------------------------------------------------------------------

WHOLE = plan(
    project(
        whole=True,
        mark=MARK,
        rows={"images": {ONE: MARK}, "projects": {PROJECT: MARK}},
        along={"tags": {TWO: MARK}},
        losing_tags={THREE: MARK},
        losing_regions=2,
        published={TWO: "live"},
        places={ONE: TWO},
        held={TWO: [ONE]},
        disputed=[ONE],
        exported_models=3,
        models=[f"{TWO}/ONNX"],
        iterations_holding=[TWO],
        copies_outside=COPIES,
    ),
    project(OTHER, rows={row: {} for row in ("projects", "iterations", "images", "tags", "predictions")}),
)


def test_a_saved_plan_is_loaded_again(tmp_path):
    path = tmp_path / "plan.json"
    save_plan(WHOLE, path)
    text = path.read_text()
    told = json.loads(text)
    assert told == WHOLE.body() | {"hash": WHOLE.hash}
    assert text == json.dumps(told, indent=2) + "\n"
    assert is_private(path)
    assert load_plan(path, plan_bytes(path), ENDPOINT) == WHOLE


def test_a_saved_plan_replaces_nothing(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text("mine")
    assert refusal(save_plan, WHOLE, path) == (f"--save-plan {path} exists", "name a new file")
    assert path.read_text() == "mine"
    assert refusal(save_plan, WHOLE, Path("/")) == (f"--save-plan {os.sep} names no file", "name a new file")
    with pytest.raises(StorageError, match="cannot write"):
        save_plan(WHOLE, tmp_path / "missing" / "plan.json")


def content_of(change, *, rehashed=True):
    """Return the content of a plan's file after a change of its JSON; `rehashed`, as a forger would."""
    body = json.loads(json.dumps(WHOLE.body()))
    change(body)
    sealed = hashlib.sha256(canonical(body)).hexdigest() if rehashed else WHOLE.hash
    return json.dumps(body | {"hash": sealed}).encode()


NOT_A_PLAN = f"--plan {WHERE} is not a plan of cv-gdpr"
ALTERED = f"--plan {WHERE} was altered after it was made"
UNKNOWN = f"--plan {WHERE} is not a plan that this version understands"
REFUSED = {
    "text": (b"x", f"--plan {WHERE}: not JSON"),
    "a key twice": (b'{"a":1,"a":1}', f"--plan {WHERE}: an object has a key twice"),
    "a list": (b"[]", NOT_A_PLAN),
    "another object": (b"{}", NOT_A_PLAN),
    "another format": (content_of(lambda body: body.update(format="cv-gdpr-plan/2")), NOT_A_PLAN),
    "much too deep": (b"[" * 200_000, f"--plan {WHERE}: not JSON"),
    "altered": (content_of(lambda body: body.update(protected=["x"]), rehashed=False), ALTERED),
    "without a hash": (json.dumps(WHOLE.body()).encode(), ALTERED),
    "another endpoint": (
        content_of(lambda body: body.update(endpoint="https://other")),
        f"--plan {WHERE} is of another endpoint: https://other",
    ),
    "a field more": (content_of(lambda body: body.update(more=1)), UNKNOWN),
    "another type": (content_of(lambda body: body.update(projects={})), UNKNOWN),
    "a field less": (content_of(lambda body: body["projects"][0].pop("losingRegions")), UNKNOWN),
    "a project twice": (content_of(lambda body: body["projects"].append(body["projects"][0])), UNKNOWN),
    "a row that stays": (content_of(lambda body: body["projects"][1]["rows"].update(exports={})), UNKNOWN),
    "a row that stays, along": (content_of(lambda body: body["projects"][1]["along"].update(account={})), UNKNOWN),
    "an item twice": (
        content_of(lambda body: body["projects"][0]["along"].update(body["projects"][0]["rows"])),
        UNKNOWN,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_a_plan_of_this_endpoint(name):
    content, message = REFUSED[name]
    hint = "make a new one with --dry-run --save-plan" if message == ALTERED else None
    assert refusal(load_plan, WHERE, content, ENDPOINT) == (message, hint)


def test_no_depth_of_a_plan_ends_in_a_traceback():
    messages = set()
    for depth in (*range(850, 1001), 200_000):
        nested = b'{"format":"cv-gdpr-plan/1","x":' + b"[" * depth + b"]" * depth + b"}"
        messages.add(refusal(load_plan, WHERE, nested, ENDPOINT)[0])
    # Python 3.13 takes a thousand levels.
    assert {f"--plan {WHERE}: not JSON"} < messages <= {ALTERED, NOT_A_PLAN, f"--plan {WHERE}: not JSON"}


def test_a_plan_that_only_looks_changed_is_loaded():
    assert load_plan(WHERE, content_of(lambda _: None), ENDPOINT) == WHOLE


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    missing = tmp_path / "missing"
    assert refusal(plan_bytes, missing)[0].startswith(f"--plan {missing}: {'' if WINDOWS else 'No such file'}")
    assert refusal(plan_bytes, tmp_path)[0] == f"--plan {tmp_path}: Is a directory"


@posix("special files")
def test_a_device_is_not_a_plan():
    assert refusal(plan_bytes, Path("/dev/zero"))[0] == "--plan /dev/zero is not a file"


@posix("special files")
def test_a_block_device_is_not_a_plan():
    devices = [path for path in Path("/dev").iterdir() if path.is_block_device()]
    if not devices:
        pytest.skip("no block device here")
    assert refusal(plan_bytes, devices[0])[0] == f"--plan {devices[0]} is not a file"
