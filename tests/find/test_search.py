"""What other commands call: copies of the pictures of some items, with or without the extra."""

import pytest

from cv_gdpr.archive.bag import Bag
from cv_gdpr.errors import StorageError
from cv_gdpr.find.candidates import candidates
from cv_gdpr.find.search import content_of, copies, of_items
from tests.find.bags import ITERATION, make
from tests.find.changes import as_jpeg, resized


@pytest.fixture
def bag(photo, tmp_path):
    """A bag with a picture in the workspace, in an iteration, and smaller among the predictions."""
    whole, small = as_jpeg(photo("owl")), as_jpeg(resized(photo("owl"), 0.5))
    make(tmp_path / "bag", [whole, as_jpeg(photo("pig"))], of_iteration=[whole], predictions=[small])
    return Bag(tmp_path / "bag")


def ids(found):
    """Return kind, row, and whether the workspace lacks it, of each match."""
    return [(one.kind, one.row, bool(one.iterations)) for one in found.matches]


@pytest.mark.slow
def test_copies_of_an_item_are_found_among_all(bag):
    owl = next(one for one in candidates(bag) if not one.iterations)
    photos = of_items(bag, [owl.id])
    assert list(photos) == [owl.id]
    found = copies(bag, photos)
    assert sorted(ids(found)) == [("copy", "predictions", False), ("same", "images", False), ("same", "images", True)]
    assert {one.like for one in found.matches} == {owl.id}


def test_bytes_alone_need_no_extra(bag):
    owl = next(one for one in candidates(bag) if not one.iterations)
    found = copies(bag, of_items(bag, [owl.id]), only_same=True)
    assert {one.kind for one in found.matches} == {"same"}
    assert (found.exit_code, found.only_same, found.searched) == (0, False, 0)


def test_candidates_name_the_iterations_of_what_only_they_hold(bag):
    held = list(candidates(bag))
    assert [(one.row, one.iterations) for one in held] == [
        ("images", []),
        ("images", []),
        ("predictions", []),
        ("images", [ITERATION]),
    ]
    assert all(len(one.files) == 1 for one in held)


def test_a_file_that_changes_meanwhile_is_refused(bag):
    (sha256, where) = next(iter(next(candidates(bag)).files.items()))
    bag.at(where).write_bytes(b"changed")
    with pytest.raises(StorageError, match="was changed during the search"):
        content_of(bag, where, sha256)
