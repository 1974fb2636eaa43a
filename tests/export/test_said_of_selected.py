"""A narrowed export holds what tests of models said of the selected images, and the names of what they belong to."""

import json
from types import SimpleNamespace

import pytest

from custom_vision_simulator import Fault, Simulator
from custom_vision_simulator.answers import Answer
from tests.commandline import CommandLine
from tests.export.exporting import (
    assert_bag,
    assert_open,
    everything,
    iteration_folder,
    project_folder,
    records,
)

LIST = "image-performances.jsonl"
NAME = '<b>"Visitors": ../../pets\u202e & "{{ 7*7 }}\n'


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """The export of one image of a project whose models were tested with it, and of another project beside."""
    out = tmp_path_factory.mktemp("one") / "out"
    with Simulator() as sim:
        mine, other = sim.fill(projects=2, images=11, tags=2, iterations=2, image_bytes=300)
        holder = sim.store.projects[mine]
        first, second = holder.iterations.values()
        holder.name, first.name, second.name = NAME, f"1 {NAME}", "second"
        tested, *_, not_mine = list(first.snapshot.images)[:6]
        del second.snapshot.images[tested]
        cli = CommandLine(sim.endpoint, sim.training_key)
        ran = cli("export", "--all", "--image-id", tested, "--json", "--out", out)
        assert ran.code == 0, ran.err
        found = {"mine": mine, "other": other, "tested": tested, "not_mine": not_mine, "first": first, "second": second}
        yield SimpleNamespace(cli=cli, out=out, ran=ran, **found)


@pytest.mark.slow
def test_it_holds_the_entries_of_the_selected_alone(one):
    (entry,) = records(iteration_folder(one.out, one.mine, one.first.id) / LIST)
    assert entry["id"] == one.tested
    assert entry["predictions"]
    assert entry["tags"]
    assert records(iteration_folder(one.out, one.mine, one.second.id) / LIST) == []
    assert one.not_mine.encode() not in everything(one.out)


def test_each_list_was_read_whole(one, cli):
    proofs = records(project_folder(one.out, one.mine) / "listings.jsonl")
    read = {
        proof["iteration"]: (proof["listed"], proof["written"]) for proof in proofs if proof["row"] == "performance"
    }
    assert read == {one.first.id: (3, 1), one.second.id: (2, 0)}
    assert one.ran.json["calls"]["GetImagePerformances"] == 4
    assert one.ran.json["calls"]["GetImagePerformanceCount"] == 8
    assert "GetIterationPerformance" not in one.ran.json["calls"]
    assert "exported as far as it is about what was selected" in one.ran.json["notSearched"]["performance"]
    assert_bag(one.out)
    assert cli("verify", one.out).code == 0


def test_it_names_what_the_selected_belong_to(one):
    names = json.loads((project_folder(one.out, one.mine) / "names.json").read_bytes())
    first = {"id": one.first.id, "name": f"1 {NAME}"}
    assert names == {"id": one.mine, "name": NAME, "iterations": [first]}
    assert not (project_folder(one.out, one.other) / "names.json").exists()


def trained(sim):
    """Return the only project, its only iteration, and the ids that the iteration was tested with."""
    (project,) = sim.fill(images=7, tags=2, iterations=1, image_bytes=300)
    (iteration,) = sim.store.projects[project].iterations.values()
    return project, iteration, list(iteration.snapshot.images)[::5]


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["GetImagePerformances", "GetImagePerformanceCount"])
def test_a_list_that_failed_is_named(sim, cli, tmp_path, operation):
    _, iteration, (tested, _) = trained(sim)
    sim.fault(Fault(operation, status=400, times=None, body={"code": "Bad", "message": "no"}))
    words = ("export", "--all", "--image-id", tested, "--json", "--out", tmp_path / "out")
    assert cli(*words).code == 3
    (gap,) = assert_open(tmp_path / "out")
    assert (gap["row"], gap["iteration"], gap["file"]) == ("performance", iteration.id, LIST)
    assert cli(*words, "--accept-missing").code == 3
    assert cli("verify", tmp_path / "out").code == 3


def test_a_model_without_tests_is_noted(sim, cli, tmp_path):
    project, iteration, (tested, _) = trained(sim)
    iteration.status = "Failed"
    assert cli("export", "--all", "--image-id", tested, "-q", "--out", tmp_path / "out").code == 0
    (note,) = records(project_folder(tmp_path / "out", project) / "absent.jsonl")
    assert (note["row"], note["iteration"]) == ("performance", iteration.id)
    assert cli("verify", tmp_path / "out").code == 0


def test_what_only_a_test_still_names_is_found(sim, cli, tmp_path):
    """No list of images has the image any more: the entry of the test is all that is left of it."""
    project, iteration, (tested, _) = trained(sim)
    gone = "0b8b3e9a-1111-4222-8333-944444444444"

    def renamed(answer):
        return Answer(answer.status, answer.body.replace(tested.encode(), gone.encode()), answer.content_type)

    sim.fault(Fault("GetImagePerformances", edit=renamed, times=None))
    ran = cli("export", "--all", "--image-id", gone, "--json", "--out", tmp_path / "out")
    assert (ran.code, ran.json["unmatched"]) == (0, [])
    (entry,) = records(iteration_folder(tmp_path / "out", project, iteration.id) / LIST)
    assert entry["id"] == gone
    assert cli("verify", tmp_path / "out").code == 0


def test_an_export_of_rows_asks_for_no_more(sim, cli, tmp_path):
    trained(sim)
    ran = cli("export", "images", "--all", "--json", "--out", tmp_path / "out")
    assert ran.code == 0
    assert "GetImagePerformances" not in ran.json["calls"]
    assert not list((tmp_path / "out").rglob(LIST))
    assert not list((tmp_path / "out").rglob("names.json"))


@pytest.mark.slow
def test_the_cover_sheet_tells_both(one, cli, tmp_path):
    assert cli("report", one.out, "--out", tmp_path / "answer", "-q").code == 0
    sheet = (tmp_path / "answer" / "index.html").read_text("utf-8")
    (page,) = (tmp_path / "answer").glob("*/pictures/*.html")
    record = page.read_text("utf-8")
    assert "In a test, a model said of it" in sheet
    assert "What models said of each picture in the tests" not in sheet
    assert "The test compared this with:" in sheet
    assert "The test compared this with:" in record
    assert f"iterations/{iteration_folder(one.out, one.mine, one.first.id).name}/{LIST}" in record
    for text in (sheet, record):
        assert "&lt;b&gt;&#34;Visitors&#34;: ../../pets\\u202e &amp; &#34;{{ 7*7 }}" in text
    assert "second" not in sheet


def test_the_entries_follow_an_erasure(one, tmp_path):
    cli = one.cli
    words = ("delete", "images", "--all", "--image-id", one.tested, "--yes", "--evidence", tmp_path / "erasure.json")
    assert cli(*words).code == 0
    assert cli("redact", tmp_path / "erasure.json", one.out, "--out", tmp_path / "new", "-q").code == 0
    assert one.tested.encode() not in everything(tmp_path / "new" / "data")
    assert records(iteration_folder(tmp_path / "new", one.mine, one.first.id) / LIST) == []
    assert cli("verify", tmp_path / "new").code == 0
    assert not list((tmp_path / "new").rglob("names.json"))


def test_an_iteration_alone_names_no_other(one, cli, tmp_path):
    words = ("export", "--all", "--iteration", one.second.id, "-q", "--out", tmp_path / "out")
    assert one.cli(*words).code == 0
    assert one.first.id.encode() not in everything(tmp_path / "out")
    assert cli("verify", tmp_path / "out").code == 0
