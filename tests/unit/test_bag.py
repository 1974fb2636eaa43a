"""A finished bag as it is read."""

import json
import re

import pytest

from cv_gdpr.archive.bag import Bag, BagProject, List
from cv_gdpr.archive.json_files import InvalidContent
from cv_gdpr.errors import UsageError

ID = "11111111-1111-4111-8111-111111111111"
NEXT = "22222222-2222-4222-8222-222222222222"
PROJECT = BagProject(ID, f"Visitors-{ID}")
SUMMARY = {
    "endpoint": "https://h",
    "rows": {"tags": {}, "images": {}},
    "projects": [{"id": ID, "folder": f"Visitors-{ID}"}],
}


@pytest.fixture
def bag(tmp_path):
    (tmp_path / "data" / PROJECT.folder).mkdir(parents=True)
    (tmp_path / "data" / "export.json").write_text(json.dumps(SUMMARY))
    (tmp_path / "bag-info.txt").write_text("Bagging-Date: x\nSource-Endpoint: https://h\nX-Source-Endpoint: y\n")
    return Bag(tmp_path)


def write(bag, file, *records):
    path = bag.folder / PROJECT.where(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def test_what_the_summary_says(bag):
    assert bag.summary == SUMMARY
    assert bag.endpoint == "https://h"
    assert bag.rows == {"tags", "images"}
    assert list(bag.projects()) == [PROJECT]


@pytest.mark.parametrize(
    "info", ["", "Source-Endpoint: https://other\n", "Source-Endpoint: https://h\nSource-Endpoint: https://other\n"]
)
def test_two_endpoints_are_refused(bag, info):
    (bag.folder / "bag-info.txt").write_text(info)
    with pytest.raises(UsageError, match=re.escape(str(bag.folder))) as refused:
        bag.endpoint  # noqa: B018
    assert "verify" in refused.value.hint


def test_a_file_and_no_link_is_there(bag):
    assert bag.has("bag-info.txt")
    (bag.folder / "link").symlink_to("bag-info.txt")
    assert not bag.has("link")
    assert not bag.has("data")


def test_a_document_is_an_object(bag):
    assert bag.document("data/export.json") == SUMMARY
    (bag.folder / "list").write_text("[]")
    with pytest.raises(InvalidContent, match="JSON object"):
        bag.document("list")


def test_records_keep_their_digits(bag):
    assert list(bag.records(PROJECT.where("x.jsonl"))) == []
    (bag.folder / "x.jsonl").write_text('{"a":0.10}\n{"a":1}\n')
    one, other = bag.records("x.jsonl")
    assert (one["a"].text, other["a"]) == ("0.10", 1)
    assert list(bag.lines("x.jsonl")) == [b'{"a":0.10}\n', b'{"a":1}\n']


def test_the_iterations_and_lists_of_a_project(bag):
    assert list(bag.iterations(PROJECT)) == []
    assert list(bag.lists(PROJECT)) == []
    for file in ("tags.jsonl", "images.jsonl", f"iterations/It-{NEXT}/tags.jsonl", f"iterations/{ID}/b.jsonl"):
        write(bag, file)
    write(bag, f"iterations/{ID}/iteration.json")
    write(bag, "iterations/mine/x.jsonl")
    assert list(bag.iterations(PROJECT)) == [(ID, ID), (NEXT, f"It-{NEXT}"), ("", "mine")]
    assert list(bag.lists(PROJECT)) == [
        List("images.jsonl", "images.jsonl", ""),
        List("tags.jsonl", "tags.jsonl", ""),
        List(f"iterations/{ID}/b.jsonl", "b.jsonl", ID),
        List(f"iterations/It-{NEXT}/tags.jsonl", "tags.jsonl", NEXT),
        List("iterations/mine/x.jsonl", "x.jsonl", ""),
    ]


def test_the_blobs_whose_bytes_are_there(bag):
    write(bag, "files.jsonl", {"blob": "images/1", "source": "/s/1"})
    write(
        bag,
        "absent.jsonl",
        {"row": "images"},
        {"blob": "images/1", "from": "/old", "to": "/s/1"},
        {"blob": "images/1", "from": "/older", "to": "/s/2"},
    )
    held = bag.bytes_of(PROJECT)
    assert held.has("images/1", "https://h/s/1?sig=x") is True
    assert held.has("images/1", "https://h/old") is True
    assert held.has("images/1", "https://h/older") is False
    assert held.has("images/2", "https://h/s/1") is False
