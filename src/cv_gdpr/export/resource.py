"""The use case of an export: read the inventory, store its JSON and files, check the counts, close the bag."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cv_gdpr.archive.bag_info import SUMMARY
from cv_gdpr.archive.folder import MISSING, Folder, check_usable, new_folder, run_of
from cv_gdpr.archive.journal import Reused
from cv_gdpr.downloads.fetcher import Fetcher
from cv_gdpr.downloads.process import Fetching
from cv_gdpr.errors import CvGdprError, Interrupted, UsageError
from cv_gdpr.export.project import ProjectExport
from cv_gdpr.export.resource_rows import RowsOfResource
from cv_gdpr.export.result import ExportResult, RowCount, bag_info, missing_entry, resuming, summary
from cv_gdpr.export.reuse import Reuse
from cv_gdpr.masking import fingerprint
from cv_gdpr.service.azure_resource import Wanted
from cv_gdpr.service.client import Service
from cv_gdpr.table.account import resource_of
from cv_gdpr.table.categories import ACCOUNT, PROJECTS, Category, layout, reads_projects
from cv_gdpr.table.inventory import FOR_SELECTED, near_values, not_searched_but_for, projects_in, rows_in
from cv_gdpr.table.outside import copies_outside
from cv_gdpr.table.readers import Project, Resource
from cv_gdpr.table.scope import Scope
from cv_gdpr.table.selection import Matches, shown
from cv_gdpr.verbatim import Json
from cv_gdpr.watching import step

ACCOUNT_FILE = "account.json"
_POLL = 0.5  # seconds between two checks for a signal
_TO_STOP = 3.0  # seconds that running work gets to end when the run is stopped
_PROJECTS_AT_ONCE = 4  # enough to use 10 calls a second if an answer takes about 100 ms


@dataclass(frozen=True)
class Options:
    """The options of an export: its folder, how to fetch blobs, whether to keep the account's keys in clear text.

    Without `out`, the run creates a folder named after the time.
    """

    out: Path | None
    fetching: Fetching = field(default_factory=Fetching)
    include_keys: bool = False
    reuse: tuple[Path, ...] = ()  # earlier exports, whose files are taken instead of downloaded
    trust_listings: bool = False  # take from these the lists of iterations that have not changed
    accept_missing: bool = False  # close the bag though items are missing
    azure: Wanted | None = None  # the Azure resource, for the row account
    recheck: bool = False  # compare the hashes of files that an earlier run stored, not only their sizes
    reference: str = ""  # of the people behind it, kept in the bag
    operator: str = ""
    without_azure: str = ""  # what to say of the row account without `azure`, in place of the table's words


def export(
    service: Service,
    scope: Scope,
    options: Options,
    watch: Callable[[Sequence[ProjectExport]], None] = lambda _: None,
) -> ExportResult:
    """Export everything in scope into a folder; `watch` is called once with the projects' exports, before they start.

    Raise UsageError before anything is written, ServiceError for what stops the run, StorageError for the disk.
    """
    started = datetime.now(UTC)
    rows = rows_in(scope)
    scope = _as_begun(scope, options)
    run = _run(service, scope, options)
    reuse = Reuse(options.reuse, service, options.out or Path("export"), trust=options.trust_listings)
    if options.out:
        check_usable(options.out, run)
    entries = projects_in(service, scope) if any(reads_projects(row) for row in rows) else []
    projects = [Project(service, entry) for entry in entries]
    matches = Matches(scope.selection)
    out = options.out or new_folder()
    with (
        _resumable(out),
        resource_of(options.azure, [row.name for row in rows]) as azure,
        Folder(out, run, layout(), recheck=options.recheck) as folder,
        reuse,
    ):
        with Fetcher(service, options.fetching, folder.temporary) as fetcher:
            if projects and any(row.renew for row in rows):  # only these rows have blobs
                fetcher.prepare()
            top = RowsOfResource(Resource(service, entries, options.include_keys, azure), folder)
            top.run(rows)
            if options.without_azure and ACCOUNT in top.by_hand:
                top.by_hand[ACCOUNT] = options.without_azure
            exports = [ProjectExport(project, folder, rows, matches, fetcher, scope, reuse) for project in projects]
            watch(exports)
            _run_all(service, exports)
            _refuse_if_nothing_was_allowed(exports, top, rows)
        result = _result(out, _Done(service, scope, options, matches, top, exports, started, reuse))
        _end(folder, result, service, scope, started)
    return result


class _Done(NamedTuple):
    """An export whose rows and projects were read: what was asked for, and what each part found."""

    service: Service
    scope: Scope
    options: Options
    matches: Matches
    top: RowsOfResource
    exports: list[ProjectExport]
    started: datetime
    reuse: Reuse


def _result(out: Path, done: _Done) -> ExportResult:
    top, exports, scope = done.top, done.exports, done.scope
    missing = top.missing + _refused(top, scope) + [entry for export in exports for entry in export.missing]
    absent, decided = done.matches.unmatched, not any(map(_may_hide, missing))
    taken = {one for _, one in done.matches.ids}
    words, salt = sorted({shown(*value) for value in absent}), secrets.token_hex(16)
    return ExportResult(
        folder=out,
        rows=_totals(top, exports, rows_in(scope)),
        projects=[{"id": export.project.id, "folder": export.folder_name} for export in exports],
        missing=missing,
        may_change=top.may_change or any(export.may_change for export in exports),
        flagged=[entry for export in exports for entry in export.flagged],
        reused=_reused(exports),
        damaged=done.reuse.damaged,
        trusted=[entry for export in exports for entry in export.trusted],
        by_hand=top.by_hand,
        absent=top.absent,
        copies_outside=[copies for export in exports for copies in copies_outside(export.project.entry)],
        unmatched=words if decided else [],
        undecided=[] if decided else words,
        selectors=scope.selection.hashed(salt, absent, decided=decided),
        salt=salt,
        bug=next((export.bug for export in exports if export.bug), None),
        not_searched=not_searched_but_for(scope, FOR_SELECTED),
        predictions_not_searched={
            export.project.id: export.predictions_not_searched
            for export in exports
            if export.predictions_not_searched != 0
        },
        searches_copies=scope.searches_copies,
        copies={one: of for one, of in scope.selection.copies.items() if one in taken},
        doubtful={one: scope.selection.doubtful[one] for one in sorted(done.matches.doubtful)},
        copies_from=scope.copies.began if scope.copies else None,
        near=near_values(done.matches),
        missing_ok=scope.missing_ok,
        calls=done.service.calls,
        resource=str(top.resource.azure.place) if top.resource.azure and top.counts[ACCOUNT].exported else "",
        accepted=done.options.accept_missing,
        reference=done.options.reference,
        operator=done.options.operator,
        there=sum(export.there for export in exports),
        seconds=(datetime.now(UTC) - done.started).total_seconds(),
    )


def _reused(exports: list[ProjectExport]) -> dict[str, Reused]:
    """Return how much was taken from earlier exports, by when they began."""
    total: dict[str, Reused] = {}
    for export in exports:
        for began, one in export.reused.items():
            total[began] = total.get(began, Reused()).more(one.bytes, one.files)
    return total


def _refused(top: RowsOfResource, scope: Scope) -> list[Json]:
    """Return an entry for a row that was asked for by name, and that only a person can export."""
    return [missing_entry(row, words, file=ACCOUNT_FILE) for row, words in top.by_hand.items() if row in scope.rows]


def _is_account_alone(rows: Sequence[Category]) -> bool:
    return all(row.name == ACCOUNT for row in rows)


def _may_hide(entry: Json) -> bool:
    """Return whether something may be unlisted where this is missing: a list, or what a project still receives."""
    return not entry["id"] or entry["row"] == PROJECTS


def _refuse_if_nothing_was_allowed(exports: list[ProjectExport], top: RowsOfResource, rows: Sequence[Category]) -> None:
    """Raise the refusal of a listing, or of the account, if nothing that was asked for could be read."""
    if _is_account_alone(rows) and top.refused and not top.counts[ACCOUNT].exported:
        raise top.refused
    refused = [export.refused for export in exports if export.refused]
    if refused and not any(export.allowed for export in exports):
        raise refused[0]


@contextmanager
def _resumable(out: Path) -> Iterator[None]:
    """Add to each error, except a usage error, where the unfinished export is and how to resume it."""
    try:
        yield
    except UsageError:
        raise
    except CvGdprError as error:
        if not out.exists():
            raise  # nothing was written, so there is nothing to resume
        resume = f"the unfinished export is kept; {resuming(out)}"
        error.hint = f"{error.hint}; {resume}" if error.hint else resume
        raise
    except KeyboardInterrupt:
        if not out.exists():
            raise
        raise Interrupted("interrupted", resuming(out)) from None


def _run(service: Service, scope: Scope, options: Options) -> Json:
    """Return what identifies a run, so that only the same command resumes it; selector values only as a fingerprint."""
    chosen = scope.selection
    return {
        "format": 1,
        "endpoint": service.endpoint,
        "projects": sorted(scope.projects),
        "rows": list(scope.rows),
        "selection": fingerprint(repr((chosen.each(), chosen.before, chosen.min_probability))) if chosen else None,
        "olderThan": chosen.older_than,
        "before": chosen.before,
        "copiesFrom": scope.copies.folder if scope.copies else None,
        "includeKeys": options.include_keys,
    }


def _as_begun(scope: Scope, options: Options) -> Scope:
    """Return the scope with the age of the run that it resumes: --older-than is fixed at the first start."""
    chosen = scope.selection
    begun = run_of(options.out) if options.out and chosen.older_than else None
    if not isinstance(begun, dict) or begun.get("olderThan") != chosen.older_than or not begun.get("before"):
        return scope
    return scope._replace(selection=chosen._replace(before=str(begun["before"])))


def _run_all(service: Service, exports: list[ProjectExport]) -> None:
    pool = ThreadPoolExecutor(_PROJECTS_AT_ONCE, "project")
    futures: list[Future[None]] = [pool.submit(export.run) for export in exports]
    try:
        if failure := _first_failure(futures):
            raise failure  # noqa: TRY301 - stop the others as after an interruption
    except BaseException:
        service.stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        wait(futures, timeout=_TO_STOP)
        raise
    pool.shutdown()


def _first_failure(futures: Iterable[Future[None]]) -> BaseException | None:
    """Wait until one future fails or all are done; return the failure, or None.

    Poll: the system may deliver a signal to another thread, which does not wake this one.
    """
    left = set(futures)
    while left:
        finished, left = wait(left, timeout=_POLL, return_when=FIRST_EXCEPTION)
        if failure := next((error for future in finished if (error := future.exception())), None):
            return failure
    return None


def _totals(top: RowsOfResource, exports: list[ProjectExport], rows: Sequence[Category]) -> dict[str, RowCount]:
    totals = {row.name: top.counts[row.name] for row in rows}
    for export in exports:
        for name, count in export.counts().items():
            totals[name].add(count)
    return totals


def _end(folder: Folder, result: ExportResult, service: Service, scope: Scope, started: datetime) -> None:
    document = summary(result, service.endpoint, scope) | {"credentialsRemoved": folder.removed}
    document |= {"complete": not result.missing}
    folder.write_json(SUMMARY, document)
    if result.bug or (result.missing and not result.accepted):
        folder.leave_open(result.missing)
        return
    if result.missing:
        with folder.lines(MISSING) as lines:
            for entry in result.missing:
                lines.write(entry)
    step("closing the export")
    folder.close_bag(bag_info(document, started))
