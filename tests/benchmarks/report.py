"""Measure `report`: the time, the processor time, the size of the site, and its largest page.

    python -m tests.benchmarks.report [--images 20000]

It makes an export in a temporary folder (photographs of 640 x 480 pixels with a box and a tag each, an iteration that
was trained on all of them), and runs the command on it, the verification included.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.benchmarks.bags import make

SIDES = (640, 480)
_QUALITY = 90
PHOTOGRAPHS = Path(__file__).parent.parent / "find" / "photographs"


def _say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def photographs():
    """Return the photographs of the tests as JPEG files of the same sides."""
    made = []
    for path in sorted(PHOTOGRAPHS.glob("*.jpg")):
        kept = BytesIO()
        Image.open(path).convert("RGB").resize(SIDES).save(kept, "JPEG", quality=_QUALITY)
        made.append(kept.getvalue())
    return made


def run(bag, out):
    """Run the command; return the seconds and the processor seconds that it took, and its document."""
    began, before = time.perf_counter(), os.times()
    words = [sys.executable, "-m", "cv_gdpr", "report", str(bag), "--out", str(out), "--json"]
    ran = subprocess.run(words, stdout=subprocess.PIPE, check=True)  # its errors are shown
    took, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return took, used, json.loads(ran.stdout)


def size_of(site):
    """Return the bytes of the pages and thumbnails, and those of the pictures, which are linked."""
    own = sum(path.stat().st_size for path in site.rglob("*") if path.is_file() and path.parent.name != "files")
    return own, sum(path.stat().st_size for path in site.glob("*/files/*"))


def main():
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--keep", type=Path, help="a folder in which the export and the site stay")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        top = given.keep or Path(scratch)
        pictures = photographs()
        _say(f"{given.images:,} images, {sum(map(len, pictures)) / len(pictures) / 1000:.0f} kB each on average")
        make(top / "bag", given.images, 0, 1, pictures)
        seconds, used, document = run(top / "bag", top / "site")
        own, linked = size_of(top / "site")
        _say(f"{seconds:.1f} s, verification included: {given.images / seconds:,.0f} images a second")
        _say(f"{used:.1f} s of processor time, {used / given.images * 1000:.1f} ms an image")
        _say(f"{document['pages']:,} pages, the largest has {document['largestPage'] / 1e6:.2f} MB")
        _say(f"pages and thumbnails: {own / 1e6:.0f} MB; pictures: {linked / 1e6:.0f} MB, {document['files']}")


if __name__ == "__main__":
    main()
