"""`cv-gdpr list --estimate`: the calls are those that export and erasure then send, the bytes lie in the interval."""

import random
from pathlib import Path

import pytest

from custom_vision_simulator import Fault, Options, Simulator
from cv_gdpr.held.strata import Stratum, interval
from tests.commandline import CommandLine
from tests.delete.erasing import stock

RECORDS = ("images.jsonl", "image-performances.jsonl", "predictions.jsonl")
PICTURES = ("images", "images-resized", "predictions", "predictions-resized", "exported-models")


def counted_bytes(folder):
    """Return the bytes of an export that an estimate is about."""
    files = [path for path in Path(folder, "data").rglob("*") if path.is_file()]
    taken = [path for path in files if path.name in RECORDS or not {*PICTURES}.isdisjoint(path.parts)]
    return sum(path.stat().st_size for path in taken)


def fill(sim):
    """Add projects of pictures of several sizes, lists of several pages, and images that only iterations keep."""
    stock(sim)
    for seed, more in enumerate(
        (
            {"images": 300, "untagged": 256, "iterations": 2, "predictions": 150, "image_bytes": 700},
            {"images": 320, "untagged": 20, "iterations": 1, "image_bytes": 3000},
            {"images": 0},
        )
    ):
        (project,) = sim.fill(seed=seed, **more)
        images = sim.store.projects[project].workspace.images
        for identity in list(images)[:40]:
            del images[identity]


def estimated(cli, *words, code=0):
    ran = cli("list", "--estimate", "--json", *(words or ["--all"]))
    assert ran.code == code, ran.err
    return ran.json


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """An estimate, what it sent, and the export and the erasure that followed."""
    folder = tmp_path_factory.mktemp("done")
    with Simulator() as sim:
        fill(sim)
        cli = CommandLine(sim.endpoint, sim.training_key)
        sim.calls.clear()
        document = estimated(cli, "--all", "--seed", "7")
        sent = [(call.method, call.operation) for call in [*sim.calls, *sim.blob_requests]]
        exported = cli("export", "--all", "--json", "--out", folder / "out")
        erased = cli("delete", "--all", "--yes", "--json", "--evidence", folder / "e.json")
        assert (exported.code, erased.code) == (0, 0)
        yield document, sent, exported.json, erased.json, folder / "out"


@pytest.mark.slow
def test_an_export_sends_the_estimated_calls(done):
    document, _, exported, _, _ = done
    assert document["export"]["calls"] == exported["calls"]
    assert document["export"]["total"] == sum(exported["calls"].values())


@pytest.mark.slow
def test_an_erasure_sends_the_estimated_calls(done):
    document, _, _, erased, _ = done
    differing = {"DeleteImages"}  # its batches hang on how many different images there are, which is sampled
    sent, expected = erased["calls"], document["erasure"]["calls"]
    assert {name: count for name, count in expected.items() if name not in differing} == {
        name: count for name, count in sent.items() if name not in differing
    }
    assert abs(sent["DeleteImages"] - expected["DeleteImages"]) <= 1


@pytest.mark.slow
def test_the_bytes_lie_in_the_interval(done):
    document, _, exported, _, out = done
    found = document["bytes"]
    assert found["low"] <= counted_bytes(out) <= found["high"]
    assert found["high"] - found["low"] < found["estimate"] / 2
    held = {row["row"]: row["held"] for row in exported["rows"]}
    assert {row: count for row, count in document["rows"].items() if row != "images"} == {
        row: count for row, count in held.items() if row not in {"images", "account"}
    }
    assert document["rows"]["images"] == pytest.approx(held["images"], rel=0.1)


def test_an_estimate_only_reads(done):
    document, sent, _, _, _ = done
    posts = {"QueryPredictions", "QuerySuggestedImages"}
    assert all(method in {"GET", "HEAD"} or name in posts for method, name in sent)
    assert ("HEAD", "Blob") in sent  # exported models are not fetched
    assert len([one for one in sent if one == ("GET", "Blob")]) <= 400
    assert sum(document["calls"].values()) == len([name for _, name in sent if name != "Blob"])


def test_times_follow_from_rate_and_sample(done):
    document = done[0]
    assert document["export"]["seconds"] == pytest.approx(document["export"]["total"] / 10, rel=0.01)
    rate, size = document["sample"]["bytesPerSecond"], document["bytes"]["estimate"]
    assert document["downloadSeconds"] == pytest.approx(size / rate, rel=0.01, abs=0.1)
    assert document["exportSeconds"] == max(document["downloadSeconds"], document["export"]["seconds"])


@pytest.mark.parametrize(
    "words", ["images --all", "tags --all", "predictions --all", "iterations performance", "projects"]
)
def test_the_calls_of_one_row_are_estimated(sim, cli, tmp_path, words):
    stock(sim)
    for row in words.replace("--all", "").split():
        document = estimated(cli, row, "--all")
        exported = cli("export", row, "--all", "--json", "--out", tmp_path / row).json
        assert document["export"]["calls"] == exported["calls"]
        assert document["erasure"] is None


@pytest.mark.slow
def test_all_of_a_small_resource_is_measured_exactly(sim, cli, tmp_path):
    stock(sim)
    document = estimated(cli)
    cli("export", "--all", "--out", tmp_path / "out")
    found = document["bytes"]
    assert found["low"] == found["estimate"] == found["high"] == counted_bytes(tmp_path / "out")


@pytest.mark.slow
def test_links_that_only_the_api_follows_are_calls(tmp_path):
    with Simulator(Options(vnet=True)) as sim:
        sim.fill(images=100, untagged=10, iterations=2, predictions=30, image_bytes=3000)
        cli = CommandLine(sim.endpoint, sim.training_key)
        document = estimated(cli)
        exported = cli("export", "--all", "--json", "--out", tmp_path / "out").json
    assert document["export"]["calls"] == exported["calls"]
    assert exported["calls"]["GetArtifact"] == 130


@pytest.mark.parametrize("operation", ["GetImageCount", "GetTags", "GetIterations", "QueryPredictions"])
def test_what_cannot_be_counted_is_named(sim, cli, operation):
    stock(sim)
    sim.fault(Fault(operation, status=400, times=None))
    ran = cli("list", "--all", "--estimate", "--json")
    assert (ran.code, ran.json["retryable"]) == (3, True)
    assert ran.json["unlisted"]
    assert "Not counted: " in ran.err


@pytest.mark.parametrize("operation", ["GetTaggedImages", "GetImagesByIds", "GetImagePerformances"])
def test_what_cannot_be_measured_is_named(sim, cli, operation):
    stock(sim)
    sim.fault(Fault(operation, status=400, times=None))
    ran = cli("list", "--all", "--estimate", "--json")
    assert (ran.code, ran.json["unlisted"]) == (3, [])
    assert ran.json["sample"]["failed"] > 0
    assert "Not measured: " in ran.err


def test_a_picture_that_storage_does_not_give_is_named(sim, cli):
    stock(sim)
    sim.fault(Fault("Blob", status=404, times=None))
    document = estimated(cli, code=3)
    assert document["sample"]["failed"] > 0
    assert document["sample"]["bytesPerSecond"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--all --estimate --csv", "give either --estimate or --csv"),
        ("--all --estimate --values", "give either --estimate or --values"),
        ("--all --estimate --tag alice", "takes no selector"),
        ("--all --estimate --sample 2", "--sample"),
    ],
)
def test_options_without_a_meaning_are_refused(sim, cli, words, said):
    ran = cli("list", *words.split())
    assert ran.code == 2
    assert said in ran.err
    assert not sim.calls


@pytest.mark.slow
def test_a_person_reads_what_it_rests_on(sim, cli):
    stock(sim, images=40)
    ran = cli("list", "--all", "--estimate", "-v")
    assert ran.code == 0
    for words in ("an export", "an erasure", "measured: all", "An estimate: without retries"):
        assert words in ran.out
    sampled = " ".join(cli("list", "--all", "--estimate", "--sample", "30").out.split())
    assert "95% confidence" in sampled
    assert "seed 0" in sampled


def test_nineteen_of_twenty_intervals_hold_the_sum():
    draw = random.Random(1)  # noqa: S311 - no secret
    sizes = [draw.lognormvariate(11, 0.6) for _ in range(5000)]
    total, inside = sum(sizes), 0
    for _ in range(400):
        found = interval([Stratum(len(sizes), tuple(draw.sample(sizes, 200)))])
        inside += found.low <= total <= found.high
    assert 0.92 <= inside / 400 <= 0.98


def test_a_stratum_without_a_sample_adds_nothing():
    assert interval([Stratum(), Stratum(3, (1.0, 2.0, 3.0)), Stratum(9, (4.0,))]) == (42.0, 42.0, 42.0)
