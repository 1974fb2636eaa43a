"""The use case of verification: an export folder against itself, without the service.

Whatever two places in a bag say of one thing must agree: the manifests, the index of the bytes (files.jsonl) and the
files on disk; every record and its bytes; every list, its proof in listings.jsonl and the counts of export.json; that
and bag-info.txt; the ids in folder names and in documents. So an altered bag has to be altered everywhere at once.
"""

from collections import Counter
from pathlib import Path

from cv_gdpr.archive.folder import STATE
from cv_gdpr.errors import UsageError
from cv_gdpr.verbatim import Json
from cv_gdpr.verify.bag import check_bag, check_files
from cv_gdpr.verify.facts import Facts
from cv_gdpr.verify.project import ProjectCheck
from cv_gdpr.verify.result import Verification
from cv_gdpr.verify.summary import WHERE, check_info, check_summary, read_summary

__all__ = ["Verification", "verify"]


def verify(folder: Path) -> Verification:
    """Check a finished export; raises UsageError if `folder` is no folder that can be read, StorageError if TMPDIR
    has no room for what is put beside each other."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is {'neither a file nor a folder' if folder.exists() else 'not there'}")
    result = Verification(folder)
    if not (folder / "bagit.txt").is_file():
        unfinished = (folder / STATE).is_dir()
        why = "an unfinished export: run the export again with the same --out" if unfinished else "not an export"
        result.differences.append(f"bagit.txt is missing: {why}")
        return result
    with Facts() as facts, result.noting(str(folder)):
        algorithms = check_bag(result, facts)
        told = read_summary(result)
        check_info(result, told)
        if told is not None:
            with result.noting(WHERE):
                check_summary(result, told)
            _check_counts(result, told, _check_projects(result, facts, told))
        check_files(result, facts, algorithms)
    return result


def _check_projects(result: Verification, facts: Facts, told: Json) -> Counter[str]:
    counted: Counter[str] = Counter(account=(result.folder / "data" / "account.json").is_file())
    for project in told["projects"]:
        name = project["folder"]
        if "/" in name or not (result.folder / "data" / name).is_dir():
            result.differ(f"data/{name}", "export.json names this project, but its folder is not there")
            continue
        with result.noting(f"data/{name}"):
            rows, narrowed = frozenset(told["rows"]), bool(told["selectors"])
            counted += ProjectCheck(result, facts, name, project["id"], rows, narrowed).check()
    return counted


def _check_counts(result: Verification, told: Json, counted: Counter[str]) -> None:
    for row, count in told["rows"].items():
        held, exported = count["held"], count["exported"]
        if not held == exported == counted[row]:
            what = f"the summary says {exported} of {held}, the folder holds {counted[row]}"
            result.differ(row, what)
