"""Divides pictures into training, validation and test: each combination of tags in the same shares.

The choice depends on the ids and the seed alone, not on the order of a list: it can be repeated.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable

from cv_gdpr.convert.records import PARTS, TRAIN, Picture, Split


def parts_of(pictures: Iterable[Picture], split: Split | None) -> dict[str, str]:
    """Return the part of each picture, by its id; all are for training without a split.

    The pictures are dealt out in the order of their combinations of tags. Each goes to the part that lacks most of its
    share, so that every stretch of that order is divided in these shares, to within one picture. Then each tag that has
    a picture has one in training.
    """
    pictures = list(pictures)
    if split is None:
        return dict.fromkeys((one.id for one in pictures), TRAIN)
    ordered = sorted(pictures, key=lambda one: (sorted(one.tags), _turn(one, split.seed)))
    dealt: Counter[str] = Counter()
    found = {}
    for count, one in enumerate(ordered, 1):
        lacking = {part: share * count - 100 * dealt[part] for part, share in zip(PARTS, split.shares, strict=True)}
        part = max(lacking, key=lambda name: lacking[name])
        dealt[part] += 1
        found[one.id] = part
    return found | _for_training(ordered, found, split.seed)


def _for_training(ordered: list[Picture], found: dict[str, str], seed: int) -> dict[str, str]:
    """Return the pictures that move to training, since one of their tags has none there."""
    trained = {tag for one in ordered if found[one.id] == TRAIN for tag in one.tags}
    moved = {}
    for one in sorted(ordered, key=lambda one: _turn(one, seed)):
        if not trained.issuperset(one.tags):
            trained.update(one.tags)
            moved[one.id] = TRAIN
    return moved


def _turn(picture: Picture, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{picture.id}".encode(errors="surrogatepass")).digest()
