"""The split: shares, repeatable, in the same shares for each combination of tags."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cv_gdpr.convert.records import Label, Picture, Split
from cv_gdpr.convert.split import parts_of


def picture(number, tags):
    ident = f"{number:05}"
    return Picture(ident, ident, Path(ident), "", 1, 1, tuple(map(Label, tags)))


@pytest.mark.parametrize("shares", [(80, 10, 10), (70, 30, 0), (34, 33, 33), (100, 0, 0), (1, 99, 0)])
def test_every_combination_is_divided_alike(shares):
    pictures = [picture(number, ("a", "ab", "b")[number % 3]) for number in range(900)]
    found = parts_of(pictures, Split(shares))
    for tags in ("a", "ab", "b"):
        counts = Counter(found[one.id] for one in pictures if "".join(one.tags) == tags)
        for part, share in zip(("train", "validation", "test"), shares, strict=True):
            assert counts[part] == pytest.approx(3 * share, abs=2)


def test_the_order_of_the_list_does_not_matter():
    pictures = [picture(number, "abc"[number % 3]) for number in range(100)]
    first = parts_of(pictures, Split((60, 20, 20), 7))
    pictures = pictures[50::-1] + pictures[51:]
    assert parts_of(pictures, Split((60, 20, 20), 7)) == first
    assert parts_of(pictures, Split((60, 20, 20), 8)) != first


@pytest.mark.slow
@given(st.lists(st.sets(st.sampled_from("abcdef"), max_size=3), max_size=40), st.integers(1, 98), st.integers(0, 9))
def test_each_tag_is_in_training(combinations, share, seed):
    pictures = [picture(number, sorted(tags)) for number, tags in enumerate(combinations)]
    found = parts_of(pictures, Split((share, 99 - share, 1), seed))
    assert found.keys() == {one.id for one in pictures}
    trained = {tag for one in pictures if found[one.id] == "train" for tag in one.tags}
    assert trained == {tag for one in pictures for tag in one.tags}


def test_without_a_split_all_are_for_training():
    assert parts_of([picture(1, "a"), picture(2, "")], None) == {"00001": "train", "00002": "train"}
