"""A second night beside the first: an export with --reuse, and with --trust-listings, of what has not changed.

    python -m tests.benchmarks.second_night [--images 100000] [--iterations 10] [--image-bytes 20000] [--folder DIR]
                                            [--hurry]

The service answers 10 calls a second and refuses more. Every image is in the workspace and in every iteration. Each
night is the whole command, `cv-gdpr export --all`, from start-up to the finished bag; all bags must verify. --hurry
lets the service answer whatever comes in the first night, whose times then say nothing of a real one.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.ground import service
from tests.benchmarks.measure import run, say, table

US = [sys.executable, "-m", "cv_gdpr"]
RATE = 10  # calls a second
NIGHTS = {"first": (), "second, --reuse": ("first",), "third, --reuse --trust-listings": ("second, --reuse",)}


def night(api, place, name, earlier, hurried):
    """Export in one night; return what was measured and the document of the result."""
    words = ["export", "--all", "--json", "-q", "--out", str(place / name)]
    words += [f"--reuse={place / one}" for one in earlier]
    words += ["--trust-listings"] if "trust" in name else []
    words += ["--calls-per-second", "0"] if hurried else []
    environment = {"CV_GDPR_ENDPOINT": api.endpoint, "CV_GDPR_TRAINING_KEY": api.key}
    ran = run([*US, *words], environment, keep=True)
    time.sleep(1)  # the calls of the last second would count against the next night
    return ran, json.loads(ran.printed)


def row(name, ran, document, first):
    """Return a row of the table."""
    calls = sum(document["calls"].values())
    reused = sum(one["files"] for one in document["reused"])
    return (
        name,
        calls,
        f"{calls / first:.3f}",
        reused,
        len(document["trusted"]),
        f"{ran.seconds:.1f}",
        f"{ran.seconds / (calls / RATE):.2f}",
        f"{ran.processor:.1f}",
        f"{ran.peak:.0f}",
    )


def nights(arguments):
    """Return the rows of all nights."""
    place = Path(tempfile.mkdtemp(prefix="nights-", dir=arguments.folder))
    filling = {"images": arguments.images, "image_bytes": arguments.image_bytes, "iterations": arguments.iterations}
    rows = []
    try:
        with service("", **filling) as api:
            for name, earlier in NIGHTS.items():
                hurried = arguments.hurry and not earlier
                api.limit(None if hurried else RATE)
                ran, document = night(api, place, name, earlier, hurried)
                rows.append(row(name, ran, document, rows[0][1] if rows else sum(document["calls"].values())))
                say(" | ".join(map(str, rows[-1])))
        for name in NIGHTS:
            run([*US, "verify", "-q", str(place / name)])
    finally:
        shutil.rmtree(place)
    return rows


def main():
    """Measure, print, and check the bounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--image-bytes", type=int, default=20_000)
    parser.add_argument("--folder", help="Where the exports are written.")
    parser.add_argument("--hurry", action="store_true", help="No limit on the calls of the first night.")
    arguments = parser.parse_args()
    rows = nights(arguments)
    size = f"{arguments.image_bytes:,} bytes"
    say(f"\n### {arguments.images:,} images of {size}, in the workspace and in {arguments.iterations} iterations\n")
    headings = ("night", "calls", "of the first", "files reused", "lists trusted", "seconds")
    say(table((*headings, "times of calls/10 s", "CPU seconds", "peak MiB"), rows))
    assert rows[1][3] == arguments.images, "something was downloaded again"
    assert float(rows[1][6]) <= 1.2, "slower than 1.2 times the calls' own time"
    assert rows[2][1] <= rows[1][1] / 10, "more than a tenth of the calls"


if __name__ == "__main__":
    main()
