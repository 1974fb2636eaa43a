"""What export.json and bag-info.txt both say."""

import pytest

from cv_gdpr.archive.bag_info import bag_info_of, info_line

SUMMARY = {
    "tool": "cv-gdpr 1",
    "endpoint": "https://h",
    "projects": [{}, {}],
    "scope": "all projects",
    "rows": {"images": {"exported": 3, "held": 4}, "account": {"exported": 0, "held": 0}},
    "byHand": {"account": "by hand"},
    "selectors": [{"selector": "--tag", "matched": True}] * 2 + [{"selector": "--image-id", "matched": False}],
    "notSearched": {"tags": "cannot"},
}


def test_the_lines_that_follow_from_a_summary():
    assert bag_info_of(SUMMARY) == [
        ("Bag-Software-Agent", "cv-gdpr 1"),
        ("Source-Endpoint", "https://h"),
        ("Export-Scope", "2 projects (all)"),
        ("Export-Rows", "images, account"),
        ("Export-Selectors", "--tag, --tag, --image-id"),
        ("Export-Selectors-Unmatched", "1 of 3"),
        ("Exported-Images", "3 of 4"),
        ("Exported-Account", "by hand"),
        ("Not-Searched-Tags", "cannot"),
    ]


def test_the_lines_about_earlier_exports():
    reused = [{"began": "2024-01-01", "files": 2, "bytes": 5}, {"began": "2024-01-02", "files": 1, "bytes": 4}]
    trusted = [{"read": "2024-01-02"}, {"read": "2024-01-01"}]
    told = dict(bag_info_of(SUMMARY | {"reused": reused, "trusted": trusted}))
    assert told["Export-Reused"] == "3 files (9 bytes), from exports begun at 2024-01-01, 2024-01-02"
    assert told["Export-Trusted"] == "2 lists of iterations, not read again since 2024-01-01"


def test_a_summary_of_named_projects_without_selectors():
    told = dict(bag_info_of(SUMMARY | {"scope": "projects named", "selectors": [], "projects": [{}]}))
    assert told["Export-Scope"] == "1 projects"
    assert told["Export-Selectors"] == "none"
    assert told["Export-Selectors-Unmatched"] == "0 of 0"


@pytest.mark.parametrize(
    ("value", "line"), [("a b", "Label: a b\n"), (" a\r\n\tb  c ", "Label: a b c\n"), ("", "Label: \n")]
)
def test_a_line_holds_no_other_line(value, line):
    assert info_line("Label", value) == line
