"""What export.json and bag-info.txt both say of an export: told from the first, so that the second can be compared."""

from cv_gdpr.verbatim import Json

SUMMARY = "export.json"


def bag_info_of(summary: Json) -> list[tuple[str, str]]:
    """Give the lines of bag-info.txt (label, value) that follow from an export's summary, in their order."""
    selectors = summary["selectors"]
    unmatched = sum(not one["matched"] for one in selectors)
    counted = [
        (f"Exported-{row.title()}", summary["byHand"].get(row) or f"{count['exported']} of {count['held']}")
        for row, count in summary["rows"].items()
    ]
    return [
        ("Bag-Software-Agent", summary["tool"]),
        ("Source-Endpoint", summary["endpoint"]),
        ("Export-Scope", f"{len(summary['projects'])} projects{_ALL.get(summary['scope'], '')}"),
        ("Export-Rows", ", ".join(summary["rows"])),
        ("Export-Selectors", ", ".join(one["selector"] for one in selectors) or "none"),
        ("Export-Selectors-Unmatched", f"{unmatched} of {len(selectors)}"),
        *counted,
        *((f"Not-Searched-{row.title()}", reason) for row, reason in summary["notSearched"].items()),
    ]


_ALL = {"all projects": " (all)"}


def info_line(label: str, value: str) -> str:
    """Give a line of bag-info.txt, whatever blanks and line ends the value holds."""
    return f"{label}: {' '.join(value.split())}\n"
