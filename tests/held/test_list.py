"""`cv-gdpr list`: the counts are those of an export, names but no values, and what failed is never called empty."""

import csv
import io
import json
import sys

import pytest

from custom_vision_simulator import Fault, Simulator
from custom_vision_simulator.answers import Answer
from cv_gdpr.cli.output import print_csv
from tests.commandline import CommandLine
from tests.delete.erasing import ids, stock

READING = ("Get", "Query")


@pytest.fixture(scope="module")
def held():
    """Two projects with two people in each, and the command line pointed at them."""
    with Simulator() as sim:
        projects = [stock(sim), stock(sim, "Strangers")]
        yield sim, CommandLine(sim.endpoint, sim.training_key), projects


@pytest.fixture
def listed(held):
    """`cv-gdpr list ... --json` as a function that returns its document."""

    def run(*words, code=0):
        ran = held[1]("list", *words, "--json")
        assert ran.code == code, ran.err
        return ran.json

    return run


def counts(document):
    return {row["row"]: row["held"] for row in document["rows"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", ["--all", "--project Strangers", "tags --all", "--all --tag alice", "--all --metadata subject=nr-4711"]
)
def test_the_counts_are_those_of_an_export(held, listed, tmp_path, words):
    exported = held[1]("export", *words.split(), "--json", "--out", tmp_path / "out").json
    document = listed(*words.split(), code=exported["exitCode"])
    assert counts(document) == {row["row"]: row["held"] for row in exported["rows"]}
    same = ("predictionsNotSearched", "byHand", "unmatched")
    assert {name: document[name] for name in same} == {name: exported[name] for name in same}
    first = [{row: why.partition(";")[0] for row, why in one["notSearched"].items()} for one in (document, exported)]
    assert first[0] == first[1]  # each says in its own words how far the tests are searched


def test_everything_is_counted_and_named(held, listed):
    sim, _, (first, second) = held
    document = listed("--all")
    one, other = document["projects"]
    assert [(one["id"], one["name"]), (other["id"], other["name"])] == [(first, "Visitors"), (second, "Strangers")]
    for row in ("iterations", "tags", "images", "predictions"):
        assert one["rows"][row] == len(ids(sim, first, row)), row
    assert {tag["name"]: tag["images"] for tag in one["tags"]} == {"alice": 2, "bob": 2, "tag 3": 2}
    assert one["metadata"] == [{"key": "subject", "images": 2, "values": None}]
    assert [(each["published"], each["images"]) for each in one["iterations"]] == [("live-visitors", 8), (None, 8)]
    assert one["items"] is None


def test_ids_are_listed_where_selectors_narrow(held, listed):
    sim, _, (first, _) = held
    (image,) = [
        one.id for one in sim.store.projects[first].workspace.images.values() if one.metadata == {"subject": "nr-4711"}
    ]
    document = listed("images", "--project", "Visitors", "--metadata", "subject=nr-4711")
    assert document["projects"][0]["items"] == {"images": [image]}


@pytest.mark.slow
@pytest.mark.parametrize("form", [(), ("-v",), ("--json",), ("--csv",)], ids=["table", "verbose", "json", "csv"])
def test_values_are_shown_only_where_asked_for(held, form):
    without, with_values = held[1]("list", "--all", *form), held[1]("list", "--all", *form, "--values")
    assert "subject" in without.out
    assert "nr-4711" not in without.out
    assert "nr-4711" in with_values.out


def test_only_calls_that_read_are_sent(held):
    sim, cli, _ = held
    sim.calls.clear()
    ran = cli("list", "--all", "--values", "--json")
    sent = {call.operation for call in sim.calls}
    assert all(name.startswith(READING) for name in sent), sent
    assert not sent & {"GetTag", "GetIteration", "GetProject", "GetImagePerformances", "Blob"}
    of_rows = sum(row["calls"] for row in ran.json["rows"])
    assert of_rows + 1 == sum(ran.json["calls"].values()) == len(sim.calls)  # GetProjects


@pytest.mark.slow
def test_what_each_count_took_is_shown_with_verbose_only(held):
    assert "calls" not in held[1]("list", "--all").out
    assert "QueryPredictions" in held[1]("list", "--all", "-v").out


def test_csv_has_no_cell_like_a_formula(held):
    sim, cli, (first, _) = held
    sim.store.projects[first].name = "=1+1"
    try:
        ran = cli("list", "projects", "--all", "--csv")
        assert "'=1+1" in {row["project name"] for row in csv.DictReader(io.StringIO(ran.out))}
        assert '"=1+1"' in cli("list", "projects", "--all", "--json").out
    finally:
        sim.store.projects[first].name = "Visitors"


def test_csv_has_a_line_for_each_thing(held):
    sim, cli, (first, _) = held
    name = 'Visitors, "old"\n=1'
    sim.store.projects[first].name = name
    try:
        rows = list(csv.DictReader(io.StringIO(cli("list", "--all", "--csv").out)))
    finally:
        sim.store.projects[first].name = "Visitors"
    of_first = [row for row in rows if row["project"] == first]
    assert {row["project name"] for row in of_first} == {name}
    assert [row["name"] for row in of_first if row["what"] == "tag"] == ["alice", "bob", "tag 3"]
    assert [row["count"] for row in rows if (row["what"], row["project"], row["name"]) == ("row", "", "images")] == [
        "16"
    ]


def csv_of(cli, *words):
    return list(csv.DictReader(io.StringIO(cli("list", *words, "--csv").out)))


def test_beside_csv_all_else_is_on_standard_error(held):
    _, cli, _ = held
    ran = cli("list", "--all", "--metadata", "subject=nr-4711", "--csv")
    assert {len(line) for line in csv.reader(io.StringIO(ran.out), strict=True)} == {8}
    assert "What to do:" in ran.err


@pytest.mark.parametrize(("terminal", "written"), [(True, "x\\x1b]0;\r\n"), (False, "x\x1b]0;\r\n")])
def test_no_name_controls_a_terminal_through_csv(capsys, monkeypatch, terminal, written):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    print_csv([["x\x1b]0;"]])
    assert capsys.readouterr().out == written


def test_csv_says_what_was_not_searched_and_why(held, listed):
    _, cli, (first, _) = held
    words = ("--all", "--tag", "alice", "--tag", "nobody")
    document, rows = listed(*words, code=3), csv_of(cli, *words)
    assert document["notSearched"]
    said = {one["name"]: one["reason"] for one in rows if one["value"] == "not searched" and not one["project"]}
    assert said == {row: f"not searched: {reason}" for row, reason in document["notSearched"].items()}
    (stored,) = [one for one in rows if (one["project"], one["name"]) == (first, "predictions")]
    assert (stored["value"], stored["count"]) == ("not searched", "")
    assert f"{document['predictionsNotSearched'][first]} stored predictions" in stored["reason"]
    assert (
        [one["name"] for one in rows if one["what"] == "selector"]
        == ["'--tag nobody"]
        == [f"'{one}" for one in document["unmatched"]]
    )


def test_csv_and_json_say_what_was_asked_and_when(held, listed):
    sim, cli, _ = held
    document = listed("projects", "--all")
    said = {one["what"]: one["value"] for one in csv_of(cli, "projects", "--all")}
    assert (said["endpoint"], document["endpoint"]) == (sim.endpoint, sim.endpoint)
    assert document["start"] <= said["start"] <= said["end"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("--all --image-id 11111111111111111111111111111111", 3, "Error: nothing matches --image-id"),
        ("images --all --tag nobody", 3, "Error: nothing matches --tag nobody"),
        ("images --all --tag nobody --missing-ok", 0, "Note: nothing matches --tag nobody"),
        ("--all --tag alice", 3, "Not searched: 3 stored predictions in project"),
        ("account --all", 3, "Not listed: account"),
        ("account --project Visitors", 2, "leave --project out"),
        ("--all --json --csv", 2, "give either --csv or --json"),
        ("images", 2, "give either --all or --project NAME"),
        ("--project Nowhere", 2, "no project has the name or id 'Nowhere'"),
        ("exports --all --tag alice", 2, "--tag cannot narrow exports"),
    ],
)
def test_what_was_not_found_or_cannot_be_asked(held, words, code, said):
    ran = held[1]("list", *words.split())
    assert ran.code == code, ran.err
    assert said in ran.err


@pytest.mark.parametrize("operation", ["GetTags", "GetTaggedImages", "GetIterations", "QueryPredictions", "GetExports"])
def test_a_list_that_failed_is_never_called_empty(sim, cli, operation):
    stock(sim)
    sim.fault(Fault(operation, status=400, times=None))
    ran = cli("list", "--all", "--json")
    assert ran.code == 3
    failed = {one["row"] for one in ran.json["unlisted"]}
    assert failed
    assert {row["row"] for row in ran.json["rows"] if row["verdict"] == "incomplete"} == failed
    assert "Error: " in ran.err


def test_a_value_is_undecided_where_a_list_failed(sim, cli):
    stock(sim)
    sim.fault(Fault("GetUntaggedImages", status=400, times=None))
    ran = cli("list", "images", "--all", "--tag", "nobody", "--missing-ok", "--json")
    assert (ran.code, ran.json["unmatched"], ran.json["undecided"]) == (3, [], ["--tag nobody"])


@pytest.mark.parametrize(("status", "code"), [(401, 5), (403, 5)])
def test_a_refusal_of_everything_is_an_error(sim, cli, status, code):
    stock(sim)
    sim.fault(Fault("GetTags", status=status, times=None))
    ran = cli("list", "tags", "--all", "--json")
    assert (ran.code, ran.json["format"]) == (code, "cv-gdpr-error/1")


def test_quiet_prints_errors_alone(held):
    ran = held[1]("list", "--all", "-q")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_images_that_only_iterations_hold_are_counted(sim, cli):
    project = stock(sim)
    holder = sim.store.projects[project]
    everything = len(ids(sim, project, "images"))
    holder.workspace.images.clear()
    document = json.loads(cli("list", "images", "--all", "--json").out)
    assert counts(document) == {"images": everything}


def test_a_list_that_disagrees_with_its_count_is_incomplete(sim, cli):
    stock(sim)
    sim.fault(Fault("GetImageCount", status=200, body=b"99", times=None))
    ran = cli("list", "images", "--all", "--json")
    assert (ran.code, ran.json["rows"][0]["verdict"]) == (3, "incomplete")
    assert "the service counts 99 before" in ran.json["unlisted"][0]["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_a_failed_list_is_marked_at_its_project(sim, cli, form):
    stock(sim, images=2)
    sim.fault(Fault("GetTags", status=403, times=None))
    ran = cli("list", "--all", form)
    assert ran.code == 3
    if form == "--csv":
        marks = [row["value"] for row in csv.DictReader(io.StringIO(ran.out)) if row["name"] == "tags"]
        assert set(marks) == {"incomplete"}
    estimated = cli("list", "--all", "--estimate", "--json")
    assert estimated.code == 3
    assert (estimated.json["rows"]["tags"], estimated.json["complete"], estimated.json["bytes"]["high"]) == (
        None,
        False,
        None,
    )
    shown = " ".join(cli("list", "--all", "--estimate").out.split())
    assert "tags not counted" in shown
    assert "at least" in shown


@pytest.fixture
def tested(sim):
    """A project whose iteration was tested with an image that no list of images has any more."""
    (project,) = sim.fill(images=7, tags=2, iterations=1, image_bytes=300)
    (iteration,) = sim.store.projects[project].iterations.values()
    one, gone = next(iter(iteration.snapshot.images)), "0b8b3e9a-1111-4222-8333-944444444444"

    def renamed(answer):
        return Answer(answer.status, answer.body.replace(one.encode(), gone.encode()), answer.content_type)

    sim.fault(Fault("GetImagePerformances", edit=renamed, times=None))
    return iteration, gone


@pytest.mark.parametrize("scope", [["--all"], ["images", "--all"]])
def test_what_only_a_test_still_names_is_listed(cli, tested, scope):
    iteration, gone = tested
    ran = cli("list", *scope, "--image-id", gone, "--json")
    (project,) = ran.json["projects"]
    assert (ran.code, ran.json["unmatched"], project["rows"]["images"]) == (0, [], 0)
    assert project["tests"] == [{"iteration": iteration.id, "name": iteration.name, "images": [gone]}]
    table = cli("list", *scope, "--image-id", gone)
    assert (table.code, "images in tests" in table.out, gone in table.out) == (0, True, False)
    assert gone in cli("list", *scope, "--image-id", gone, "-v").out
    rows = list(csv.DictReader(io.StringIO(cli("list", *scope, "--image-id", gone, "--csv").out)))
    assert [(row["id"], row["name"]) for row in rows if row["what"] == "image in a test"] == [(gone, iteration.name)]


@pytest.mark.parametrize("operation", ["GetImagePerformances", "GetImagePerformanceCount"])
def test_tests_that_cannot_be_read_are_not_empty(sim, cli, tested, operation):
    iteration, gone = tested
    sim.faults.clear()
    sim.fault(Fault(operation, status=400, times=None, body={"code": "Bad", "message": "no"}))
    ran = cli("list", "--all", "--image-id", gone, "--json")
    assert (ran.code, ran.json["unmatched"], ran.json["undecided"]) == (3, [], [f"--image-id {gone}"])
    assert [(one["row"], one["iteration"]) for one in ran.json["unlisted"]] == [("performance", iteration.id)]


@pytest.mark.usefixtures("tested")
def test_no_test_is_read_without_selectors(cli):
    ran = cli("list", "--all", "--json")
    assert (ran.json["projects"][0]["tests"], "GetImagePerformances" in ran.json["calls"]) == (None, False)


def test_it_says_how_far_performance_is_searched(cli, tested):
    ran = cli("list", "--all", "--image-id", tested[1], "--json")
    assert ran.json["notSearched"]["performance"].endswith("; its lists of tests were searched for what was selected")
    assert "not" not in ran.json["notSearched"].get("images", "")
