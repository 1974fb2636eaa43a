"""Helpers for the tests of `redact`: an export of two projects, and erasures of parts of what it holds."""

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.delete.erasing import stock
from tests.export.exporting import everything, files


@dataclass
class Earlier:
    """An export of a resource, and erasures of parts of it: before each, the resource is filled again."""

    sim: Any
    cli: Any
    bag: Path
    projects: list[str]
    state: Any
    made: dict[tuple[str, ...], Path] = field(default_factory=dict)

    def fill(self):
        """Fill the resource again."""
        self.sim.store.projects = copy.deepcopy(self.state)

    def erased(self, *words, code=0):
        """Return the path of the evidence of an erasure from the full resource, made once for these words."""
        if words not in self.made:
            self.fill()
            self.made[words] = self.bag.parent / f"erasure-{len(self.made)}.json"
            ran = self.cli("delete", *words, "--yes", "--wait", "0.4", "--evidence", self.made[words])
            assert ran.code == code, ran.err
        return self.made[words]


def earlier(sim, cli, folder):
    """Fill a resource and export it; return both."""
    projects = [stock(sim), stock(sim, "Strangers", images=5)]
    _describe(sim, projects[0])
    assert cli("export", "--all", "--out", folder / "answer").code == 0
    return Earlier(sim, cli, folder / "answer", projects, copy.deepcopy(sim.store.projects))


def _describe(sim, project):
    """Add metadata to an image that names another image: what a person wrote stays."""
    images = sim.store.projects[project].workspace.images
    last = next(reversed(images))
    images[last].metadata["remark"] = "Grüße, \\u00e9"


def gone(evidence):
    """Return row -> ids that evidence proves gone."""
    found: dict[str, set[str]] = {}
    for one in json.loads(evidence.read_text())["items"]:
        if one["state"] in {"deleted", "gone already"}:
            found.setdefault(one["row"], set()).add(one["id"])
    return found


def content(bag):
    """Return all names and bytes of a bag, but for redactions.jsonl, which names what was taken out."""
    told = bag / "redactions.jsonl"
    kept = told.read_bytes() if told.exists() else b""
    return everything(bag).replace(kept, b"") if kept else everything(bag)


def named_in(bag, ids):
    """Return those ids that a bag still names, in either of the spellings of the service."""
    text = content(bag).lower()
    return {one for one in ids if one.encode() in text or one.replace("-", "").encode() in text}


def lines(bag):
    """Return path -> lines of every list in a bag's data."""
    return {
        path.relative_to(bag / "data").as_posix(): path.read_bytes().splitlines(keepends=True)
        for path in files(bag / "data")
        if path.suffix == ".jsonl"
    }


def pictures(bag):
    """Return path -> content of every file of an image, a prediction or a model."""
    return {
        path.relative_to(bag / "data").as_posix(): path.read_bytes()
        for path in files(bag / "data")
        if path.suffix not in {".json", ".jsonl"}
    }


def told(bag):
    """Return the lines of redactions.jsonl."""
    return [json.loads(line) for line in (bag / "redactions.jsonl").read_bytes().splitlines()]


def beside(folder):
    """Return the names in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())
