"""What a run is about: which projects, which rows, which data subject; and which records a selection takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.table.categories import category
from cv_gdpr.table.findings import Detail, Finding, Item

if TYPE_CHECKING:
    from cv_gdpr.verbatim import Json


class Selection(NamedTuple):
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
        import hashlib

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


class Scope(NamedTuple):
    """What a run is about: all projects or those named, which rows (none: all), which data subject."""

    projects: tuple[str, ...] = ()  # names or ids; none: all
    rows: tuple[str, ...] = ()
    selection: Selection = Selection()


class Matches:
    """Which values of a selection have matched something so far, and whether all kinds together ever took a record.

    `seen_metadata` holds KEY=VALUE of what was seen, to suggest near values.
    """

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.found: set[object] = set()
        self.taken = False
        self.seen_metadata: set[str] = set()

    def takes(self, row: str, record: Json) -> bool:
        """Say whether the selection takes this record of a row, and remember which values did."""
        chosen = self.selection
        if chosen.metadata:
            self.seen_metadata.update(f"{key}={value}" for key, value in _metadata(record))
        by_kind = [
            (chosen.tags, chosen.tags & category(row).tag_names(record)),
            (chosen.metadata, chosen.metadata & set(_metadata(record))),
            (chosen.image_ids, chosen.image_ids & {str(record.get("id"))}),
        ]
        hits = [hit for values, hit in by_kind if values]
        self.found.update(*hits)
        if not all(hits):
            return False
        self.taken = True
        return True

    @property
    def unmatched(self) -> list[str]:
        """The values that matched nothing, each as its option would be written; metadata by its key alone.

        A value that only the other kinds keep out has matched, unless nothing at all was taken.
        """
        chosen, found = self.selection, self.found if self.taken else set()
        return sorted(
            [f"--tag {name}" for name in chosen.tags - found]
            + [f"--metadata {key}=…" for key, value in chosen.metadata if (key, value) not in found]
            + [f"--image-id {identity}" for identity in chosen.image_ids - found]
        )


def _metadata(record: Json) -> Iterator[tuple[str, str]]:
    pairs = record.get("metadata")
    if isinstance(pairs, dict):
        yield from ((str(key), str(value)) for key, value in pairs.items())


def selected(findings: Iterator[Finding], matches: Matches) -> Iterator[Finding]:
    """Give the findings that the selection takes; tallies and absences pass, they prove the listing itself."""
    for finding in findings:
        takeable = isinstance(finding, (Item, Detail)) and matches.selection
        if not takeable or matches.takes(finding.row, finding.record):  # type: ignore[union-attr]
            yield finding
