"""Checks of the files about the whole export: export.json, bag-info.txt, projects.jsonl, account.json."""

from collections import Counter
from collections.abc import Iterable

from cv_gdpr.archive.bag import WORKSPACE
from cv_gdpr.archive.bag_info import (
    FINISHED,
    OF_PEOPLE,
    OF_SELECTED,
    STARTED,
    SUMMARY,
    bag_info_of,
    info_line,
    is_moment,
)
from cv_gdpr.archive.closing import OXUM
from cv_gdpr.archive.names import identity, identity_in
from cv_gdpr.archive.spelling import composed
from cv_gdpr.table.categories import ACCOUNT, ROWS, category
from cv_gdpr.verbatim import Json
from cv_gdpr.verify import profile
from cv_gdpr.verify.missing import Missing
from cv_gdpr.verify.redactions import Redactions
from cv_gdpr.verify.result import Verification

INFO = "bag-info.txt"
WHERE = f"data/{SUMMARY}"
_SAYS_WHAT = ("Source-Endpoint", "Azure-Resource", "Export", "Not-Searched", "Redacted")
_FOLLOWS = (
    "Exported-",
    "Not-Searched-",
    "Export-Rows",
    "Export-Scope",
    "Export-Selectors",
    "Export-Created-Before",
    "Stored-Predictions-",
    "Source-Endpoint",
    "Azure-Resource",
    "Credentials-",
    "Export-Reused",
    "Export-Trusted",
    "Redacted",
)


def read_summary(result: Verification) -> Json | None:
    """Return export.json; note a difference and return None if it is not a valid summary."""
    summary = result.document(WHERE)
    if summary is None:
        return None
    with result.noting(WHERE):
        bag_info_of(summary)
        for project in summary["projects"]:
            str.join("", (project["id"], project["folder"]))
        for count in summary["rows"].values():
            count["held"] + count["exported"]
        return summary
    return None


# --- bag-info.txt -----------------------------------------------------------------------------------------------


def check_info(result: Verification, summary: Json | None) -> None:
    """Note where bag-info.txt contradicts itself, the files below data/, or export.json (`summary`)."""
    with result.noting(INFO):
        pairs = result.bag.info
        people = tuple(label for name, label in OF_PEOPLE.items() if summary and name in summary)
        result.bag_info = [pair for pair in pairs if pair[0].startswith((*_SAYS_WHAT, *people))]
        result.bag_info += profile.unknown(pairs)
        for label, times in Counter(label.casefold() for label, _ in pairs).items():
            if times > 1:
                result.differ(INFO, f"says {label} {times} times")
        oxum = f"{result.bytes}.{result.files}"
        if (OXUM, oxum) not in pairs:
            result.differ(INFO, f"does not say {OXUM}: {oxum}, which is true of data/")
        for words in profile.contradictions(pairs):
            result.differ(INFO, words)
        _check_moments(result, dict(pairs))
        if summary is not None:
            _check_against_summary(result, pairs, summary)


def _check_moments(result: Verification, info: dict[str, str]) -> None:
    started, finished = info.get(STARTED, ""), info.get(FINISHED, "")
    if not (is_moment(started) and is_moment(finished) and started <= finished):
        result.differ(INFO, f"{STARTED} and {FINISHED} are not two times in order")
    elif info.get("Bagging-Date") != finished[:10]:
        result.differ(INFO, f"Bagging-Date is not the day of {FINISHED}")


def _check_against_summary(result: Verification, pairs: list[tuple[str, str]], summary: Json) -> None:
    """Compare with the lines that follow from export.json."""
    expected = [tuple(info_line(label, value).rstrip("\n").split(": ", 1)) for label, value in bag_info_of(summary)]
    for label, value in expected:
        if (label, value) not in pairs:
            result.differ(INFO, f"does not say {label}: {value}, as export.json does")
    for label in sorted({label for label, _ in pairs} - {label for label, _ in expected}):
        if label.startswith(_FOLLOWS):
            result.differ(INFO, f"says {label}, but export.json says nothing about it")


# --- export.json ------------------------------------------------------------------------------------------------


def check_summary(result: Verification, summary: Json, missing: Missing, redactions: Redactions | None = None) -> None:
    """Note where export.json contradicts itself or the files beside it.

    `missing` are the gaps that the bag names, `redactions` what was taken out of it.
    """
    rows, not_searched = summary["rows"], summary["notSearched"]
    for row in [*rows, *not_searched]:
        if row not in ROWS:
            result.differ(WHERE, f"names row {row}, which does not exist")
    if not_searched.keys() & rows.keys():
        result.differ(WHERE, "says that the same row was exported and not searched")
    if not_searched and rows.keys() | not_searched.keys() != set(ROWS):
        result.differ(WHERE, "does not say of every row that it was exported or not searched")
    if bool(summary["selectors"]) != bool(summary["salt"]) or (not_searched and not summary["selectors"]):
        result.differ(WHERE, "its selectors, salt and notSearched contradict each other")
    of_selected = set(summary.get(OF_SELECTED, ()))
    if not of_selected <= (set(ROWS) - rows.keys() if summary["selectors"] else set()):
        result.differ(WHERE, f"its {OF_SELECTED} names an exported row, or nothing was selected")
    if summary["scope"] not in {"all projects", "projects named"}:
        result.differ(WHERE, "its scope is neither 'all projects' nor 'projects named'")
    _check_account(result, summary, missing, taken_out=bool(redactions and redactions.account))
    _check_projects(result, summary["projects"], listed="projects" in rows)


def _check_account(result: Verification, summary: Json, missing: Missing, *, taken_out: bool) -> None:
    by_hand, where = summary["byHand"], "data/account.json"
    there = result.bag.has(where)
    if by_hand.keys() - {ACCOUNT} or (ACCOUNT in by_hand and ACCOUNT not in summary["rows"]):
        result.differ(WHERE, "byHand names a row other than an exported account")
    for file in category(ACCOUNT).files if ACCOUNT not in summary["rows"] else ():
        if result.bag.has(f"data/{file.name}"):
            result.differ(f"data/{file.name}", "belongs to the row account, which export.json does not name")
    if ACCOUNT in summary["rows"] and there and ACCOUNT in by_hand:
        result.differ(where, "exists, but export.json says to get it by hand")
    if there and taken_out:
        result.differ(where, "exists, but redactions.jsonl says that it was taken out")
    excused = taken_out or ACCOUNT in by_hand or missing.unread("", ACCOUNT, WORKSPACE, "account.json")
    if ACCOUNT in summary["rows"] and not (there or excused):
        result.differ(where, "missing")
    if there:
        result.document(where)


def _check_projects(result: Verification, projects: list[Json], *, listed: bool) -> None:
    for name in ("id", "folder"):
        _refuse_twice(result, WHERE, (project[name] for project in projects))
    folders = {project["folder"] for project in projects}
    for project in projects:
        if identity_in(project["folder"]) != identity(project["id"]):
            result.differ(WHERE, f"folder {project['folder']} does not belong to project {project['id']}")
    for path in sorted((result.folder / "data").iterdir()):
        if path.is_dir() and composed(path.name) not in folders:
            result.differ(f"data/{composed(path.name)}", "export.json names no project with this folder")
    where = "data/projects.jsonl"
    if not listed or not projects:
        if result.bag.has(where):
            result.differ(where, "lists projects, but export.json names none for it")
        return
    ids = [str(record["id"]) for record in result.records_in(where)]
    _refuse_twice(result, where, ids)
    if set(ids) != {project["id"] for project in projects}:
        result.differ(where, "does not list the same projects as export.json")


def _refuse_twice(result: Verification, where: str, values: Iterable[str]) -> None:
    for value, times in Counter(values).items():
        if times > 1:
            result.differ(where, f"names {value} {times} times")


def check_reuse(result: Verification, summary: Json) -> None:
    """Note where export.json says something else than the projects about what came from earlier exports.

    What was taken out since is still counted there.
    """
    stated = {one["began"]: one["files"] for one in summary.get("reused", ())}
    more = {began for began, files in result.reused.items() if files > stated.get(began, 0)}
    if more or (stated != result.reused and not result.redacted):
        result.differ(WHERE, "says something else than files.jsonl about the files that were reused")
    trusted = {(one["project"], one["iteration"], one["file"], one["read"]) for one in summary.get("trusted", ())}
    if trusted != result.trusted:
        result.differ(WHERE, "says something else than listings.jsonl about the lists that were trusted")
