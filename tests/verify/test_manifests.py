"""BagIt manifests: all algorithms, lines in any order, lines of any length."""

import json

import bagit
import pytest

from cv_gdpr.archive import json_files
from cv_gdpr.verify import verify
from tests.verify.forging import first, info, project, seal, seal_tags, without, write


def with_manifests(out, *algorithms):
    """Have bagit.py add manifests and tag manifests of these algorithms."""
    bag = bagit.Bag(str(out))
    bag.algorithms = ["sha256", *algorithms]
    bag.save(manifests=True)
    assert bag.is_valid()
    (out / "bagit.txt").write_bytes(b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")


def edit(name, old, new):
    """Replace some bytes in a tag file without updating any manifest."""

    def change(out):
        text = (out / name).read_bytes()
        assert old in text
        (out / name).write_bytes(text.replace(old, new, 1))

    return change


def append(name, text):
    return lambda out: (out / name).write_bytes((out / name).read_bytes() + text)


def drop_line(name, number=0):
    return lambda out: (out / name).write_bytes(
        b"".join(line for at, line in enumerate((out / name).read_bytes().splitlines(True)) if at != number)
    )


def resealed(change):
    """Write the tag manifest again after a change."""
    return lambda out: (change(out), seal_tags(out))


ZEROS = b"0" * 64
MANIFESTS = {
    "an unknown algorithm": (write("manifest-crc32.txt", b""), "manifest-crc32.txt: cannot be checked: unknown"),
    "an unknown tag algorithm": (
        write("tagmanifest-shake128.txt", b""),
        "tagmanifest-shake128.txt: cannot be checked",
    ),
    "an empty md5 manifest": (write("manifest-md5.txt", b""), "manifest-md5.txt: empty"),
    "a wrong md5": (
        write("manifest-md5.txt", b"0" * 32 + b"  data/export.json\n"),
        "its md5 differs from manifest-md5.txt",
    ),
    "an md5 manifest of one": (
        write("manifest-md5.txt", b"0" * 32 + b"  data/x\n"),
        "not listed in manifest-md5.txt",
    ),
    "a wrong sha512 of a tag file": (
        write("tagmanifest-sha512.txt", b"0" * 128 + b"  bagit.txt\n"),
        "bagit.txt: changed (its sha512 differs from tagmanifest-sha512.txt)",
    ),
    "a digest too short": (append("manifest-sha256.txt", b"00  data/x\n"), "a line is not a valid manifest entry"),
    "a tag file that is not there": (append("tagmanifest-sha256.txt", ZEROS + b"  about.txt\n"), "about.txt: missing"),
    "a payload file as tag file": (append("tagmanifest-sha256.txt", ZEROS + b"  data/export.json\n"), "not a tag file"),
    "a tag file twice": (append("tagmanifest-sha256.txt", ZEROS + b"  bagit.txt\n"), "which is a duplicate"),
    "a tag file left out": (drop_line("tagmanifest-sha256.txt"), "does not name bag-info.txt"),
    "a file twice in the manifest": (
        resealed(lambda out: append("manifest-sha256.txt", (out / "manifest-sha256.txt").read_bytes())(out)),
        "listed 2 times in manifest-sha256.txt",
    ),
    "a file left out of the manifest": (
        resealed(drop_line("manifest-sha256.txt")),
        "not listed in manifest-sha256.txt",
    ),
    "a file too many in the manifest": (
        resealed(append("manifest-sha256.txt", ZEROS + b"  data/x\n")),
        "data/x: missing",
    ),
    "another number of bytes": (
        resealed(info(b"Payload-Oxum: ", b"Payload-Oxum: 1")),
        "bag-info.txt: does not say Payload-Oxum: ",
    ),
    "the manifest taken out": (without("manifest-sha256.txt"), "manifest-sha256.txt: missing"),
    "the tag manifest taken out": (without("tagmanifest-sha256.txt"), "tagmanifest-sha256.txt: missing"),
}


@pytest.mark.parametrize(("alter", "words"), MANIFESTS.values(), ids=MANIFESTS)
def test_every_manifest_that_is_there_is_checked(out, alter, words):
    alter(out)

    found = verify(out)

    assert any(words in difference for difference in found.differences), "\n".join(found.differences)


def test_a_tag_file_behind_a_link_is_refused(out, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "about.txt").write_bytes(b"")
    (out / "meta").symlink_to(tmp_path / "elsewhere")
    append("tagmanifest-sha256.txt", ZEROS + b"  meta/about.txt\n")(out)

    assert any("or behind a link" in difference for difference in verify(out).differences)


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha512"])
def test_manifests_added_by_another_tool_are_checked(out, algorithm):
    with_manifests(out, algorithm)
    for name in (f"manifest-{algorithm}.txt", f"tagmanifest-{algorithm}.txt", "tagmanifest-sha256.txt"):
        assert (out / name).is_file()
    assert [one for one in verify(out).differences if "bagit.txt" not in one] == []

    digest = (out / f"manifest-{algorithm}.txt").read_bytes()[:32]
    edit(f"manifest-{algorithm}.txt", digest, bytes(reversed(digest)))(out)

    told = "\n".join(verify(out).differences)
    assert f"its {algorithm} differs from manifest-" in told
    assert f"manifest-{algorithm}.txt: changed (its SHA-256" in told


# --- order and size ---------------------------------------------------------------------------------------------


def test_a_bag_in_another_order_is_proved(out):
    for path in out.rglob("*.jsonl"):
        path.write_bytes(b"".join(reversed(path.read_bytes().splitlines(True))))
    told = (out / "data" / "export.json").read_bytes()
    (out / "data" / "export.json").write_text(json.dumps(dict(sorted(json.loads(told).items()))))
    seal(out)
    manifest = out / "manifest-sha256.txt"
    manifest.write_bytes(b"".join(reversed(manifest.read_bytes().splitlines(True))))
    seal_tags(out)

    assert verify(out).differences == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("images.jsonl", "images.jsonl: line 1 is longer than"),
        ("files.jsonl", "files.jsonl: line 1 is longer than"),
        ("listings.jsonl", "listings.jsonl: line 1 is longer than"),
        ("absent.jsonl", "absent.jsonl: line 1 is longer than"),
        ("tagmanifest-sha256.txt", "tagmanifest-sha256.txt: line 1 is longer than"),
        ("manifest-sha256.txt", "manifest-sha256.txt: line 1 is longer than"),
        ("project.json", "project.json: larger than"),
        ("bag-info.txt", "bag-info.txt: larger than"),
        ("bagit.txt", "bagit.txt: larger than"),
    ],
)
def test_a_line_or_document_beyond_the_limit_is_refused(out, monkeypatch, kind, words):
    monkeypatch.setattr(json_files, "LONGEST", 20_000)
    path = first(out, kind)
    path.write_bytes(b" " * 20_001 + path.read_bytes())

    assert any(words in difference for difference in verify(out).differences)


def test_the_limit_is_64_mib(out):
    path = project(out) / "images.jsonl"
    with path.open("wb") as file:
        file.truncate(65 << 20)

    assert any("line 1 is longer than 64 MiB" in difference for difference in verify(out).differences)
