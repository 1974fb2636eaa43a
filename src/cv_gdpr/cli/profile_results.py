"""The result of --all-profiles: a line or a document for each profile, and the worst exit code of all."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cv_gdpr.cli.arguments import OutputOptions
from cv_gdpr.cli.estimate_view import summary as of_estimate
from cv_gdpr.cli.finished_profiles import Finished
from cv_gdpr.cli.list_view import print_csv, summary
from cv_gdpr.cli.output import absolute, plural, print_json, print_table, to_do
from cv_gdpr.errors import worst
from cv_gdpr.platforms.processes import code_of_signal

if TYPE_CHECKING:
    from cv_gdpr.cli.setup_documents import ProfileResult

_NO_RESULT = "no result: it was interrupted, or ended unexpectedly"
_IN_A_PROFILE = "give --resource-id ID", "set resource-id in the profile"  # the option would be one id for all
_MEANINGS = {
    0: "done",
    1: "stopped by an error",
    2: "refused: wrong options or settings",
    3: "done in part",
    4: "a difference was found",
    5: "not authorised, or not reachable",
}


class Ended(NamedTuple):
    """How the process of a profile ended, and what it printed."""

    profile: str
    exit_code: int
    out: bytes


def meaning(code: int) -> str:
    """Return what an exit code says, in few words."""
    return "interrupted" if code > 128 else _MEANINGS.get(code, "stopped by an error")


def report(
    ended: Sequence[Ended],
    stopped_by: int,
    output: OutputOptions,
    finished: Mapping[str, Finished],
    *,
    as_csv: bool,
) -> int:
    """Print how all ended, `stopped_by` a signal or 0, and return the exit code of them all."""
    from cv_gdpr.cli.setup_documents import ProfilesDocument

    results = [*(_of_before(name, one) for name, one in finished.items()), *map(_result, ended)]
    code = code_of_signal(stopped_by) if stopped_by else worst(one.exit_code for one in results)
    if output.as_json:
        print_json(ProfilesDocument(exit_code=code, retryable=any(one.retryable for one in results), profiles=results))
    elif as_csv:
        listed = [(one.profile, one.result) for one in results if one.result and "rows" in one.result]
        print_csv(listed, profiles=True)
    elif not output.quiet:
        rows = [_row(one) for one in results]
        print_table(f"{len(rows)} profiles", ("profile", "code", "verdict", "result", "written"), rows, numbers={1})
        to_do(_by_hand(results))
    return code


def _by_hand(results: Sequence["ProfileResult"]) -> Iterator[str]:
    """Yield once for each reason why a row could not be exported, and in which profiles if not in all."""
    profiles: dict[tuple[str, str], list[str]] = {}
    for one in results:
        for reason in (one.result or {}).get("byHand", {}).items():
            profiles.setdefault(reason, []).append(one.profile)
    for (row, words), names in profiles.items():
        where = "" if len(names) == len(results) else f" of {', '.join(names)}"
        yield f"{row}{where}: {words.replace(*_IN_A_PROFILE)}"


def _row(one: "ProfileResult") -> tuple[str, ...]:
    """Return the cells about a profile; the name of what it wrote stands alone, so that it can be copied."""
    written = one.finished_before or (one.result or {}).get("folder") or (one.result or {}).get("evidence") or ""
    words = "finished by an earlier run" if one.finished_before else _summary(one.result)
    return one.profile, str(one.exit_code), meaning(one.exit_code), words, written


def _of_before(profile: str, one: Finished) -> "ProfileResult":
    from cv_gdpr.cli.setup_documents import ProfileResult

    folder = absolute(one.folder)
    return ProfileResult(profile=profile, exit_code=one.exit_code, retryable=False, result=None, finished_before=folder)


def _result(ended: Ended) -> "ProfileResult":
    from cv_gdpr.cli.setup_documents import ProfileResult

    try:
        document = json.loads(ended.out) if ended.out else None
    except ValueError:
        document = None
    retryable = bool(document["retryable"]) if document else ended.exit_code > 128
    return ProfileResult(
        profile=ended.profile,
        exit_code=ended.exit_code,
        retryable=retryable,
        result=document,
    )


def _summary(document: dict[str, Any] | None) -> str:
    """Return one line about a result, by its format."""
    if document is None:
        return _NO_RESULT
    kind = document["format"].partition("/")[0]
    return _SUMMARIES[kind](document) if kind in _SUMMARIES else ""


def _of_export(document: dict[str, Any]) -> str:
    """Return how many items were exported, and which rows were not: why, what to do says below the table."""
    exported, held = (sum(row[count] for row in document["rows"]) for count in ("exported", "held"))
    absent = "".join(f"; {row} not exported" for row in document["byHand"])
    return f"{exported} of {held} exported{absent}"


def _of_plan(document: dict[str, Any]) -> str:
    """Return how many items would be deleted, and in numbers what the plan leaves; --json holds each plan."""
    protected, failed, unmatched = (len(document[name]) for name in ("protected", "failed", "unmatched"))
    holding = sum(len(project["iterationsHolding"]) for project in document["projects"])
    notes = (
        (document["scope"]["notSearched"], f"not searched: {', '.join(document['scope']['notSearched'])}"),
        (holding, f"trained on these, and not deleted: {plural(holding, 'iteration')}"),
        (protected, f"protected: {plural(protected, 'project')}"),
        (failed, f"could not be read: {plural(failed, 'project')}"),
        (unmatched, f"matched nothing: {plural(unmatched, 'value')}"),
    )
    return "; ".join([f"{document['total']} would be deleted", *(words for found, words in notes if found)])


_SUMMARIES: dict[str, Callable[[dict[str, Any]], str]] = {
    "cv-gdpr-export": _of_export,
    "cv-gdpr-delete": lambda document: str(document["verdict"]),
    "cv-gdpr-plan": _of_plan,
    "cv-gdpr-list": summary,
    "cv-gdpr-estimate": of_estimate,
    "cv-gdpr-error": lambda _: "its Error line says why",
}
