"""Judge an erasure: compare its evidence and ledger with the service's store and record of calls."""

import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cv_gdpr.evidence.files import ledger_of
from tests.benchmarks.erasable import SUBJECT

GONE = {"deleted", "gone already"}
SHOWN = 3  # examples of each complaint
LONGEST = 150  # characters of an example, which may name hundreds of ids


@dataclass
class Told:
    """The files that one erasure left: its ledger and, if it got that far, its evidence."""

    path: Path

    @cached_property
    def ledger(self):
        """The ledger's bytes."""
        ledger = ledger_of(self.path)
        return ledger.read_bytes() if ledger.exists() else b""

    @cached_property
    def events(self):
        """The events in the ledger."""
        return [json.loads(line) for line in self.ledger.split(b"\n")[:-1]]

    @cached_property
    def states(self):
        """The state of each item in the evidence, by project, row and id; empty without evidence."""
        items = json.loads(self.path.read_bytes())["items"] if self.path.exists() else []
        return {(one["project"], one["row"], one["id"]): one["state"] for one in items}

    @property
    def planned(self):
        """The items that its runs planned, by project, row and id."""
        plans = [event["planned"].items() for event in self.events if event["event"] == "opened"]
        return {
            (project, row, one) for plan in plans for project, rows in plan for row, ids in rows.items() for one in ids
        }


def doomed(before, mode, project, tag):
    """Return the keys of the items to delete: the whole project, or those selected by a tag or by metadata.

    A selected tag is deleted from the workspace; an iteration that remains keeps its copy.
    """
    held = {key: labels for key, (_, labels) in before.items() if key[0] == project}
    if mode == "tag":
        return {key for key, labels in held.items() if tag in labels and not (key[2] == "tags" and key[1])}
    if mode == "metadata":
        return {key for key, labels in held.items() if labels >= set(SUBJECT.values())}
    return held.keys()


def judged(before, after, to_go, received, written):
    """Yield a line for each fault: in what was deleted or kept, in the calls, in the evidence and ledgers."""
    return [*_deeds(before, after, to_go), *_calls(received, written), *_words(before, after, received, written)]


def _deeds(before, after, to_go):
    stay = before.keys() - to_go
    yield from _complaint("are still there", to_go & after.keys())
    yield from _complaint("are gone, but were not selected", stay - after.keys())
    yield from _complaint("are not what they were", [key for key in stay & after.keys() if before[key] != after[key]])
    yield from _complaint("are new", after.keys() - before.keys())


def _calls(received, written):
    """Compare each deleting call with the last line of the ledger when the call arrived."""
    ledgers = {}
    for one in written:
        ledgers[str(ledger_of(one.path))] = one.ledger
    yield from _complaint(
        "calls were received that the ledger had not announced",
        [call for call in received if not _announced(call, ledgers.get(call.ledger, b""))],
    )


def _announced(call, ledger):
    lines = ledger[: call.written].split(b"\n")
    if len(lines) < 2 or lines[-1]:
        return False
    event = json.loads(lines[-2])
    meant = (event["event"], event.get("project"), event.get("row"), tuple(event.get("ids", ())))
    return meant == ("calling", call.project, call.row, call.ids)


def _words(before, after, received, written):
    """Compare the evidence and the ledgers with what happened."""
    there = {_thing(key) for key in after}
    gone = {_thing(key) for key in before} - there
    sent = {(call.project, call.row, one) for call in received for one in call.ids}
    states = [pair for one in written for pair in one.states.items()]
    deleted = {thing for thing, state in states if state == "deleted"}
    yield from _complaint("are reported deleted, and are there", deleted & there)
    yield from _complaint(
        "are reported deleted, and no call for them was received",
        [thing for thing in deleted if thing not in sent and (thing[0], "projects", thing[0]) not in sent],
    )
    yield from _complaint("are gone, and in no ledger's plan", gone - set().union(*(one.planned for one in written)))
    reported = {thing for thing, state in states if state in GONE}
    yield from _complaint("are gone, and no evidence says so", gone - reported)


def _thing(key):
    """Return the project, row and id of a key; an iteration's copy of a tag counts as part of that iteration."""
    project, place, row, identity = key
    return (project, "iterations", place) if row == "tags" and place else (project, row, identity)


def _complaint(words, things):
    if things:
        shown = "; ".join(one[:LONGEST] for one in sorted(map(str, things))[:SHOWN])
        yield f"{len(things)} {words}: {shown}"


def figures(written, received):
    """Return the number of items in each state, in the evidence of all erasures, and the number of calls."""
    states = Counter(state for one in written for state in one.states.values())
    lines = sum(len(one.events) for one in written)
    size = sum(len(one.ledger) for one in written)
    counted = ", ".join(f"{number} {state}" for state, number in sorted(states.items())) or "no evidence"
    return f"{len(received)} deletion calls received; ledger {lines} lines, {size / 2**20:.1f} MiB; {counted}"
