"""What the export says of itself as a whole: export.json, bag-info.txt, projects.jsonl, account.json."""

import re
from collections import Counter
from collections.abc import Iterable

from cv_gdpr.archive.layout import is_regular
from cv_gdpr.archive.names import identity, identity_in
from cv_gdpr.archive.reading import content_of
from cv_gdpr.archive.summary import SUMMARY, bag_info_of, info_line
from cv_gdpr.table.categories import ROWS
from cv_gdpr.verbatim import Json
from cv_gdpr.verify.result import Verification

INFO = "bag-info.txt"
WHERE = f"data/{SUMMARY}"
_SAYS_WHAT = ("Source-Endpoint", "Export", "Not-Searched")
_FOLLOWS = ("Exported-", "Not-Searched-", "Export-Rows", "Export-Scope", "Export-Selectors", "Source-Endpoint")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def read_summary(result: Verification) -> Json | None:
    """Give export.json if it is a summary, or None, noting why."""
    told = result.document(WHERE)
    if told is None:
        return None
    with result.noting(WHERE):
        bag_info_of(told)
        for project in told["projects"]:
            str.join("", (project["id"], project["folder"]))
        for count in told["rows"].values():
            count["held"] + count["exported"]
        return told
    return None


# --- bag-info.txt -----------------------------------------------------------------------------------------------


def check_info(result: Verification, told: Json | None) -> None:
    """Note where bag-info.txt contradicts itself, what is there, or (`told`) export.json."""
    with result.noting(INFO):
        lines = content_of(result.folder / INFO).decode().splitlines()
        pairs = [(label, value) for label, _, value in (line.partition(": ") for line in lines if line[:1].strip())]
        result.told = [pair for pair in pairs if pair[0].startswith(_SAYS_WHAT)]
        for label, times in Counter(label.casefold() for label, _ in pairs).items():
            if times > 1:
                result.differ(INFO, f"says {label} {times} times")
        oxum = f"{result.bytes}.{result.files}"
        if ("Payload-Oxum", oxum) not in pairs:
            result.differ(INFO, f"does not say Payload-Oxum: {oxum}, which is what is there")
        _check_moments(result, dict(pairs))
        if told is not None:
            _check_told(result, pairs, told)


def _check_moments(result: Verification, info: dict[str, str]) -> None:
    started, finished = info.get("Export-Started", ""), info.get("Export-Finished", "")
    if not (_MOMENT.fullmatch(started) and _MOMENT.fullmatch(finished) and started <= finished):
        result.differ(INFO, "Export-Started and Export-Finished are no beginning and end")
    elif info.get("Bagging-Date") != finished[:10]:
        result.differ(INFO, "Bagging-Date is not the day of Export-Finished")


def _check_told(result: Verification, pairs: list[tuple[str, str]], told: Json) -> None:
    """Compare with what follows from export.json."""
    due = [tuple(info_line(label, value).rstrip("\n").split(": ", 1)) for label, value in bag_info_of(told)]
    for label, value in due:
        if (label, value) not in pairs:
            result.differ(INFO, f"does not say {label}: {value}, as export.json does")
    for label in sorted({label for label, _ in pairs} - {label for label, _ in due}):
        if label.startswith(_FOLLOWS):
            result.differ(INFO, f"says {label}, of which export.json knows nothing")


# --- export.json ------------------------------------------------------------------------------------------------


def check_summary(result: Verification, told: Json) -> None:
    """Note where export.json contradicts itself, or the files beside it."""
    rows, not_searched = told["rows"], told["notSearched"]
    for row in [*rows, *not_searched]:
        if row not in ROWS:
            result.differ(WHERE, f"names a row that there is not: {row}")
    if not_searched.keys() & rows.keys():
        result.differ(WHERE, "says of a row that it was exported, and that it was not searched")
    if not_searched and rows.keys() | not_searched.keys() != set(ROWS):
        result.differ(WHERE, "says of a row neither that it was exported nor that it was not searched")
    if bool(told["selectors"]) != bool(told["salt"]) or (not_searched and not told["selectors"]):
        result.differ(WHERE, "its selectors, their salt, and what was not searched do not fit together")
    if told["scope"] not in {"all projects", "projects named"}:
        result.differ(WHERE, "its scope is neither all projects nor those named")
    _check_account(result, told)
    _check_projects(result, told["projects"], listed="projects" in rows)


def _check_account(result: Verification, told: Json) -> None:
    by_hand, where = told["byHand"], "data/account.json"
    there = is_regular(result.folder / where)
    if by_hand.keys() - {"account"} or ("account" in by_hand and "account" not in told["rows"]):
        result.differ(WHERE, "says of a row that only a person exports it, which is not so")
    if there and "account" not in told["rows"]:
        result.differ(where, "of the row account, which export.json does not name")
    if "account" in told["rows"] and there == ("account" in by_hand):
        result.differ(where, "is there, though export.json says how a person gets it" if there else "missing")
    if there:
        result.document(where)


def _check_projects(result: Verification, projects: list[Json], *, listed: bool) -> None:
    for name in ("id", "folder"):
        _refuse_twice(result, WHERE, (project[name] for project in projects))
    folders = {project["folder"] for project in projects}
    for project in projects:
        if identity_in(project["folder"]) != identity(project["id"]):
            result.differ(WHERE, f"folder {project['folder']} is not of project {project['id']}")
    for path in sorted((result.folder / "data").iterdir()):
        if path.is_dir() and path.name not in folders:
            result.differ(f"data/{path.name}", "a folder of no project in export.json")
    where = "data/projects.jsonl"
    if not listed or not projects:
        if is_regular(result.folder / where):
            result.differ(where, "of the row projects, of which export.json names none")
        return
    ids = [str(record["id"]) for record in result.records_in(where)]
    _refuse_twice(result, where, ids)
    if set(ids) != {project["id"] for project in projects}:
        result.differ(where, "not the projects of export.json")


def _refuse_twice(result: Verification, where: str, values: Iterable[str]) -> None:
    for value, times in Counter(values).items():
        if times > 1:
            result.differ(where, f"names {value} {times} times")
