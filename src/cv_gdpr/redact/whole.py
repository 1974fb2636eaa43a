"""A whole bag, without what is gone: its projects, the lists of the resource, the gaps, export.json, the tag files."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from cv_gdpr.archive.bag import Bag
from cv_gdpr.archive.bag_info import REDACTED, SUMMARY, bag_info_of
from cv_gdpr.archive.closing import OXUM
from cv_gdpr.archive.folder import MISSING
from cv_gdpr.archive.json_files import content_of, value_of
from cv_gdpr.archive.names import same_id
from cv_gdpr.evidence.clock import now
from cv_gdpr.evidence.proven import Proven
from cv_gdpr.evidence.records import TOOL, as_json
from cv_gdpr.patterns import lines_of
from cv_gdpr.redact.gone import Gone
from cv_gdpr.redact.new_bag import NewBag
from cv_gdpr.redact.project import ProjectRedaction
from cv_gdpr.table.categories import ACCOUNT, ITERATIONS, category
from cv_gdpr.verbatim import Json, json_line, json_text, json_value
from cv_gdpr.verify import counted
from cv_gdpr.verify.redactions import (
    FORMAT,
    REDACTIONS,
    Named,
    Redaction,
    Redactions,
    TakenIds,
    TakenRecords,
    redaction_in,
)
from cv_gdpr.watching import tell

TAG_MANIFEST = "tagmanifest-sha256.txt"
_INFO = "bag-info.txt"
_SUMMARY = f"data/{SUMMARY}"
_LIST = "data/projects.jsonl"
_GAPS = f"data/{MISSING}"


class Order(NamedTuple):
    """By which evidence, and for whom."""

    proven: Proven
    reference: str = ""
    operator: str = ""


@dataclass
class Taken:
    """What was taken out of a bag."""

    items: list[TakenIds] = field(default_factory=list)
    records: list[TakenRecords] = field(default_factory=list)
    changed: int = 0
    files: int = 0
    size: int = 0
    hashes: list[str] = field(default_factory=list)  # of the files that were taken out
    forgotten: int = 0  # entries of an index of `find` that were taken out
    linked_elsewhere: int = 0
    models_kept: dict[str, list[str]] = field(default_factory=dict)  # project: iterations with exported models
    signatures: list[Named] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many items were taken out."""
        return sum(len(one.ids) for one in self.items)

    @property
    def rows(self) -> dict[str, int]:
        """How many of each row."""
        found: dict[str, int] = {}
        for one in self.items:
            found[one.row] = found.get(one.row, 0) + len(one.ids)
        return found

    def add(self, done: ProjectRedaction) -> None:
        """Add what was taken out of a project."""
        project = done.project.id
        self.items += [TakenIds(project=project, row=row, ids=ids) for row, ids in done.taken.items()]
        for (iteration, file), count in done.records.items():
            place = done.id_of(iteration)
            self.records.append(TakenRecords(project=project, iteration=place, file=file, records=count))
        self.changed += done.changed
        self.files += done.files
        self.size += done.size
        self.hashes += done.hashes
        self.linked_elsewhere += done.linked_elsewhere
        if done.models_kept:
            self.models_kept[project] = sorted(done.models_kept)


def written(bag: Bag, gone: Gone, order: Order, folder: Path, signatures: list[Named]) -> Taken:
    """Write a verified bag, without what is gone, into a new folder; return what was taken out.

    Where nothing was, the folder is not closed. Raise OSError, InvalidContent, StorageError.
    """
    new, taken = NewBag(folder), Taken(signatures=signatures)
    summary: Json = json_value(content_of(bag.at(_SUMMARY)))
    dropped: dict[str, set[str]] = {}
    projects = list(bag.projects())
    for number, project in enumerate(projects):
        tell("projects redacted", number, len(projects))
        one = ProjectRedaction(bag, project, gone, new)
        one.run()
        taken.add(one)
        dropped[project.id] = {named for ids in one.taken.values() for named in ids}
    if gone.everything:
        taken.items.append(_account(order.proven))
    if not taken.items:
        return taken
    _write_resource(bag, gone, new)
    complete = _write_gaps(bag, gone, dropped, new)
    redactions, stated = _write_redactions(bag, taken, order, new)
    less = _less(summary, gone, complete=complete) | {REDACTED: stated}
    for row, (held, exported) in counted(folder, less).items():
        less["rows"][row] = {"held": held, "exported": exported}
    new.write(_SUMMARY, [json_text(less, indent=True).encode(), b"\n"])
    new.close(_info(bag, summary, less), {REDACTIONS: redactions})
    return taken


def _account(proven: Proven) -> TakenIds:
    return TakenIds(project=None, row=ACCOUNT, ids=sorted({one.id for one in proven.gone}))


def _write_resource(bag: Bag, gone: Gone, new: NewBag) -> None:
    """Write the list of projects and the files about the Azure resource."""
    stays = [project for project in bag.projects() if not gone.of(project.id).whole]
    if stays and bag.has(_LIST):
        new.write(_LIST, _entries(bag, gone))
    for file in category(ACCOUNT).files if not gone.everything else ():
        if bag.has(f"data/{file.name}"):
            new.write(f"data/{file.name}", bag.lines(f"data/{file.name}"))


def _entries(bag: Bag, gone: Gone) -> Iterator[bytes]:
    for line in bag.lines(_LIST):
        named = value_of(line)["id"]
        if gone.of(named).whole:
            continue
        less = gone.without(json_value(line), named)
        yield line if less == json_value(line) else json_line(less)


def _write_gaps(bag: Bag, gone: Gone, dropped: dict[str, set[str]], new: NewBag) -> bool | None:
    """Write the gaps that stay; return whether the export is complete now, None if it always was."""
    if not bag.has(_GAPS):
        return None
    stay = [line for line in bag.lines(_GAPS) if not _is_about_gone(value_of(line), gone, dropped)]
    if stay:
        new.write(_GAPS, stay)
    return not stay


def _is_about_gone(entry: Json, gone: Gone, dropped: dict[str, set[str]]) -> bool:
    project = entry["project"]
    if project is None:
        return gone.everything
    named = {same_id(one) for one in (entry["iteration"], entry["id"]) if one is not None}
    return gone.of(project).whole or not dropped.get(project, set()).isdisjoint(named)


def _write_redactions(bag: Bag, taken: Taken, order: Order, new: NewBag) -> tuple[str, Json | None]:
    """Write redactions.jsonl with the line of this run; return its hash, and what export.json says of it."""
    evidence = Named(file=order.proven.path.name, sha256=order.proven.sha256)
    line = Redaction(
        format=FORMAT,
        tool=TOOL,
        at=now(),
        evidence=evidence,
        reference=order.reference,
        operator=order.operator,
        before=hashlib.sha256(content_of(bag.folder / TAG_MANIFEST)).hexdigest(),
        signatures=taken.signatures,
        items=taken.items,
        records=taken.records,
        files=taken.files,
        bytes=taken.size,
    )
    before = list(bag.lines(REDACTIONS)) if bag.has(REDACTIONS) else []
    all_of_them = Redactions([*map(redaction_in, before), line])
    return new.write(REDACTIONS, [*before, json_line(as_json(line))]), all_of_them.stated


def _less(summary: Json, gone: Gone, *, complete: bool | None) -> Json:
    """Return export.json without the projects that are gone; the counts are still the old ones."""
    stays = [project for project in summary["projects"] if not gone.of(project["id"]).whole]
    changed: dict[str, Any] = {"projects": stays, "rows": dict(summary["rows"])}
    if "copiesOutside" in summary:
        changed["copiesOutside"] = [one for one in summary["copiesOutside"] if not gone.of(one["project"]).whole]
    if complete is not None:
        changed["complete"] = complete
    if "copies" in summary:
        pairs = summary["copies"].items()
        changed["copies"] = {one: of for one, of in pairs if not gone.named_in(f"{one} {of}".encode())}
    if "trusted" in summary:
        changed["trusted"] = [one for one in summary["trusted"] if not _is_about_gone_list(one, gone)]
    if "predictionsNotSearched" in summary:
        counts = summary["predictionsNotSearched"]
        changed["predictionsNotSearched"] = {one: count for one, count in counts.items() if not gone.of(one).whole}
    less = summary | changed
    if gone.everything:
        less.pop("resource", None)
    return less


def _is_about_gone_list(one: Json, gone: Gone) -> bool:
    of = gone.of(one["project"])
    return of.whole or of.holds(ITERATIONS, one["iteration"])


def _info(bag: Bag, before: Json, after: Json) -> list[tuple[str, str]]:
    """Return the lines of bag-info.txt: what follows from export.json made anew, the others as they are."""
    anew = {OXUM, *(label for label, _ in bag_info_of(before))}
    return [
        *(pair for pair in _pairs(content_of(bag.folder / _INFO).decode()) if pair[0] not in anew),
        *bag_info_of(after),
    ]


def _pairs(text: str) -> list[tuple[str, str]]:
    """Return labels and values; a line that begins with a blank continues the one before (RFC 8493, section 2.2.2)."""
    pairs: list[tuple[str, str]] = []
    for line in lines_of(text):
        if line[:1].isspace() and pairs:
            pairs[-1] = pairs[-1][0], f"{pairs[-1][1]} {line}"
        elif line.strip():
            label, _, value = line.partition(":")
            pairs.append((label, value))
    return pairs
