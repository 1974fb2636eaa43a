"""The programs that cv-gdpr is compared with, each as one command line that stores and hashes the same images."""

import csv
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.ground import needed

LOOP = """
import hashlib, pathlib, sys, requests
for number, url in enumerate(pathlib.Path(sys.argv[1]).read_text().split()):
    answer = requests.get(url, timeout=60)
    answer.raise_for_status()
    pathlib.Path(sys.argv[2], f"{number}.jpg").write_bytes(answer.content)
    hashlib.sha256(answer.content).hexdigest()
"""


@dataclass(frozen=True)
class Job:
    """What to fetch: addresses, an empty folder for notes, the number of connections, storage and API."""

    addresses: list[str]
    notes: Path
    connections: int
    storage: object
    api: object

    def written(self, name, text):
        """Write a file beside the job and return its path."""
        path = self.notes / name
        path.write_text(text)
        return path


def hashed(out):
    """Return the shell words that hash every file of a folder."""
    return f"find {shlex.quote(str(out))} -type f -print0 | xargs -0 openssl dgst -sha256 > /dev/null"


def shell(*commands):
    """Return a command that runs several commands in sequence."""
    return ["sh", "-ec", "; ".join(commands)]


def cv_gdpr(job, out):
    """The whole of `cv-gdpr export images`: start-up, listing, downloads, hashes, durable writing, closed bag."""
    options = ["--all", "-q", "--connections", str(job.connections), "--calls-per-second", "0", "--out", str(out)]
    return [sys.executable, "-m", "cv_gdpr", "export", "images", *options]


def curl(job, out):
    """`curl -Z` with a ready-made list of addresses, then `openssl dgst`."""
    pairs = (f'url = "{url}"\noutput = "{out}/{number}.jpg"\n' for number, url in enumerate(job.addresses))
    listed = job.written("curl", "".join(pairs))
    trust = f"--cacert {job.storage.certificate}" if job.storage.certificate else ""
    program = needed("curl", "curl")
    return shell(
        f"{program} -sS -Z --no-progress-meter --parallel-max {job.connections} {trust} -K {listed}", hashed(out)
    )


def curl_durable(job, out):
    """The same, and one `sync -f` at the end, to show the cost of durability."""
    return [*curl(job, out)[:2], f"{curl(job, out)[2]}; sync -f {out}"]


def aria2c(job, out):
    """`aria2c`, one connection for each image, then `openssl dgst`."""
    pairs = (f"{url}\n out={number}.jpg\n" for number, url in enumerate(job.addresses))
    listed = job.written("aria2c", "".join(pairs))
    trust = f"--ca-certificate={job.storage.certificate}" if job.storage.certificate else ""
    program = needed("aria2c", "aria2")
    options = f"-q -j {job.connections} -x 1 --file-allocation=none --summary-interval=0 --no-conf {trust}"
    return shell(f"{program} {options} -d {out} -i {listed}", hashed(out))


def rclone(job, out):
    """`rclone copyurl --urls`, then `openssl dgst`."""
    program = shutil.which("rclone", path=str(Path(sys.executable).parent)) or needed(
        "rclone", "rclone (1.70 or newer)"
    )
    with (job.notes / "rclone").open("w", newline="") as file:
        csv.writer(file).writerows((url, f"{number}.jpg") for number, url in enumerate(job.addresses))
    trust = f"--ca-cert {job.storage.certificate}" if job.storage.certificate else ""
    options = f"--config /dev/null -q --transfers {job.connections} {trust}"
    return shell(f"{program} copyurl --urls {options} {job.notes / 'rclone'} {out}", hashed(out))


def loop(job, out):
    """The usual script: `requests.get` in a loop."""
    return [sys.executable, "-c", LOOP, str(job.written("loop", "\n".join(job.addresses))), str(out)]


def floor(job, out):
    """The lower bound without any download: `cp` of the same files from the page cache, then `openssl dgst`."""
    parts = -(-len(job.addresses) // 256)
    made = f"for part in $(seq {parts}); do mkdir {out}/$part; cp {job.storage.files}/* {out}/$part/; done"
    return shell(made, hashed(out))


CURL = "curl -Z, openssl dgst"
BESIDE = {
    CURL: curl,
    "curl -Z, openssl dgst, sync -f": curl_durable,
    "rclone copyurl, openssl dgst": rclone,
    "aria2c, openssl dgst": aria2c,
    "cp, openssl dgst": floor,
}
