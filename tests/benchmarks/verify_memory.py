"""The memory and time of `cv-gdpr verify` for growing bags; the memory must not grow.

    python -m tests.benchmarks.verify_memory [--images 60000] [--size 2000] [--iterations 2] [--rounds 3]

The bags are made directly, since exporting as many images would take too long; `verify` must find no difference.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.bags import make
from tests.benchmarks.measure import interleaved, run, say, table

SUMS = "xargs -0 -P2 -n 64 sha256sum > /dev/null"
LARGER_BY = 15  # MiB by which the largest bag may exceed the smallest


def main():
    """Print the table; end with an error if memory grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--size", type=int, default=2_000, help="bytes of an image")
    parser.add_argument("--iterations", type=int, default=2, help="that hold all images too")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to write; default: the usual temporary folder")
    arguments = parser.parse_args()
    rows, peaks = [], []
    for count in (1_000, arguments.images):
        out = Path(tempfile.mkdtemp(prefix="verify-", dir=arguments.folder))
        try:
            make(out, count, arguments.size, arguments.iterations)
            commands = {
                "verify": lambda _, out=out: [sys.executable, "-m", "cv_gdpr", "verify", "-q", str(out)],
                "sums": lambda _, out=out: ["sh", "-c", f"find {out} -type f -print0 | {SUMS}"],
            }
            run(commands["verify"](None))
            measured = interleaved(commands, arguments.rounds)
        finally:
            shutil.rmtree(out)
        ours, sums = measured["verify"], measured["sums"]
        peaks.append(ours.peak)
        rows.append((f"{count:,}", f"{ours.seconds:.2f}", f"{ours.seconds / sums.seconds:.2f}", f"{ours.peak:.1f}"))
    each = f"{arguments.size:,} bytes, in {arguments.iterations} iterations too"
    say(f"\n### verify: images of {each}\n")
    say(table(("images", "seconds", "times of xargs -P2 sha256sum", "peak MiB"), rows))
    if peaks[1] - peaks[0] > LARGER_BY:
        raise SystemExit(f"memory grows by {peaks[1] - peaks[0]:.1f} MiB, more than {LARGER_BY}")


if __name__ == "__main__":
    main()
