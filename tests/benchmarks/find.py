"""How well and how fast `cv-gdpr find` is: recall and wrong ones for each change, time an image, growth.

Run it in the folder of the repository: python -m tests.benchmarks.find [--photos DIR] [--sought N] [--images N ...]

--photos: a folder with other photographs than those of the tests. 290 pictures come with a Debian package:
`apt-get download gcompris-qt-data`. --sought 0: no recall; --images 0: no times.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from cv_gdpr.archive.bag import Bag
from cv_gdpr.find.search import copies
from tests.find import bags
from tests.find.changes import COVERED, PARTS, WHOLE, as_jpeg, jpeg, pasted

HERE = Path(__file__).parent.parent / "find" / "photographs"
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
LARGEST = 1024  # pixels of the longer side of a photograph


def _say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Row(NamedTuple):
    """How a change was found: of how many, found, certain; wrong matches, wrong certain ones; the missed."""

    change: str
    of: int
    found: int
    certain: int
    wrong: int
    wrong_certain: int
    missed: tuple[str, ...]


def photographs(folder):
    """Return the photographs in a folder, by name."""
    found = {}
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES):
        pixels = cv2.imread(str(path))
        scale = LARGEST / max(pixels.shape)
        found[path.stem] = pixels if scale >= 1 else cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=3)
    return found


def all_changes(photos, sought):
    """Return the changes of a photograph; one is to paste it into another that is not sought."""
    others = [name for name in photos if name not in sought] or list(photos)

    def into_another(pixels, name):
        return jpeg(pasted(pixels, photos[others[list(photos).index(name) % len(others)]]))

    alone = {
        words: lambda pixels, _, change=change: change(pixels) for words, change in (WHOLE | COVERED | PARTS).items()
    }
    return alone | {"pasted, half of it": into_another}


def recall(photos, sought, scratch):
    """Yield a row for each change: a bag with all photographs changed, in which some of them are sought."""
    wanted = {name: as_jpeg(photos[name], 92) for name in sought}
    for words, change in all_changes(photos, sought).items():
        folder = scratch / words.replace(" ", "-").replace("%", "").replace(",", "")
        (ids, _, _) = bags.make(folder, [as_jpeg(change(pixels, name)) for name, pixels in photos.items()])
        named = dict(zip(ids, photos, strict=True))
        matches = copies(Bag(folder), wanted).matches
        right = {one.like: one for one in matches if named[one.id] == one.like}
        wrong = [one for one in matches if named[one.id] != one.like]
        for one in wrong:
            _say(f"  {words}: {one.like} is not {named[one.id]}: {one.kind}, {one.why}")
        yield Row(
            words,
            len(sought),
            len(right),
            sum(one.certain for one in right.values()),
            len(wrong),
            sum(one.certain for one in wrong),
            tuple(name for name in sought if name not in right),
        )


def another_picture(photos, random_):
    """Return a picture that is not in the set: two photographs, each cut, turned and mirrored, side by side."""
    halves = []
    for name in random_.choice(list(photos), 2, replace=False):
        pixels = photos[name]
        height, width = pixels.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), random_.uniform(-180, 180), random_.uniform(1.5, 3))
        halves.append(cv2.resize(cv2.warpAffine(pixels, turn, (width, height), borderMode=4), (512, 768)))
    return as_jpeg(np.hstack(halves))


class Timed(NamedTuple):
    """The time of a search: seconds, and processor milliseconds an image."""

    seconds: float
    milliseconds: float


def timed(bag, photo, index):
    """Search and return the time."""
    started, processor = time.perf_counter(), time.process_time()
    found = copies(bag, {"photo": photo}, index=index)
    used = 1000 * (time.process_time() - processor) / max(1, found.searched)
    return Timed(time.perf_counter() - started, used)


def growth(photos, counts, scratch):
    """Print the time of a first and a second search, in bags of several sizes."""
    held_out, *others = photos
    rest = {name: photos[name] for name in others}
    photo, random_ = as_jpeg(photos[held_out], 92), np.random.default_rng(1)
    contents = []
    _say("\n| images | first search, s | ms an image and core | second, s | ms an image | of the first | index, MB |")
    _say("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for count in sorted(counts):
        contents += [another_picture(rest, random_) for _ in range(count - len(contents))]
        folder, index = scratch / f"of-{count}", scratch / f"index-{count}"
        bags.make(folder, contents)
        first, second = (timed(Bag(folder), photo, index) for _ in range(2))
        share, size = second.milliseconds / first.milliseconds, sum(one.stat().st_size for one in index.iterdir())
        _say(
            f"| {count:,} | {first.seconds:.1f} | {first.milliseconds:.1f} | {second.seconds:.1f} |"
            f" {second.milliseconds:.2f} | {share:.1%} | {size / 1e6:.1f} |",
        )


def _print_recall(photos, sought, scratch):
    _say("| change | found | certain | wrong | wrong certain | missed |\n| --- | ---: | ---: | ---: | ---: | --- |")
    for row in recall(photos, sought, scratch):
        counts = f"{row.found} of {row.of} | {row.certain} | {row.wrong} | {row.wrong_certain}"
        _say(f"| {row.change} | {counts} | {', '.join(row.missed)} |")


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=HERE)
    parser.add_argument("--sought", type=int, default=20)
    parser.add_argument("--images", type=int, nargs="*", default=[500, 1000, 2000])
    given = parser.parse_args()
    photos = photographs(given.photos)
    names = np.random.default_rng(2).permutation(list(photos))
    sought = [str(name) for name in names[: given.sought]]
    _say(f"{len(photos)} photographs, {len(sought)} sought; {os.cpu_count()} cores, OpenCV {cv2.__version__}\n")
    with tempfile.TemporaryDirectory() as scratch:
        if sought:
            _print_recall(photos, sought, Path(scratch))
        if sizes := [count for count in given.images if count]:
            growth(photos, sizes, Path(scratch))


if __name__ == "__main__":
    main()
