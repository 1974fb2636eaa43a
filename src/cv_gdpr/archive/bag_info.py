"""Makes the lines of bag-info.txt that follow from export.json; `verify` makes them again and compares."""

from cv_gdpr.verbatim import Json

SUMMARY = "export.json"
_REMOVED = "credentialsRemoved"
_COMPLETE = "complete"
_RESOURCE = "resource"


def bag_info_of(summary: Json) -> list[tuple[str, str]]:
    """Return the lines of bag-info.txt (label, value) that follow from export.json, in order."""
    selectors = summary["selectors"]
    unmatched = sum(one["matched"] is False for one in selectors)
    counted = [
        (f"Exported-{row.title()}", summary["byHand"].get(row) or f"{count['exported']} of {count['held']}")
        for row, count in summary["rows"].items()
    ]
    complete = [("Complete", "yes" if summary[_COMPLETE] else "no")] if _COMPLETE in summary else []
    removed = [("Credentials-Removed", f"{summary[_REMOVED]:d}")] if _REMOVED in summary else []
    return [
        ("Bag-Software-Agent", summary["tool"]),
        ("Source-Endpoint", summary["endpoint"]),
        *([("Azure-Resource", summary[_RESOURCE])] if _RESOURCE in summary else []),
        ("Export-Scope", _scope(summary)),
        ("Export-Rows", ", ".join(summary["rows"])),
        ("Export-Selectors", ", ".join(one["selector"] for one in selectors) or "none"),
        ("Export-Selectors-Unmatched", f"{unmatched} of {len(selectors)}"),
        *complete,
        *removed,
        *counted,
        *((f"Not-Searched-{row.title()}", reason) for row, reason in summary["notSearched"].items()),
    ]


def _scope(summary: Json) -> str:
    if list(summary["rows"]) == ["account"] and not summary["projects"]:
        return "the Azure resource"
    return f"{len(summary['projects'])} projects{_ALL.get(summary['scope'], '')}"


_ALL = {"all projects": " (all)"}


def info_line(label: str, value: str) -> str:
    """Return a line of bag-info.txt; spaces and line breaks in the value become single spaces."""
    return f"{label}: {' '.join(value.split())}\n"
