"""The ledger: the chain of its lines, and the open file that nothing else may change."""

import hashlib
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from msgspec import ValidationError

from cv_gdpr.errors import LedgerLost, StorageError, UsageError
from cv_gdpr.evidence.clock import now
from cv_gdpr.evidence.events import Resumed, line_of
from cv_gdpr.evidence.ledger import START, Ledger, chained, rescued_of, sealed
from cv_gdpr.masking import RUN
from tests.disk import disk
from tests.platforms import is_private, posix
from tests.unit.happening import (
    ASKED,
    ENDPOINT,
    ONE,
    PROJECT,
    calling,
    closing,
    failed,
    ledger_of,
    left,
    looked,
    opened,
    sent,
)
from tests.unit.listing import names, open_handles

EVENTS = [opened({"images": ["a"]}), *sent("images", "a"), looked("images", gone=["a"])]
CONTENT = ledger_of(*EVENTS)
CLOSED = [*EVENTS, closing(EVENTS)]
STOPPED = [*EVENTS, closing(EVENTS, code=5)]


def digest(content):
    return hashlib.sha256(content).hexdigest()


def told(lines, number, **fields):
    """Return lines with fields of one line changed, and the lines after it."""
    event = json.loads(lines[number]) | fields
    return [*lines[:number], json.dumps(event, separators=(",", ":")).encode(), *lines[number + 1 :]]


# --- the chain ----------------------------------------------------------------------------------------------------


def test_the_chain_of_an_empty_ledger():
    chain = chained(b"")
    assert (chain.events, chain.last, chain.whole, chain.torn, chain.broken) == ([], "0" * 64, 0, b"", "")
    assert chain.sha256 == digest(b"")


@pytest.mark.parametrize("torn", [b"", b"{", b"\0\0"])
def test_the_chain_of_a_whole_ledger(torn):
    chain = chained(CONTENT + torn)
    assert [type(event) for event in chain.events] == [type(event) for event in EVENTS]
    assert [event.n for event in chain.events] == [1, 2, 3, 4]
    assert [event.previous for event in chain.events[:2]] == [START, digest(CONTENT.split(b"\n")[0])]
    assert (chain.last, chain.whole) == (digest(CONTENT.split(b"\n")[-2]), len(CONTENT))
    assert (chain.torn, chain.broken, chain.sha256) == (torn, "", digest(CONTENT + torn))


FOLLOWS = "does not follow the line before it (wrong number or hash)"
WRITES = "is not written as cv-gdpr writes it"
NO_EVENT = "holds an event that cv-gdpr does not write: "
BREAKS = {
    "a number": (lambda lines: told(lines, 1, n=3), FOLLOWS),
    "a hash": (lambda lines: told(lines, 1, previous="1" * 64), FOLLOWS),
    "no hash": (lambda lines: told(lines, 1, previous=None), FOLLOWS),
    "not JSON": (lambda lines: [lines[0], b"{", *lines[2:]], FOLLOWS),
    "not UTF-8": (lambda lines: [lines[0], b"\xff", *lines[2:]], FOLLOWS),
    "too deep": (lambda lines: [lines[0], b"[" * 200_000, *lines[2:]], FOLLOWS),
    "a list": (lambda lines: [lines[0], b"[]", *lines[2:]], FOLLOWS),
    "nothing": (lambda lines: [lines[0], b"", *lines[2:]], FOLLOWS),
    "another kind": (lambda lines: told(lines, 1, event="approved"), NO_EVENT),
    "another type": (lambda lines: told(lines, 1, ids=[1]), NO_EVENT),
    "half a surrogate as a name": (lambda lines: told(lines, 1, **{"\ud800": 1}), NO_EVENT),
    "a blank": (lambda lines: [lines[0], lines[1].replace(b'"at":', b'"at": '), *lines[2:]], WRITES),
    "a key twice": (lambda lines: [lines[0], lines[1].replace(b'"at"', b'"at":"x","at"'), *lines[2:]], WRITES),
}


@pytest.mark.parametrize("name", BREAKS)
def test_the_chain_ends_at_the_first_invalid_line(name):
    edit, why = BREAKS[name]
    lines = CONTENT.split(b"\n")
    chain = chained(b"\n".join(edit(lines)))
    assert chain.broken.startswith(f"line 2 {why}")
    assert [event.n for event in chain.events] == [1]
    assert (chain.last, chain.whole) == (digest(lines[0]), len(lines[0]) + 1)


RESUMED = Resumed(discarded_bytes=0)


@pytest.mark.parametrize(
    ("events", "broken"),
    [
        ([*STOPPED, RESUMED, *EVENTS], ""),
        ([*STOPPED, EVENTS[0]], "line 6 comes after the ledger was closed"),
        ([*CLOSED, RESUMED], "line 6 comes after the ledger was closed"),
        ([*CLOSED, closing(EVENTS)], "line 6 comes after the ledger was closed"),
        ([*EVENTS, RESUMED], ""),
    ],
    ids=["resumed", "not resumed", "finished", "closed twice", "cut off"],
)
def test_what_may_follow_the_end_of_a_run(events, broken):
    assert chained(ledger_of(*events)).broken == broken


def test_a_reason_may_quote_half_a_surrogate():
    line = ledger_of(failed("x")).replace(b'"reason":"x"', b'"reason":"\\ud800"')
    chain = chained(line)
    assert (chain.broken, chain.events[0].reason) == ("", "\ud800")


def test_a_command_is_sealed_with_its_salt():
    one = sealed("delete --tag bob", "salt")
    assert (one.salt, one.sha256) == ("salt", digest(b"saltdelete --tag bob"))
    assert sealed("\ud800", "s").sha256 == digest(b"s\xed\xa0\x80")


def test_the_time_is_utc_to_the_millisecond():
    before = datetime.now(UTC).timestamp()
    text = now()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert -0.001 <= datetime.fromisoformat(text).timestamp() - before < 5


# --- the open file ----------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    return tmp_path / "e.jsonl"


def test_a_new_ledger_is_empty_and_private(path):
    with Ledger(path, ENDPOINT) as ledger:
        assert (ledger.path, ledger.events, ledger.last) == (path, [], START)
        assert (ledger.closed, ledger.finished) == (False, False)
        assert ledger.chain().events == []
    assert path.read_bytes() == b""
    assert is_private(path)


def test_written_events_are_numbered_and_chained(path):
    with Ledger(path, ENDPOINT) as ledger:
        for event in EVENTS:
            ledger.write(event)
            assert path.read_bytes().splitlines()[-1] == line_of(ledger.events[-1])
        chain = ledger.chain()
    assert (chain.broken, chain.torn, chain.events, chain.last) == ("", b"", ledger.events, ledger.last)
    assert [event.n for event in ledger.events] == [1, 2, 3, 4]
    assert ledger.events[0].previous == START
    assert all(event.at != "2026-01-02T00:00:00.000Z" for event in ledger.events)


def test_each_event_is_durable(tmp_path, path):
    with disk(tmp_path) as noted, Ledger(path, ENDPOINT) as ledger:
        ledger.begin(ASKED)
        assert noted.events[-1] == ("sync", ".")
        for event in EVENTS:
            ledger.write(event)
            assert noted.events[-1] == ("sync", "e.jsonl")


def test_an_event_of_another_type_is_not_written(path):
    with Ledger(path, ENDPOINT) as ledger:
        with pytest.raises(ValidationError):
            ledger.write(failed(reason=5))
        assert (ledger.events, path.read_bytes()) == ([], b"")


def test_credentials_are_cut_out_of_texts(path):
    key = "0123456789abcdef0123456789abcdef"
    RUN.know_key(key)
    try:
        with Ledger(path, ENDPOINT) as ledger:
            ledger.write(opened({"images": [ONE]}, unmatched=[f"--image-id {key}"], protected=[PROJECT]))
            ledger.write(left("images", ONE, reason=f"refused {key}"))
    finally:
        RUN.forget()
    first, last = ledger.events
    assert key not in path.read_text()
    assert (first.protected, first.planned, last.ids) == ([PROJECT], {PROJECT: {"images": [ONE]}}, [ONE])
    assert first.unmatched[0].startswith("--image-id ")
    assert last.reason.startswith("refused ")
    assert re.fullmatch("[0-9a-f]{64}", first.asked.sha256)
    assert (last.n, last.previous) == (2, digest(path.read_bytes().splitlines()[0]))


def test_ids_and_hashes_stay_though_a_key_spells_them(path):
    for one in (ONE, START):
        RUN.know_key(one)
    try:
        with Ledger(path, ENDPOINT) as ledger:
            ledger.write(failed(f"{ONE} {START}", project=ONE))
    finally:
        RUN.forget()
    (event,) = ledger.events
    assert (event.project, event.previous) == (ONE, START)
    assert ONE not in event.reason
    assert START not in event.reason


def reopened(path, content):
    """Return a ledger with this content, opened again; a context manager."""
    path.write_bytes(content)
    return Ledger(path, ENDPOINT)


@pytest.mark.parametrize(
    ("events", "closed", "finished"),
    [(EVENTS, False, False), (CLOSED, True, True), (STOPPED, True, False), ([*STOPPED, RESUMED], False, False)],
    ids=["cut off", "done", "stopped", "resumed"],
)
def test_what_a_ledger_that_is_read_says_of_its_run(path, events, closed, finished):
    content = ledger_of(*events)
    with reopened(path, content) as ledger:
        assert (ledger.closed, ledger.finished, len(ledger.events)) == (closed, finished, len(events))
        assert (ledger.last, ledger.chain().last) == (digest(content.splitlines()[-1]),) * 2


@pytest.mark.parametrize("torn", [b"", b"{half"])
def test_an_interrupted_ledger_is_resumed(path, torn):
    with reopened(path, CONTENT + torn) as ledger:
        ledger.begin(ASKED)
        assert ledger.events[-1].discarded_bytes == len(torn)
        ledger.write(failed())
        chain = ledger.chain()
    assert chain.broken == ""
    assert [event.n for event in chain.events] == [1, 2, 3, 4, 5, 6]
    assert path.read_bytes().startswith(CONTENT + b'{"n":5,')


def test_the_torn_end_of_nothing_is_cut_off(path):
    with reopened(path, b"{half") as ledger:
        ledger.begin(ASKED)
        assert (ledger.events, path.read_bytes()) == ([], b"")
        ledger.write(opened())
    assert chained(path.read_bytes()).broken == ""


ANOTHER = "name another --evidence"


def refusal(act, *arguments):
    with pytest.raises(UsageError) as refused:
        act(*arguments)
    return refused.value.message, refused.value.hint


def test_a_finished_ledger_is_not_resumed(path):
    with reopened(path, ledger_of(*CLOSED)) as ledger:
        assert refusal(ledger.begin, ASKED) == (f"{path} is the ledger of a finished erasure", ANOTHER)
        assert refusal(ledger.require, "other")[1].endswith("or name another --evidence")
        ledger.require(ASKED)


def test_the_last_run_decides_who_may_resume(path):
    second = opened(asked=sealed("other", "salt"))
    with reopened(path, ledger_of(*EVENTS, RESUMED, second)) as ledger:
        ledger.require("other")
        message, hint = refusal(ledger.require, ASKED)
    assert message == f"{path} is the ledger of an erasure with another scope or other selectors"
    assert hint.startswith("only the command that began it can resume it")


def test_a_ledger_without_a_run_is_anyones(path):
    with Ledger(path, ENDPOINT) as ledger:
        ledger.require("anything")
        ledger.begin("anything")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (CONTENT.replace(b'"n":2', b'"n":9'), f"line 2 {FOLLOWS}"),
        (ledger_of(*EVENTS[1:]), "its first event is not the beginning of a run"),
        (b"{}\n", f"line 1 {FOLLOWS}"),
    ],
    ids=["edited", "without a beginning", "something else"],
)
def test_what_is_not_a_ledger_is_not_resumed(path, content, why):
    assert refusal(reopened, path, content) == (
        f"{path} is not a resumable ledger: {why}",
        "keep that file; name another --evidence",
    )
    assert path.read_bytes() == content


def test_the_ledger_of_another_endpoint_is_not_opened(path):
    path.write_bytes(CONTENT)
    before = open_handles()
    assert refusal(Ledger, path, "https://other") == (f"{path} is the ledger of another endpoint", ANOTHER)
    assert open_handles() <= before  # what an earlier test left may be closed meanwhile


def test_a_ledger_is_open_once(path):
    before = open_handles()
    with Ledger(path, ENDPOINT):
        assert refusal(Ledger, path, ENDPOINT) == (f"another run is writing to {path}", ANOTHER)
    assert open_handles() <= before  # what an earlier test left may be closed meanwhile
    with Ledger(path, ENDPOINT):
        pass


def test_a_folder_is_not_a_ledger(tmp_path):
    with pytest.raises(StorageError, match="missing"):
        Ledger(tmp_path / "missing" / "e.jsonl", ENDPOINT)


# --- the file changes under it --------------------------------------------------------------------------------------


def removed(path):
    path.unlink()


def replaced(path):
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


def truncated(path):
    os.truncate(path, path.stat().st_size - 1)


def continued(path):
    with path.open("ab") as file:
        file.write(b"x")


def changed(path):
    with path.open("r+b") as file:
        file.seek(5)
        file.write(b"9")


REMOVED, TRUNCATED = "was removed or replaced", "was truncated or written to by another process"


@pytest.mark.parametrize(
    ("act", "how"),
    [
        pytest.param(removed, REMOVED, id="removed", marks=posix("open files")),
        pytest.param(replaced, REMOVED, id="replaced", marks=posix("open files")),
        pytest.param(truncated, TRUNCATED, id="truncated"),
        pytest.param(continued, TRUNCATED, id="continued"),
        pytest.param(changed, "was changed", id="changed"),
    ],
)
def test_a_ledger_that_was_changed_is_saved_as_a_copy(tmp_path, path, act, how):
    with reopened(path, CONTENT) as ledger:
        ledger.begin(ASKED)
        whole = path.read_bytes()
        ledger.chain()
        act(path)
        left_there = path.read_bytes() if path.exists() else None
        with pytest.raises(LedgerLost, match=f"^the ledger {re.escape(str(path))} {how} during the run$") as lost:
            ledger.chain()
        (rescued,) = tmp_path.glob("e.rescued-*.jsonl")
        assert rescued.read_bytes() == whole
        hint = f"nothing more was deleted; {rescued} holds the ledger so far. Keep it in a folder of your own"
        assert lost.value.hint == hint
        if act is changed:
            return
        with pytest.raises(LedgerLost):
            ledger.write(failed())
        assert (path.read_bytes() if path.exists() else None) == left_there
        assert len(ledger.events) == len(EVENTS) + 1


@posix("open files")
def test_a_copy_that_cannot_be_saved_is_said(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    with Ledger(folder / "e.jsonl", ENDPOINT) as ledger:
        ledger.write(opened())
        (folder / "e.jsonl").unlink()
        folder.rmdir()
        with pytest.raises(LedgerLost) as lost:
            ledger.write(calling("images", "a"))
    beginning = "nothing more was deleted; the ledger could not be saved as a copy either: "
    assert lost.value.hint.startswith(beginning)
    assert "No such file" in lost.value.hint
    assert names(tmp_path) == []


def test_the_copy_has_a_random_name(path):
    one, other = rescued_of(path), rescued_of(path)
    assert one != other
    assert one.parent == path.parent
    assert re.fullmatch(r"e\.rescued-[0-9a-f]{8}\.jsonl", one.name)


def test_lines_of_several_threads_do_not_mix(path):
    with Ledger(path, ENDPOINT) as ledger:
        ledger.write(opened())
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: ledger.write(failed(str(number))), range(40)))
        assert len(ledger.chain().events) == 41
        assert ledger.chain().broken == ""
