"""What a forger does to a bag: rewrite records, exchange files, and write the manifests again."""

import hashlib
import json

from custom_vision_simulator import Options, Simulator
from tests.commandline import CommandLine
from tests.export.exporting import files, stock


def exported(out, *words, projects=1):
    """Export projects with items in every row into a folder, and return it."""
    with Simulator(Options(original_blobs=True, account_info=True)) as sim:
        for _ in range(projects):
            stock(sim)
        assert CommandLine(sim.endpoint, sim.training_key)("export", "--all", *words, "--out", out).code == (
            3 if words else 0
        )
    return out


def seal(out):
    """Write manifest, Payload-Oxum and tag manifest again, as a forger would."""
    payload = files(out / "data")
    lines = [f"{_sha256(path)}  {path.relative_to(out).as_posix()}\n" for path in payload]
    (out / "manifest-sha256.txt").write_text("".join(lines))
    info = [line for line in (out / "bag-info.txt").read_bytes().splitlines() if not line.startswith(b"Payload-Oxum")]
    info.append(f"Payload-Oxum: {sum(path.stat().st_size for path in payload)}.{len(payload)}".encode())
    (out / "bag-info.txt").write_bytes(b"\n".join(info) + b"\n")
    seal_tags(out)


def seal_tags(out):
    """Write the tag manifest again."""
    names = ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")
    (out / "tagmanifest-sha256.txt").write_text("".join(f"{_sha256(out / name)}  {name}\n" for name in names))


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def first(out, pattern):
    """Return the first file that matches the pattern."""
    return min(path for path in out.rglob(pattern) if path.is_file())


def rewrite(path, change):
    """Change the records of a JSON Lines file, or the value of a JSON file."""
    if path.suffix == ".json":
        value = json.loads(path.read_bytes())
        change(value)
        path.write_text(json.dumps(value))
        return
    values = [json.loads(line) for line in path.read_bytes().splitlines()]
    change(values)
    path.write_text("".join(json.dumps(value) + "\n" for value in values))


def exchange(one, other):
    """Exchange the content of two files."""
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def project(out, number=0):
    """Return the folder of a project."""
    return sorted(path for path in (out / "data").iterdir() if path.is_dir())[number]


def info(old, new):
    """Replace some text in bag-info.txt."""

    def change(out):
        text = (out / "bag-info.txt").read_bytes()
        assert old in text
        (out / "bag-info.txt").write_bytes(text.replace(old, new, 1))

    return change


def without(*kinds):
    """Remove the first file of each name."""
    return lambda out: [first(out, kind).unlink() for kind in kinds]


def write(name, content):
    return lambda out: (out / name).write_bytes(content)
