"""The scope of a run (projects, rows, data subject), and the records that a selection takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.table.categories import category
from cv_gdpr.table.findings import Detail, Finding, Item

if TYPE_CHECKING:
    from cv_gdpr.verbatim import Json


def same_text(text: str) -> str:
    """Return a text in the one spelling of all that are canonically equivalent (Unicode NFC), to compare it."""
    if text.isascii():
        return text
    import unicodedata

    return unicodedata.normalize("NFC", text)


class Selection(NamedTuple):
    """The selectors of one data subject: more values widen, more kinds narrow. Without any, everything is selected.

    Tags and metadata are in the spelling of `same_text`; `selection_of` makes such a selection.
    """

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

    def hashed(self, salt: str, unmatched: Iterable[str] = (), undecided: Iterable[str] = ()) -> list[Json]:
        """Return each value as SHA-256 of salt and value: only those who know a value can recognise it.

        `undecided` matched nothing either, but not everything in scope could be listed: that is not known (null).
        """
        import hashlib

        values = [("--tag", tag, tag) for tag in self.tags]
        values += [("--metadata", f"{key}={value}", f"{key}=…") for key, value in self.metadata]
        values += [("--image-id", identity, identity) for identity in self.image_ids]
        matched: dict[str, bool | None] = dict.fromkeys(unmatched, False) | dict.fromkeys(undecided, None)
        return [
            {
                "selector": kind,
                "sha256": hashlib.sha256(f"{salt}{value}".encode(errors="surrogatepass")).hexdigest(),
                "matched": matched.get(f"{kind} {shown}", True),
            }
            for kind, value, shown in sorted(values)
        ]


def selection_of(tags: Iterable[str], metadata: Iterable[tuple[str, str]], image_ids: Iterable[str]) -> Selection:
    """Return the selection of values as they were typed."""
    pairs = ((same_text(key), same_text(value)) for key, value in metadata)
    return Selection(frozenset(map(same_text, tags)), frozenset(pairs), frozenset(image_ids))


class Scope(NamedTuple):
    """The projects, rows and data subject of a run."""

    projects: tuple[str, ...] = ()  # names or ids; empty: all
    rows: tuple[str, ...] = ()  # empty: all
    selection: Selection = Selection()


class Matches:
    """Which selector values matched, and whether any record matched all kinds.

    `seen_metadata` holds each KEY=VALUE that was read, to suggest similar ones.
    """

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.found: set[object] = set()
        self.taken = False
        self.ids: set[tuple[str, str]] = set()  # row and id of what was taken
        self.seen_metadata: set[str] = set()

    def takes(self, row: str, record: Json) -> bool:
        """Return whether the selection takes this record of a row, and remember the values that matched."""
        chosen = self.selection
        if chosen.metadata:
            self.seen_metadata.update(f"{key}={value}" for key, value in _metadata(record))
        by_kind = [
            (chosen.tags, chosen.tags and chosen.tags & set(map(same_text, category(row).tag_names(record)))),
            (chosen.metadata, chosen.metadata & set(_metadata(record))),
            (chosen.image_ids, chosen.image_ids & {str(record.get("id"))}),
        ]
        hits = [hit for values, hit in by_kind if values]
        self.found.update(*hits)
        if not all(hits):
            return False
        self.taken = True
        self.ids.add((row, str(record.get("id"))))
        return True

    @property
    def unmatched(self) -> list[str]:
        """The values that matched nothing, each as its option is written; of metadata only the key.

        If at least one record was taken, a value counts as matched even where the other kinds excluded its records.
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
        yield from ((same_text(str(key)), same_text(str(value))) for key, value in pairs.items())


def selected(findings: Iterator[Finding], matches: Matches) -> Iterator[Finding]:
    """Yield the findings that the selection takes; tallies and absences pass, since they prove the listing itself."""
    for finding in findings:
        if (
            not matches.selection
            or not isinstance(finding, (Item, Detail))
            or _goes_with(finding, matches)
            or matches.takes(finding.row, finding.record)
        ):
            yield finding


def _goes_with(finding: Item | Detail, matches: Matches) -> bool:
    """Return whether a detail belongs to an item that was taken, whatever the detail itself says."""
    return isinstance(finding, Detail) and (finding.row, str(finding.record.get("id"))) in matches.ids
