"""The selectors of a run, and which records they take: of one data subject, of one model, or what is old."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cv_gdpr.archive.names import same_id
from cv_gdpr.errors import MalformedAnswer
from cv_gdpr.table.categories import IMAGES, category
from cv_gdpr.table.findings import Absence, Detail, Finding, Item, Tally, Unread, Unready
from cv_gdpr.table.labels import metadata_of, predicted, same_text

if TYPE_CHECKING:
    from datetime import datetime

    from cv_gdpr.verbatim import Json

TAG, METADATA, IMAGE_ID, EXCEPT = "--tag", "--metadata", "--image-id", "--except-ids-file"
PREDICTED, ITERATION, AGE = "--predicted-tag", "--iteration", "--before"
Value: TypeAlias = tuple[str, object]
"""A selector's kind and one of its values."""

BY_ID = frozenset({IMAGE_ID, EXCEPT})
"""The selectors whose values are ids of the service, which may stand in messages and evidence."""


class Selection(NamedTuple):
    """The selectors of a run: more values widen, more kinds narrow. Without any, everything is selected.

    Texts are in the spelling of `same_text`; `selection_of` makes such a selection. `before` is a time in UTC
    (2026-01-31T00:00:00Z), or empty; `older_than` is the age from which it was made. `copies` are images and
    predictions that are taken whatever the selectors say of them: id of a copy -> id of the original. `doubtful`
    ones may be copies and are not taken. `in_bag` are the kinds and values that matched in the bag of the copies.
    """

    tags: frozenset[str] = frozenset()
    metadata: frozenset[tuple[str, str]] = frozenset()
    image_ids: frozenset[str] = frozenset()
    predicted_tags: frozenset[str] = frozenset()
    min_probability: float | None = None  # None: where the tag is the most probable one
    iterations: frozenset[str] = frozenset()
    before: str = ""
    older_than: str = ""
    except_ids: frozenset[str] = frozenset()
    copies: Mapping[str, str] = {}
    doubtful: Mapping[str, str] = {}
    in_bag: frozenset[tuple[str, object]] = frozenset()

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of selector in use, by the names of their options."""
        return frozenset(kind for kind, values in self._values() if values)

    @property
    def only_age(self) -> bool:
        """Whether age alone selects."""
        return self.kinds - {EXCEPT} == {AGE}

    @property
    def by_tag(self) -> bool:
        """Whether names of tags select, so that they count in the marks of what was selected."""
        return bool(self.tags or self.predicted_tags)

    def __bool__(self) -> bool:
        return any(values for _, values in self._values())

    def _values(self) -> list[tuple[str, Iterable[object]]]:
        return [
            (TAG, self.tags),
            (METADATA, self.metadata),
            (IMAGE_ID, self.image_ids),
            (PREDICTED, self.predicted_tags),
            (ITERATION, self.iterations),
            (AGE, {self.before} - {""}),
            (EXCEPT, self.except_ids),
        ]

    def each(self) -> list[tuple[str, object, str]]:
        """Return kind, value, and value as text of every selector."""
        return sorted(
            (kind, value, "=".join(value) if isinstance(value, tuple) else str(value))
            for kind, values in self._values()
            for value in values
        )

    def hashed(self, salt: str, absent: Container[Value] = (), *, decided: bool = True) -> list[Json]:
        """Return each value as SHA-256 of salt and value: only those who know a value can recognise it.

        `absent` are those that matched nothing. Unless `decided`, not everything in scope could be listed: that they
        match nothing is not known (null).
        """
        return [
            {
                "selector": kind,
                "sha256": salted(salt, text),
                "matched": (False if decided else None) if (kind, value) in absent else True,
            }
            for kind, value, text in self.each()
        ]

    def typed(self, salt: str | None, sha256: str) -> str:
        """Return the option and value with this hash; of metadata only the key; empty for an unknown one."""
        same = ((kind, value) for kind, value, text in self.each() if salted(salt or "", text) == sha256)
        return next((shown(kind, value) for kind, value in same), "")


def salted(salt: str, text: str) -> str:
    """Return the SHA-256 of a salt and a text, which only those recognise who know the text."""
    import hashlib

    return hashlib.sha256(f"{salt}{text}".encode(errors="surrogatepass")).hexdigest()


def selection_of(
    tags: Iterable[str] = (),
    metadata: Iterable[tuple[str, str]] = (),
    image_ids: Iterable[str] = (),
    predicted_tags: Iterable[str] = (),
    iterations: Iterable[str] = (),
) -> Selection:
    """Return the selection of values as they were typed."""
    return Selection(
        tags=frozenset(map(same_text, tags)),
        metadata=frozenset((same_text(key), same_text(value)) for key, value in metadata),
        image_ids=frozenset(image_ids),
        predicted_tags=frozenset(map(same_text, predicted_tags)),
        iterations=frozenset(same_id(same_text(one)) for one in iterations),
    )


class Matches:
    """Which selector values matched, and whether any record matched all kinds.

    `seen_tags` and `seen_metadata` (KEY=VALUE) hold what was read, to suggest similar values. `kept` are the ids that
    --except-ids-file alone excluded.
    """

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.found: set[Value] = set()
        self.taken = False
        self._rows: dict[str, bool] = {}
        self.ids: set[tuple[str, str]] = set()  # row and id of what was taken, in the spelling of `same_id`
        self._others: set[tuple[str, str]] = set()  # ... of items that were read and not taken
        self.seen_tags: set[str] = set()
        self.seen_metadata: set[str] = set()
        self.kept: set[str] = set()
        self.doubtful: set[str] = set()  # what was read of `Selection.doubtful`, and is neither taken nor kept

    def takes(self, finding: Item | Detail) -> bool:
        """Return whether the selection takes a record, and remember the values that matched.

        Raise MalformedAnswer if only its age decides, and it does not say when it was created.
        """
        one = finding.row, _id_of(finding)
        taken = self._decide(finding, _spellings(finding))
        self.taken = self.taken or taken
        if taken:
            self.ids.add(one)
        elif isinstance(finding, Item) and finding.row == IMAGES:  # only of these do details come from other lists
            self._others.add(one)
        return taken

    def _decide(self, finding: Item | Detail, ids: set[str]) -> bool:
        chosen = self.selection
        self._see(finding, ids)
        hits = self._hits(finding, ids)
        self.found.update((kind, value) for kind, values in hits.items() for value in values)
        own = self._applies(finding.row) and all(hits.values())
        self.taken = self.taken or own  # what is too new, or kept, was found nevertheless
        meant = own or bool(ids & chosen.copies.keys())
        if not meant and not ids & chosen.doubtful.keys():
            return False  # before its age: the record of another person need not say when it was created
        if chosen.before and not is_before(finding.record, chosen.before):
            return False
        if ids & chosen.except_ids:
            self.kept |= ids & chosen.except_ids if meant else set()
            return False
        if not meant:
            self.doubtful |= ids & chosen.doubtful.keys()
        return meant

    def takes_detail(self, detail: Detail, row: str) -> bool:
        """Return whether a detail goes with an item of a row that was taken.

        Of what no list of items names, the selection takes it by what the detail says. Raise MalformedAnswer as
        `takes` does.
        """
        one = row, _id_of(detail)
        if detail.iteration and self.selection.iterations and self._applies(row):
            return self.takes(detail._replace(row=row))  # the same picture is in the test of other iterations too
        return one in self.ids or (one not in self._others and self.takes(detail._replace(row=row)))

    def has_taken(self, row: str, identity: str) -> bool:
        """Return whether an item of a row was taken; without selectors everything is."""
        return not self.selection or (row, same_id(identity)) in self.ids

    def concerns(self, finding: Unread | Absence | Tally) -> bool:
        """Return whether what is lacking or counted may be of something selected.

        A list may be, unless it is of an iteration that was not selected; an item only if it was taken.
        """
        place = finding.iteration
        if place and finding.row == "iterations":
            return self.has_taken(finding.row, place["id"])
        if place and self.selection.iterations and self._applies(finding.row):
            return bool(self.selection.iterations & _names_of(place))
        named = "" if isinstance(finding, Tally) else finding.id
        return not named or self.has_taken(finding.row, named)

    def _applies(self, row: str) -> bool:
        """Return whether every selector applies to a row: to another one only copies bring the selection."""
        if row not in self._rows:
            own = category(row)
            self._rows[row] = self.selection.kinds <= own.selectors | own.guards
        return self._rows[row]

    def _see(self, finding: Item | Detail, ids: set[str]) -> None:
        chosen = self.selection
        if chosen.metadata:
            self.seen_metadata.update(f"{key}={value}" for key, value in metadata_of(finding.record))
        if chosen.tags:
            self.seen_tags.update(category(finding.row).tag_names(finding.record))
        self.found.update((EXCEPT, one) for one in ids & chosen.except_ids)

    def _hits(self, finding: Item | Detail, ids: set[str]) -> dict[str, set[object]]:
        """Return, for each kind of selector in use that narrows, but for its age, the values that this record has."""
        chosen, record = self.selection, finding.record
        hits: dict[str, set[object]] = {}
        if chosen.tags:
            hits[TAG] = {*chosen.tags & set(map(same_text, category(finding.row).tag_names(record)))}
        if chosen.metadata:
            hits[METADATA] = {*chosen.metadata & set(metadata_of(record))}
        if chosen.image_ids:
            hits[IMAGE_ID] = {*chosen.image_ids & ids}
        if chosen.predicted_tags:
            hits[PREDICTED] = {*chosen.predicted_tags & set(map(same_text, predicted(record, chosen.min_probability)))}
        if chosen.iterations:
            hits[ITERATION] = {*chosen.iterations & _names_of(finding.iteration or record)}
        return hits

    @property
    def unmatched(self) -> list[Value]:
        """The values that matched nothing, but for an age.

        If at least one record was taken, a value counts as matched even where the other kinds excluded its records.
        """
        found = self.found if self.taken else {one for one in self.found if one[0] == EXCEPT}
        found = found | self.selection.in_bag
        each = ((kind, value) for kind, value, _ in self.selection.each() if kind != AGE)
        return [one for one in each if one not in found]

    def absent(self, kind: str) -> set[object]:
        """Return the values of a kind that no record has, whether another kind excluded it or not."""
        return {value for one, value, _ in self.selection.each() if one == kind and (one, value) not in self.found}


def shown(kind: str, value: object) -> str:
    """Return a value as its option is written; of metadata only the key."""
    return f"{kind} {value[0]}=…" if isinstance(value, tuple) else f"{kind} {value}"


def _id_of(finding: Item | Detail) -> str:
    return same_id(finding.id if isinstance(finding, Item) else str(finding.record.get("id")))


def _spellings(finding: Item | Detail) -> set[str]:
    """Return the id of a record as it was sent, and as `same_id` spells it."""
    sent = str(finding.record.get("id"))
    return {sent, same_id(sent)}


def _names_of(iteration: Json) -> set[str]:
    return {same_id(str(iteration.get("id"))), same_id(same_text(str(iteration.get("name"))))}


def is_before(record: Json, time: str) -> bool:
    """Return whether a record was created before a time; raise MalformedAnswer if it does not say when."""
    return _created(record) < _moment(time)


def _created(record: Json) -> datetime:
    try:
        found = _moment(record["created"])
    except (KeyError, ValueError, TypeError):
        found = None
    if found is None or found.year == 1:  # the year 1 stands for a date that was never set
        words = f"the record of {record.get('id')} does not say when it was created"
        raise MalformedAnswer(words, "without --before and --older-than it is not needed")
    return found


def _moment(text: str) -> datetime:
    """Return a time; images have no Z behind theirs, which is UTC (recorded sessions)."""
    from datetime import UTC, datetime

    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def selected(findings: Iterator[Finding], matches: Matches) -> Iterator[Finding]:
    """Yield the findings that the selection takes, and what is lacking of them.

    Tallies pass, and lists that could not be read, since they prove the listing itself.
    """
    for finding in findings:
        if not matches.selection or isinstance(finding, Unready):
            yield finding
        elif isinstance(finding, (Item, Detail)):
            yield from taken_of(finding, matches, finding.row)
        elif matches.concerns(finding):
            yield finding


def taken_of(finding: Item | Detail, matches: Matches, row: str) -> Iterator[Finding]:
    """Yield a record of an item of a row if the selection takes it; an Unread of it alone if it does not say enough."""
    try:
        taken = matches.takes_detail(finding, row) if isinstance(finding, Detail) else matches.takes(finding)
    except MalformedAnswer as error:
        yield Unread(finding.row, error, finding.file, finding.iteration, str(finding.record.get("id")))
    else:
        if taken:
            yield finding
