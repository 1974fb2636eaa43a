"""What reading a resource yields, one thing after the other: the words that readers and use cases share."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

WORKSPACE: Json | None = None
"""The place of things that belong to a project itself, beside the iterations trained from it."""


@dataclass(frozen=True)
class Blob:
    """Bytes that belong to an item: a URI as the service gave it (signature and all), and the file to be."""

    stem: str  # path in the project's folder, without suffix
    uri: str
    suffix: str = ""  # only where the bytes do not tell their type


@dataclass(frozen=True)
class Item:
    """One thing that the service holds: its row, id, place, verbatim JSON, the file for that, and its bytes."""

    row: str
    id: str
    record: Json
    file: str  # name in the folder of its place; .jsonl holds a line each, .json this alone
    iteration: Json | None = WORKSPACE
    blobs: tuple[Blob, ...] = ()


@dataclass(frozen=True)
class Detail:
    """More JSON about things that are counted elsewhere, written beside them."""

    row: str
    record: Json
    file: str
    iteration: Json | None = WORKSPACE


@dataclass(frozen=True)
class Absence:
    """Something that the service says it does not have or does not give: recorded, and no error."""

    row: str
    id: str
    reason: str
    iteration: Json | None = WORKSPACE
    gone: bool = False  # it was listed, and somebody deleted it before its bytes were fetched


@dataclass(frozen=True)
class Tally:
    """The proof of one listing: how many the service counted before and after, how many it listed."""

    row: str
    file: str
    before: int
    after: int
    listed: int
    iteration: Json | None = WORKSPACE

    @property
    def agrees(self) -> bool:
        """Say whether nothing can be missing."""
        return self.before == self.after == self.listed


Finding: TypeAlias = Item | Detail | Absence | Tally


@dataclass(frozen=True)
class Selection:
    """One data subject: values of a kind widen, kinds narrow. Empty selects everything."""

    tags: frozenset[str] = frozenset()
    metadata: frozenset[tuple[str, str]] = frozenset()
    image_ids: frozenset[str] = frozenset()

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of selector in use, by the names of their options."""
        used = {"--tag": self.tags, "--metadata": self.metadata, "--image-id": self.image_ids}
        return frozenset(kind for kind, values in used.items() if values)

    def __bool__(self) -> bool:
        return bool(self.tags or self.metadata or self.image_ids)

    def hashed(self, salt: str, unmatched: Iterable[str] = ()) -> list[Json]:
        """Give each value as SHA-256 of salt and value, so that who knows it can check it and others cannot read it."""
        values = [("--tag", tag, tag) for tag in self.tags]
        values += [("--metadata", f"{key}={value}", f"{key}=…") for key, value in self.metadata]
        values += [("--image-id", identity, identity) for identity in self.image_ids]
        failed = set(unmatched)
        return [
            {
                "selector": kind,
                "sha256": hashlib.sha256(f"{salt}{value}".encode(errors="surrogatepass")).hexdigest(),
                "matched": f"{kind} {shown}" not in failed,
            }
            for kind, value, shown in sorted(values)
        ]


@dataclass(frozen=True)
class Scope:
    """What a run is about: all projects or those named, which rows (none: all), which data subject."""

    projects: tuple[str, ...] = ()  # names or ids; none: all
    rows: tuple[str, ...] = ()
    selection: Selection = field(default_factory=Selection)
