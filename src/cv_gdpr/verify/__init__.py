"""`verify DIR`: checks that an export agrees with itself, without the service.

A bag records most facts in several places, and verification compares them: the manifests, the index of the files
(files.jsonl) and the files on disk; every record and its files; every list, its proof in listings.jsonl and the counts
in export.json; export.json and bag-info.txt; the ids in folder names and in documents. To alter a bag unnoticed, one
must change all these places consistently.
"""

from collections import Counter
from pathlib import Path

from cv_gdpr.archive.bag_info import OF_SELECTED
from cv_gdpr.archive.folder import STATE
from cv_gdpr.errors import UsageError
from cv_gdpr.verbatim import Json
from cv_gdpr.verify.bag import check_bag, check_files
from cv_gdpr.verify.contents import ProjectContents
from cv_gdpr.verify.facts import Facts
from cv_gdpr.verify.missing import Missing, read_missing
from cv_gdpr.verify.project import ProjectCheck
from cv_gdpr.verify.redactions import Redactions, read_redactions
from cv_gdpr.verify.result import Verification
from cv_gdpr.verify.summary import WHERE, check_info, check_reuse, check_summary, read_summary
from cv_gdpr.watching import step

__all__ = ["Verification", "verify"]


def verify(folder: Path) -> Verification:
    """Check a finished export; raise UsageError if `folder` is not a folder, StorageError if the temporary database
    of facts cannot be written."""
    if not folder.is_dir():
        what = "is a file" if folder.is_file() else "is neither a file nor a folder"
        raise UsageError(f"{folder} {f'{what}: an export is a folder' if folder.exists() else 'does not exist'}")
    _refuse_folder_of_exports(folder)
    result = Verification(folder)
    if not (folder / "bagit.txt").is_file():
        result.differences.append(f"bagit.txt is missing: {_why_not_a_bag(folder)}")
        return result
    with Facts() as facts, result.noting(str(folder)):
        algorithms = check_bag(result, facts)
        step("comparing lists, records and files")
        summary = read_summary(result)
        check_info(result, summary)
        if summary is not None:
            result.projects = [project["id"] for project in summary["projects"]]
            missing, redactions = read_missing(result, summary), read_redactions(result, summary)
            with result.noting(WHERE):
                check_summary(result, summary, missing, redactions)
            _check_counts(result, summary, *_check_projects(result, facts, summary, missing, redactions))
            with result.noting(WHERE):
                check_reuse(result, summary)
        check_files(result, facts, algorithms)
    return result


def counted(folder: Path, summary: Json) -> dict[str, tuple[int, int]]:
    """Return for each row of a summary how many items a folder holds that is not closed yet, and how many are whole."""
    result = Verification(folder)
    with Facts() as facts:
        missing, redactions = read_missing(result, summary), read_redactions(result, summary)
        held, lost = _check_projects(result, facts, summary, missing, redactions)
    return {row: (held[row], held[row] - lost[row]) for row in summary["rows"]}


def _refuse_folder_of_exports(folder: Path) -> None:
    """Raise UsageError for a folder that holds exports and is not one, as --all-profiles makes one for each profile."""
    if any((folder / name).exists() for name in ("bagit.txt", "data", STATE)):
        return
    if found := number_of_exports_in(folder):
        from cv_gdpr.platforms.shells import all_in

        raise UsageError(f"{folder} is not an export, but holds {found}", f"cv-gdpr verify {all_in(str(folder))}")


def number_of_exports_in(folder: Path) -> int:
    """Return how many finished exports lie in a folder."""
    return sum((one / "bagit.txt").is_file() for one in folder.iterdir())


def _why_not_a_bag(folder: Path) -> str:
    if (folder / STATE).is_dir():
        return "this export is unfinished, run it again with the same --out"
    for above in folder.absolute().parents:
        if (above / "bagit.txt").is_file():
            return f"this folder is a part of the export {above}: verify that one"
    return "this is not an export"


def _check_projects(
    result: Verification, facts: Facts, summary: Json, missing: Missing, redactions: Redactions
) -> tuple[Counter[str], Counter[str]]:
    """Check each project; return how many items of each row the bag holds, and how many of these are not whole."""
    held: Counter[str] = Counter(account=(result.folder / "data" / "account.json").is_file())
    lost: Counter[str] = Counter()
    for project in summary["projects"]:
        name = project["folder"]
        if "/" in name or not result.bag.at(f"data/{name}").is_dir():
            result.differ(f"data/{name}", "export.json names this project folder, which does not exist")
            continue
        with result.noting(f"data/{name}"):
            rows, narrowed = frozenset(summary["rows"]), bool(summary["selectors"])
            of_selected = frozenset(summary.get(OF_SELECTED, ()))
            contents = ProjectContents(result, facts, name, project["id"], rows, missing, of_selected)
            contents.read()
            check = ProjectCheck(contents, narrowed, missing, redactions)
            check.check()
            held += check.held
            lost += check.lost
    return held, lost


def _check_counts(result: Verification, summary: Json, held: Counter[str], lost: Counter[str]) -> None:
    for row, count in summary["rows"].items():
        if (count["held"], count["exported"]) != (held[row], held[row] - lost[row]):
            stated = f"export.json says {count['exported']} of {count['held']} exported"
            what = f"{stated}, but the folder holds {held[row]}"
            what += f", and {lost[row]} of these are not whole" if lost[row] else ""
            result.differ(row, what)
