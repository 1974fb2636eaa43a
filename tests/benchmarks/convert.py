"""Measure `convert`: images a second, for each format.

    python -m tests.benchmarks.convert [--images 100000]

It makes an export of object detection in a temporary folder (a picture of 20 kB and a box for each image), verifies it
once, converts it to each format, and prints how long each took with its round trip, and how the files were placed.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from cv_gdpr.archive.bag import Bag
from cv_gdpr.archive.new_folder import new_folder
from cv_gdpr.convert.conversion import Conversion, Wanted, check_wanted, convert
from cv_gdpr.convert.formats import FORMATS
from cv_gdpr.verify import verify
from tests.benchmarks.bags import make

_BYTES = 20_000


def _say(line):
    sys.stdout.write(f"{line}\n")


def measure(bag, out, to, *, only_copies=False):
    """Return the seconds of a conversion, and its result; raise AssertionError if something was lost."""
    result = Conversion(bag, out, check_wanted(Wanted(to, only_copies=only_copies)), incomplete=False)
    began = time.perf_counter()
    with new_folder(out) as folder:
        convert(Bag(bag), result, folder, lambda _done, _total: None)
    seconds = time.perf_counter() - began
    assert result.exit_code == 0
    return seconds, result


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    count = parser.parse_args().images
    with tempfile.TemporaryDirectory() as scratch:
        bag = Path(scratch) / "bag"
        make(bag, count, _BYTES, 0)
        began = time.perf_counter()
        assert not verify(bag).differences
        _say(f"{count:,} images; verified in {time.perf_counter() - began:.1f} s\n")
        _say("| format | seconds | images a second | files |\n| --- | ---: | ---: | --- |")
        for to, only_copies in (*((to, False) for to in FORMATS), ("coco", True)):
            seconds, result = measure(bag, Path(scratch) / f"{to}-{only_copies}", to, only_copies=only_copies)
            _say(f"| {to} | {seconds:.2f} | {count / seconds:,.0f} | {', '.join(result.sets[0].placed)} |")
        _say(f"\nmost memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
