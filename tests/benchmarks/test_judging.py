"""Tests of the judge for the soak of `delete`: it reports every fault that an erasure could have."""

import json
from dataclasses import replace

import pytest

from cv_gdpr.evidence.files import ledger_of
from tests.benchmarks.erasable import Received
from tests.benchmarks.judging import Told, doomed, judged

IMAGE, COPY, BYSTANDER = ("p", "", "images", "i"), ("p", "it", "images", "i"), ("q", "", "images", "j")


class Story:
    """An erasure of one image and its files; correct until a test changes it."""

    def __init__(self, folder):
        self.path = folder / "e.json"
        self.before = {key: ("as it was", frozenset()) for key in (IMAGE, COPY, BYSTANDER)}
        self.after = {BYSTANDER: self.before[BYSTANDER]}
        self.planned = ["i"]
        self.announced = {"event": "calling", "project": "p", "row": "images", "ids": ["i"]}
        self.calls = [Received("DeleteImages", "p", "images", ("i",), str(ledger_of(self.path)), 0)]
        self.states = {"i": "deleted"}

    def judge(self):
        """Write the ledger and evidence, and return the reported faults."""
        opened = {"event": "opened", "planned": {"p": {"images": self.planned}}}
        lines = b"".join(json.dumps(event).encode() + b"\n" for event in (opened, self.announced))
        ledger_of(self.path).write_bytes(lines + b'{"event":"looked"}\n')
        items = [{"project": "p", "row": "images", "id": one, "state": state} for one, state in self.states.items()]
        self.path.write_text(json.dumps({"items": items}))
        calls = [replace(call, written=call.written or len(lines)) for call in self.calls]
        return judged(self.before, self.after, {IMAGE, COPY}, calls, [Told(self.path)])


@pytest.fixture
def story(tmp_path):
    """Return a correct erasure."""
    return Story(tmp_path)


def test_a_correct_erasure_gets_no_complaint(story):
    assert story.judge() == []


def left_in_an_iteration(story):
    story.after[COPY] = story.before[COPY]


def took_a_bystander(story):
    story.after.clear()


def changed_a_bystander(story):
    story.after[BYSTANDER] = ("otherwise", frozenset())


def made_something(story):
    story.after["q", "", "tags", "t"] = ("new", frozenset())


def announced_others(story):
    story.announced["ids"] = ["k"]


def announced_nothing(story):
    story.announced["event"] = "looked"


def sent_before_it_was_announced(story):
    story.calls = [replace(story.calls[0], written=1)]


def sent_nothing(story):
    story.calls = []


def planned_nothing(story):
    story.planned = []


def told_nothing(story):
    story.states = {}


def told_a_failure(story):
    story.states = {"i": "failed"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (left_in_an_iteration, ["are still there", "are reported deleted, and are there"]),
        (took_a_bystander, ["were not selected", "in no ledger's plan", "no evidence says so"]),
        (changed_a_bystander, ["not what they were"]),
        (made_something, ["are new"]),
        (announced_others, ["had not announced"]),
        (announced_nothing, ["had not announced"]),
        (sent_before_it_was_announced, ["had not announced"]),
        (sent_nothing, ["no call for them was received"]),
        (planned_nothing, ["in no ledger's plan"]),
        (told_nothing, ["no evidence says so"]),
        (told_a_failure, ["no evidence says so"]),
    ],
)
def test_each_fault_of_an_erasure_is_reported(story, wrong, words):
    wrong(story)

    complaints = story.judge()

    assert len(complaints) == len(words), complaints
    for complaint, expected in zip(complaints, words, strict=True):
        assert complaint.startswith("1 ")
        assert expected in complaint


HELD = {
    ("p", "", "projects", "p"): set(),
    ("p", "it", "iterations", "it"): set(),
    ("p", "", "tags", "t"): {"t"},
    ("p", "it", "tags", "t"): {"t"},
    ("p", "", "images", "tagged"): {"t"},
    ("p", "it", "images", "tagged"): {"t"},
    ("p", "", "images", "hers"): {"collins"},
    ("p", "it", "images", "hers too"): {"t", "collins"},
    ("p", "", "predictions", "seen"): {"t"},
    ("q", "", "images", "tagged"): {"t", "collins"},
}


@pytest.mark.parametrize(
    ("mode", "stays"),
    [
        ("everything", set()),
        ("tag", {"p", "it", "hers", "copy of the tag"}),
        ("metadata", {"p", "it", "t", "copy of the tag", "tagged", "seen"}),
    ],
)
def test_doomed_keys_for_each_mode(mode, stays):
    before = {key: ("", frozenset(labels)) for key, labels in HELD.items()}

    left = before.keys() - doomed(before, mode, "p", "t")

    named = {"copy of the tag" if key[1:3] == ("it", "tags") else key[3] for key in left if key[0] == "p"}
    assert named == stays
    assert ("q", "", "images", "tagged") in left
