"""The ledger as a file: each line is durable before its call is sent; an unfinished ledger is resumed."""

import json
import re

import pytest

from custom_vision_simulator import Simulator
from cv_gdpr.errors import UsageError
from cv_gdpr.evidence.ledger import Ledger
from tests.commandline import CommandLine
from tests.delete.erasing import Eraser, stock
from tests.disk import disk

ENDPOINT = "https://example.cognitiveservices.azure.com"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The endpoint and the ledger's bytes of an erasure that ended."""
    folder = tmp_path_factory.mktemp("written")
    with Simulator() as sim:
        stock(sim, images=2, predictions=1, iterations=1)
        erase = Eraser(CommandLine(sim.endpoint, sim.training_key), folder)
        assert erase("--all").code == 0
        return sim.endpoint, erase.ledger_file.read_bytes()


def events(content):
    return [json.loads(line) for line in content.splitlines()]


def lines(content):
    return content.splitlines(keepends=True)


# --- durable ----------------------------------------------------------------------------------------------------


def test_each_call_is_in_the_durable_ledger_before_it_is_sent(sim, erase, tmp_path):
    stock(sim, images=3, predictions=1, iterations=1)
    found = []
    take = sim.faults.take

    def look(operation, method, target):
        if method == "DELETE":
            found.append((operation, events((tmp_path / "e.jsonl").read_bytes())[-1], noted.lost()))
        return take(operation, method, target)

    sim.faults.take = look
    with disk(tmp_path) as noted:
        assert erase("--all", evidence="e.json").code == 0

    assert {operation for operation, *_ in found} > {"DeleteImages", "DeleteTag", "DeleteIteration", "DeleteProject"}
    assert {last["event"] for _, last, _ in found} == {"calling"}
    assert [lost for *_, lost in found if lost] == []
    assert noted.unsafe == noted.lost() == []


def test_each_line_is_synced_by_itself(sim, erase, tmp_path):
    stock(sim, images=1, predictions=0, iterations=0)

    with disk(tmp_path) as noted:
        assert erase("--all", evidence="e.json").code == 0

    assert noted.events[0] == ("sync", ".")  # the ledger's name
    assert noted.events.count(("sync", "e.jsonl")) == len(erase.ledger)


# --- resumed ---------------------------------------------------------------------------------------------------


HALF, ZEROS = b'{"n":99,"at":"20', b"\0" * 40  # what a killed process or a loss of power may leave of a line


@pytest.mark.parametrize(
    ("kept", "torn"), [(0, HALF), (1, ZEROS), (4, b""), (-1, HALF)], ids=["no line", "one line", "some", "all but one"]
)
def test_a_torn_end_is_cut_off_and_recorded(sim, erase, kept, torn):
    stock(sim, images=2, predictions=0, iterations=0)
    assert erase("--all", evidence="e.json").code == 0
    whole = b"".join(lines(erase.ledger_file.read_bytes())[:kept])
    for paper in erase.files:
        paper.unlink()
    erase.ledger_file.write_bytes(whole + torn)

    assert erase("--all", evidence="e.json").code == 0

    content = erase.ledger_file.read_bytes()
    assert content.startswith(whole)
    resumed = [event["discardedBytes"] for event in events(content) if event["event"] == "resumed"]
    assert resumed == ([len(torn)] if whole else [])
    assert erase.verified() == 0


def without_a_line(content):
    return b"".join(lines(content)[:2] + lines(content)[3:])


def with_a_line_twice(content):
    return b"".join(lines(content)[:2] + lines(content)[1:])


def with_two_lines_exchanged(content):
    first, second, third, *rest = lines(content)
    return b"".join([first, third, second, *rest])


def with_another_moment(content):
    return re.sub(rb'"at":"20', b'"at":"21', content, count=1)


def with_a_blank(content):
    return content.replace(b'{"n":2,', b'{"n": 2,', 1)


def without_its_beginning(content):
    return b"".join(lines(content)[1:])


def of_something_else(_content):
    return b'{"n":1}\n'


@pytest.mark.parametrize(
    "edit",
    [
        without_a_line,
        with_a_line_twice,
        with_two_lines_exchanged,
        with_another_moment,
        with_a_blank,
        without_its_beginning,
        of_something_else,
    ],
)
def test_a_ledger_that_was_edited_is_not_resumed(written, tmp_path, edit):
    endpoint, content = written
    path = tmp_path / "e.jsonl"
    path.write_bytes(edited := edit(b"".join(lines(content)[:-1])))
    assert edited != content

    with pytest.raises(UsageError, match="is not a resumable ledger"):
        Ledger(path, endpoint)
    assert path.read_bytes() == edited


def test_the_ledger_of_another_endpoint_is_not_resumed(written, tmp_path):
    _, content = written
    path = tmp_path / "e.jsonl"
    path.write_bytes(content)

    with pytest.raises(UsageError, match="the ledger of another endpoint"):
        Ledger(path, ENDPOINT)


def test_the_ledger_of_a_finished_erasure_gets_no_line(written, tmp_path):
    endpoint, content = written
    path = tmp_path / "e.jsonl"
    path.write_bytes(content)

    with Ledger(path, endpoint) as ledger, pytest.raises(UsageError, match="the ledger of a finished erasure"):
        ledger.begin("delete --all")
    assert path.read_bytes() == content


def test_a_ledger_is_open_in_one_run_alone(tmp_path):
    path = tmp_path / "e.jsonl"

    with Ledger(path, ENDPOINT), pytest.raises(UsageError, match="another run is writing"):
        Ledger(path, ENDPOINT)
    with Ledger(path, ENDPOINT):
        pass


@pytest.mark.slow
def test_another_command_does_not_resume_the_ledger(written, tmp_path):
    endpoint, content = written
    path = tmp_path / "e.jsonl"
    path.write_bytes(cut := b"".join(lines(content)[:-1]))

    with Ledger(path, endpoint) as ledger, pytest.raises(UsageError, match="ledger of"):
        ledger.begin("delete --all")
    assert path.read_bytes() == cut
