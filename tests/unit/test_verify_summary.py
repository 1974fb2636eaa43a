"""export.json and bag-info.txt against themselves and each other: one contradiction at a time."""

import copy
import json

import pytest

from cv_gdpr.archive.bag_info import PROFILE, bag_info_of, info_line
from cv_gdpr.table.categories import ROWS
from cv_gdpr.verify.missing import Missing
from cv_gdpr.verify.result import Verification
from cv_gdpr.verify.summary import check_info, check_reuse, check_summary, read_summary

ID = "11111111-1111-4111-8111-111111111111"
NEXT = "22222222-2222-4222-8222-222222222222"
SUMMARY = {
    "tool": "cv-gdpr 1",
    "endpoint": "https://h",
    "scope": "all projects",
    "projects": [{"id": ID, "folder": f"A-{ID}"}, {"id": NEXT, "folder": NEXT}],
    "rows": {row: {"exported": 1, "held": 1} for row in ROWS},
    "byHand": {},
    "selectors": [],
    "salt": "",
    "notSearched": {},
}
MOMENTS = {
    "Export-Started": "2024-01-01T10:00:00Z",
    "Export-Finished": "2024-01-02T09:00:00Z",
    "Bagging-Date": "2024-01-02",
}
SUMMARY_FILE, INFO = "data/export.json", "bag-info.txt"


@pytest.fixture
def result(tmp_path):
    data = tmp_path / "data"
    for project in SUMMARY["projects"]:
        (data / project["folder"]).mkdir(parents=True)
    (data / "projects.jsonl").write_text("".join(json.dumps({"id": one["id"]}) + "\n" for one in SUMMARY["projects"]))
    (data / "account.json").write_text("{}")
    found = Verification(tmp_path)
    found.bytes, found.files = 12, 3
    return found


def summary(**more):
    return copy.deepcopy(SUMMARY) | more


def rows_without(*names):
    return {row: count for row, count in SUMMARY["rows"].items() if row not in names}


def assert_differs(result, *expected):
    """Assert that these differences were found: where, and a word of each."""
    assert len(result.differences) == len(expected), result.differences
    for difference, (where, word) in zip(result.differences, expected, strict=True):
        assert difference.startswith(f"{where}: "), difference
        assert word in difference


# --- export.json -------------------------------------------------------------------------------------------------


def test_a_summary_without_contradiction(result):
    check_summary(result, summary(), Missing())
    assert_differs(result)


SUMMARIES = {
    "an unknown row": (
        {"rows": SUMMARY["rows"] | {"x": {"exported": 0, "held": 0}}},
        [(SUMMARY_FILE, "row x")],
    ),
    "a row exported and not searched": (
        {"notSearched": {"tags": "y"}, "selectors": [{}], "salt": "s"},
        [(SUMMARY_FILE, "same row")],
    ),
    "an unknown row not searched": (
        {"notSearched": {"x": "y"}, "selectors": [{}], "salt": "s"},
        [(SUMMARY_FILE, "row x"), (SUMMARY_FILE, "every row")],
    ),
    "a row neither way": (
        {"rows": rows_without("tags", "images"), "notSearched": {"tags": "y"}, "selectors": [{}], "salt": "s"},
        [(SUMMARY_FILE, "every row")],
    ),
    "every row one way": (
        {"rows": rows_without("tags"), "notSearched": {"tags": "y"}, "selectors": [{}], "salt": "s"},
        [],
    ),
    "not searched without selectors": (
        {"rows": rows_without("tags"), "notSearched": {"tags": "y"}},
        [(SUMMARY_FILE, "salt")],
    ),
    "selectors without salt": ({"selectors": [{}]}, [(SUMMARY_FILE, "salt")]),
    "salt without selectors": ({"salt": "s"}, [(SUMMARY_FILE, "salt")]),
    "selectors": ({"selectors": [{}], "salt": "s"}, []),
    "what is said of selected items": (
        {"rows": rows_without("tags"), "selectors": [{}], "salt": "s", "ofSelected": ["tags"]},
        [],
    ),
    "an exported row as said of selected items": (
        {"selectors": [{}], "salt": "s", "ofSelected": ["tags"]},
        [(SUMMARY_FILE, "ofSelected")],
    ),
    "said of selected items without selectors": (
        {"rows": rows_without("tags"), "ofSelected": ["tags"]},
        [(SUMMARY_FILE, "ofSelected")],
    ),
    "projects named": ({"scope": "projects named"}, []),
    "another scope": ({"scope": "some"}, [(SUMMARY_FILE, "scope")]),
    "the account by hand, and there": (
        {"byHand": {"account": "x"}},
        [("data/account.json", "by hand")],
    ),
    "another row by hand": ({"byHand": {"tags": "x"}}, [(SUMMARY_FILE, "byHand")]),
    "no account, by hand": (
        {"rows": rows_without("account"), "byHand": {"account": "x"}},
        [(SUMMARY_FILE, "byHand"), ("data/account.json", "does not name")],
    ),
    "no account": ({"rows": rows_without("account")}, [("data/account.json", "does not name")]),
    "no projects": ({"rows": rows_without("projects")}, [("data/projects.jsonl", "lists projects")]),
    "one project less": (
        {"projects": SUMMARY["projects"][:1]},
        [(f"data/{NEXT}", "names no project"), ("data/projects.jsonl", "same projects")],
    ),
    "a project twice": (
        {"projects": [*SUMMARY["projects"], SUMMARY["projects"][0]]},
        [(SUMMARY_FILE, f"names {ID} 2 times"), (SUMMARY_FILE, f"names A-{ID} 2 times")],
    ),
    "a folder of another": (
        {"projects": [SUMMARY["projects"][0], {"id": NEXT, "folder": f"B-{ID}"}]},
        [(SUMMARY_FILE, f"project {NEXT}"), (f"data/{NEXT}", "names no project")],
    ),
}


@pytest.mark.parametrize(("change", "expected"), SUMMARIES.values(), ids=SUMMARIES)
def test_a_summary_that_contradicts_itself(result, change, expected):
    check_summary(result, summary(**change), Missing())
    assert_differs(result, *expected)


def test_the_account_is_missing(result):
    (result.folder / "data" / "account.json").unlink()
    check_summary(result, summary(), Missing())
    assert_differs(result, ("data/account.json", "missing"))


def test_an_account_named_as_missing(result):
    (result.folder / "data" / "account.json").unlink()
    missing = Missing()
    gap = dict.fromkeys(("project", "iteration", "id", "source"))
    missing.add(gap | {"row": "account", "file": "account.json", "reason": "x"})
    check_summary(result, summary(), missing)
    assert_differs(result)


def test_the_account_by_hand(result):
    (result.folder / "data" / "account.json").unlink()
    check_summary(result, summary(byHand={"account": "x"}), Missing())
    assert_differs(result)


def test_no_account_and_no_file(result):
    (result.folder / "data" / "account.json").unlink()
    check_summary(result, summary(rows=rows_without("account")), Missing())
    assert_differs(result)


def test_the_account_is_not_an_object(result):
    (result.folder / "data" / "account.json").write_text("[]")
    check_summary(result, summary(), Missing())
    assert_differs(result, ("data/account.json", "JSON object"))


def test_no_projects_and_no_list_of_them(result):
    for path in (result.folder / "data").iterdir():
        path.unlink() if path.is_file() else path.rmdir()
    check_summary(result, summary(projects=[], rows=rows_without("account")), Missing())
    assert_differs(result)
    (result.folder / "data" / "projects.jsonl").write_text("")
    check_summary(result, summary(projects=[], rows=rows_without("account")), Missing())
    assert_differs(result, ("data/projects.jsonl", "lists projects"))


def test_a_project_listed_twice(result):
    path = result.folder / "data" / "projects.jsonl"
    path.write_text(path.read_text() + json.dumps({"id": ID}) + "\n")
    check_summary(result, summary(), Missing())
    assert_differs(result, ("data/projects.jsonl", f"names {ID} 2 times"))


# --- reading it --------------------------------------------------------------------------------------------------


def test_a_summary_is_read(result):
    (result.folder / SUMMARY_FILE).write_text(json.dumps(SUMMARY))
    assert read_summary(result) == SUMMARY
    assert_differs(result)


INVALID = {
    "no object": [],
    "no tool": {"tool": None, "rows": 5},
    "no endpoint": {name: value for name, value in SUMMARY.items() if name != "endpoint"},
    "a project without id": summary(projects=[{"folder": "x"}]),
    "a project without folder": summary(projects=[{"id": "x"}]),
    "a project whose id is a number": summary(projects=[{"id": 5, "folder": "x"}]),
    "a project whose folder is a number": summary(projects=[{"id": "x", "folder": 5}]),
    "a count that is a text": summary(rows={"tags": {"exported": "1", "held": 1}}),
    "no count held": summary(rows={"tags": {"exported": 1}}),
    "no count exported": summary(rows={"tags": {"held": 1}}, byHand={"tags": "x"}),
}


@pytest.mark.parametrize("value", INVALID.values(), ids=INVALID)
def test_an_invalid_summary_is_noted(result, value):
    (result.folder / SUMMARY_FILE).write_text(json.dumps(value))
    assert read_summary(result) is None
    assert_differs(result, (SUMMARY_FILE, ""))


def test_a_summary_that_is_gone_is_noted(result):
    assert read_summary(result) is None
    assert_differs(result, (SUMMARY_FILE, "missing"))


# --- bag-info.txt ------------------------------------------------------------------------------------------------


def info_lines(told=SUMMARY, **more):
    pairs = [*bag_info_of(told), *(MOMENTS | {"Payload-Oxum": "12.3"} | more).items()]
    return [info_line(label, value) for label, value in pairs]


def checked(result, lines, told=SUMMARY):
    (result.folder / INFO).write_text("".join(lines))
    check_info(result, told)


def test_a_bag_info_that_follows_from_the_summary(result):
    checked(result, [*info_lines(), "Contact-Name: someone\n", " continued: x\n", " continued: x\n", "\n"])
    assert_differs(result)
    assert ("Export-Rows", ", ".join(ROWS)) in result.bag_info
    assert ("Source-Endpoint", "https://h") in result.bag_info
    assert {label for label, _ in result.bag_info}.isdisjoint({"Bagging-Date", "Contact-Name", "Payload-Oxum"})


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"Payload-Oxum": "13.3"}, "Payload-Oxum: 12.3"),
        ({"Export-Started": "yesterday"}, "in order"),
        ({"Export-Finished": "2024-01-02"}, "in order"),
        ({"Export-Started": "2024-01-02T09:00:01Z"}, "in order"),
        ({"Bagging-Date": "2024-01-01"}, "Bagging-Date"),
        ({"Export-Pages": "5"}, ""),
        ({"Exported-Dogs": "5"}, "Exported-Dogs"),
        ({"Not-Searched-Dogs": "5"}, "Not-Searched-Dogs"),
        ({"Export-Selectors-More": "5"}, "Export-Selectors-More"),
    ],
)
def test_a_bag_info_that_contradicts(result, more, word):
    checked(result, info_lines(**more))
    assert_differs(result, *[(INFO, word)] * bool(word))


@pytest.mark.parametrize("name", MOMENTS)
def test_a_moment_that_is_missing(result, name):
    checked(result, [line for line in info_lines() if not line.startswith(name)])
    assert_differs(result, (INFO, "Bagging-Date" if name == "Bagging-Date" else "in order"))


PROFILED = {PROFILE[0]: PROFILE[1], "External-Description": "an export", "Source-Api-Version": "3.4-preview"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, ""),
        ({"External-Description": ""}, "does not say External-Description, which its BagIt Profile requires"),
        ({"Complete": "maybe"}, "says Complete: maybe, which its BagIt Profile does not allow"),
        ({PROFILE[0]: "https://example.com/other", "External-Description": ""}, ""),  # another profile asks for other
    ],
)
def test_a_bag_info_fits_the_profile_that_it_names(result, more, words):
    checked(result, info_lines(**PROFILED | more))
    assert_differs(result, *[(INFO, words)] * bool(words))


def test_another_profile_is_named_and_not_checked(result):
    checked(result, info_lines(**{PROFILE[0]: "urn:x"}))
    assert_differs(result)
    assert result.bag_info[-1] == (PROFILE[0], "urn:x (not known here, not checked)")


def test_an_export_may_start_and_finish_at_once(result):
    checked(result, info_lines(**{"Export-Started": MOMENTS["Export-Finished"]}))
    assert_differs(result)


@pytest.mark.parametrize("label", ["Contact-Name", "contact-NAME"])
def test_a_label_twice(result, label):
    checked(result, [*info_lines(), "Contact-Name: x\n", f"{label}: y\n"])
    assert_differs(result, (INFO, "says contact-name 2 times"))


def test_a_line_that_the_summary_asks_for_is_missing(result):
    checked(result, [line for line in info_lines() if not line.startswith("Export-Scope")])
    assert_differs(result, (INFO, "Export-Scope: 2 projects (all)"))


@pytest.mark.parametrize("tool", ["a:  b: c", "", "X"])
def test_a_value_may_be_any_text(result, tool):
    told = summary(tool=tool)
    checked(result, info_lines(told), told)
    assert_differs(result)


def test_without_a_summary_only_bag_info_itself_is_checked(result):
    checked(result, info_lines(**{"Exported-Dogs": "5"}), None)
    assert_differs(result)


def test_a_bag_info_that_is_not_text(result):
    (result.folder / INFO).write_bytes(b"\xff")
    check_info(result, SUMMARY)
    assert_differs(result, (INFO, "UnicodeDecodeError"))


def test_a_bag_info_that_is_gone(result):
    check_info(result, SUMMARY)
    assert_differs(result, (INFO, "missing"))


BEGAN, BEFORE = "2024-01-02T00:00:00Z", "2024-01-01T00:00:00Z"
LIST = {"project": ID, "iteration": NEXT, "file": "images.jsonl", "read": BEGAN}
REUSE = {"reused": [{"began": BEGAN, "files": 2, "bytes": 9}], "trusted": [LIST]}
FILES_DIFFER = f"{SUMMARY_FILE}: says something else than files.jsonl about the files that were reused"
LISTS_DIFFER = f"{SUMMARY_FILE}: says something else than listings.jsonl about the lists that were trusted"


@pytest.mark.parametrize(
    ("files", "trusted", "redacted", "expected"),
    [
        ({BEGAN: 2}, LIST, 0, []),
        ({BEGAN: 1}, LIST, 0, [FILES_DIFFER]),
        ({BEGAN: 1}, LIST, 1, []),
        ({BEGAN: 3}, LIST, 1, [FILES_DIFFER]),
        ({BEGAN: 2, BEFORE: 1}, LIST, 0, [FILES_DIFFER]),
        ({}, LIST, 0, [FILES_DIFFER]),
        ({BEGAN: 2}, LIST | {"read": BEFORE}, 0, [LISTS_DIFFER]),
        ({BEGAN: 2}, LIST | {"iteration": ID}, 1, [LISTS_DIFFER]),
        ({BEGAN: 2}, None, 0, [LISTS_DIFFER]),
    ],
)
def test_what_was_reused_is_counted_again(tmp_path, files, trusted, redacted, expected):
    found = Verification(tmp_path, redacted=redacted)
    found.reused.update(files)
    found.trusted |= {tuple(trusted.values())} if trusted else set()
    check_reuse(found, REUSE)
    assert found.differences == expected


def test_nothing_reused_is_not_spoken_of(tmp_path):
    found = Verification(tmp_path)
    check_reuse(found, SUMMARY)
    assert found.differences == []
    found.reused[BEGAN] = 1
    check_reuse(found, SUMMARY)
    assert found.differences == [FILES_DIFFER]
