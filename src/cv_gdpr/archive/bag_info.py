"""Makes the lines of bag-info.txt that follow from export.json; `verify` makes them again and compares."""

import re
from typing import Any

from cv_gdpr.patterns import lines_of
from cv_gdpr.verbatim import Json

SUMMARY = "export.json"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_REMOVED = "credentialsRemoved"
_COMPLETE = "complete"
REDACTED = "redacted"
OF_SELECTED = "ofSelected"
"""Names the rows out of scope whose lists an export holds as far as they describe selected items of other rows."""
OF_PEOPLE = {"reference": "External-Identifier", "operator": "Contact-Name"}  # labels of RFC 8493, section 2.2.2
_RESOURCE = "resource"
ENDPOINT, STARTED, FINISHED = "Source-Endpoint", "Export-Started", "Export-Finished"
PROFILE = ("BagIt-Profile-Identifier", "urn:uuid:31b6b096-bbee-4f25-b3bb-90616a1503af")
"""It names bagit-profile.json, beside this module. The id changes when bags of before no longer fit the profile."""


def is_moment(value: Any) -> bool:
    """Return whether a value is a time as an export writes it."""
    return isinstance(value, str) and _MOMENT.fullmatch(value) is not None


def bag_info_of(summary: Json) -> list[tuple[str, str]]:
    """Return the lines of bag-info.txt (label, value) that follow from export.json, in order."""
    selectors = summary["selectors"]
    unmatched = sum(one["matched"] is False for one in selectors)
    counted = [
        (f"Exported-{row.title()}", summary["byHand"].get(row) or f"{count['exported']} of {count['held']}")
        for row, count in summary["rows"].items()
    ]
    complete = [("Complete", "yes" if summary[_COMPLETE] else "no")] if _COMPLETE in summary else []
    taken = summary.get(REDACTED)
    redacted = [("Redacted", f"{taken['items']} items, in {taken['redactions']} redactions")] if taken else []
    removed = [("Credentials-Removed", f"{summary[_REMOVED]:d}")] if _REMOVED in summary else []
    return [
        ("Bag-Software-Agent", summary["tool"]),
        (ENDPOINT, summary["endpoint"]),
        *([("Azure-Resource", summary[_RESOURCE])] if _RESOURCE in summary else []),
        ("Export-Scope", _scope(summary)),
        ("Export-Rows", ", ".join(summary["rows"])),
        ("Export-Selectors", ", ".join(one["selector"] for one in selectors) or "none"),
        ("Export-Selectors-Unmatched", f"{unmatched} of {len(selectors)}"),
        *complete,
        *removed,
        *_reused(summary),
        *redacted,
        *((label, summary[name]) for name, label in OF_PEOPLE.items() if name in summary),
        *counted,
        *([("Export-Created-Before", summary["before"])] if summary.get("before") else []),
        *_predictions(summary.get("predictionsNotSearched")),
        *((f"Not-Searched-{row.title()}", reason) for row, reason in summary["notSearched"].items()),
    ]


def _reused(summary: Json) -> list[tuple[str, str]]:
    """Return how much was taken from earlier exports."""
    lines = []
    if reused := summary.get("reused"):
        files, size = (sum(one[count] for one in reused) for count in ("files", "bytes"))
        since = ", ".join(one["began"] for one in reused)
        lines.append(("Export-Reused", f"{files} files ({size} bytes), from exports begun at {since}"))
    if trusted := summary.get("trusted"):
        since = min(one["read"] for one in trusted)
        lines.append(("Export-Trusted", f"{len(trusted)} lists of iterations, not read again since {since}"))
    return lines


def _predictions(not_searched: Json | None) -> list[tuple[str, str]]:
    """Return how many stored predictions nothing searched, where there were any."""
    if not not_searched:
        return []
    counts = [count for count in not_searched.values() if count is not None]
    unknown = len(not_searched) - len(counts)
    words = f"{sum(counts)}{f', and those of {unknown} projects that could not be counted' if unknown else ''}"
    return [("Stored-Predictions-Not-Searched", words)]


def _scope(summary: Json) -> str:
    if list(summary["rows"]) == ["account"] and not summary["projects"]:
        return "the Azure resource"
    return f"{len(summary['projects'])} projects{_ALL.get(summary['scope'], '')}"


_ALL = {"all projects": " (all)"}


def pairs_in(content: bytes) -> list[tuple[str, str]]:
    """Return label and value of each line of bag-info.txt; raise UnicodeDecodeError."""
    lines = lines_of(content.decode())
    return [(label, value) for label, _, value in (line.partition(": ") for line in lines if line[:1].strip())]


def info_line(label: str, value: str) -> str:
    """Return a line of bag-info.txt; spaces and line breaks in the value become single spaces."""
    return f"{label}: {' '.join(value.split())}\n"
