"""An earlier export, opened to take files from it: nothing unchecked, and nothing from outside it."""

import hashlib
import json
import os
import time

import pytest

from cv_gdpr.archive.earlier import Damaged, EarlierBag, EarlierFiles
from cv_gdpr.archive.journal import blob_key
from cv_gdpr.errors import NotVerified, UsageError
from cv_gdpr.platforms.files import user_id
from cv_gdpr.table.categories import layout
from tests.benchmarks.bags import NAME, PROJECT, identity, image, make

ENDPOINT = "https://example.cognitiveservices.azure.com"
FIRST = identity("image", 0)
SOURCE = "/" + image(0)["originalImageUri"].split("/", 3)[3]


@pytest.fixture
def bag(tmp_path):
    make(tmp_path / "bag", 3, 100, 1)
    for path in (tmp_path / "bag").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return tmp_path / "bag"


def opened(bag):
    return EarlierBag(bag, ENDPOINT, layout())


def forge(bag, file, change):
    """Change a file of the bag, and all hashes above it, as another program could."""
    path = bag / file
    path.write_bytes(change(path.read_bytes()))
    if file != "manifest-sha256.txt":
        lines = (bag / "manifest-sha256.txt").read_text().splitlines()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lines = [f"{digest}  {file}" if line.endswith(f"  {file}") else line for line in lines]
        (bag / "manifest-sha256.txt").write_text("\n".join(lines) + "\n")
    names = ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")
    sums = (f"{hashlib.sha256((bag / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    (bag / "tagmanifest-sha256.txt").write_text("".join(sums))


def forge_entry(bag, **fields):
    """Change the index's entry of the first image."""

    def change(content):
        lines = [json.loads(line) for line in content.splitlines()]
        lines = [one | fields if one["blob"] == f"images/{FIRST}" else one for one in lines]
        return b"".join(json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in lines)

    forge(bag, f"data/{NAME}/files.jsonl", change)


def take(bag, tmp_path):
    """Take the first image as an export does."""
    earlier = opened(bag)
    files = EarlierFiles(earlier, earlier.projects[PROJECT])
    entry = files.find(blob_key(f"images/{FIRST}", SOURCE))
    try:
        return earlier.take(earlier.where(files.project, entry), entry, str(tmp_path / "taken"), time.time_ns())
    finally:
        files.close()


def test_a_file_is_found_by_item_and_address(bag, tmp_path):
    taken = take(bag, tmp_path)
    content = (tmp_path / "taken").read_bytes()
    assert (taken.size, taken.sha256) == (100, hashlib.sha256(content).hexdigest())
    assert taken.head == content[:16]
    assert (tmp_path / "taken").stat().st_nlink == 2
    files = EarlierFiles(opened(bag), opened(bag).projects[PROJECT])
    for blob, source in ((f"images/{FIRST}", f"{SOURCE}x"), (f"predictions/{FIRST}", SOURCE)):
        assert files.find(blob_key(blob, source)) is None


SECRET = b"a secret outside the bag, with a hash that is known"
OUTSIDE = {"bytes": len(SECRET), "sha256": hashlib.sha256(SECRET).hexdigest()}
NEVER = ["../../../secret", "/etc/hostname", "images/../../../../secret", "images\\..\\secret", "images/x.jpg", "", "."]


@pytest.mark.parametrize("path", NEVER)
def test_no_path_leads_out_of_the_bag(bag, tmp_path, path):
    (tmp_path / "secret").write_bytes(SECRET)
    forge_entry(bag, path=path, **OUTSIDE)
    with pytest.raises(Damaged, match="not a path that an export writes"):
        take(bag, tmp_path)
    assert not (tmp_path / "taken").exists()


@pytest.mark.parametrize("linked", ["", "images", f"images/{FIRST}.jpg"])
def test_no_link_leads_out_of_the_bag(bag, tmp_path, linked):
    outside = tmp_path / "outside"
    (outside / "images").mkdir(parents=True)
    (outside / f"images/{FIRST}.jpg").write_bytes(SECRET)
    forge_entry(bag, **OUTSIDE)
    earlier = opened(bag)
    files = EarlierFiles(earlier, earlier.projects[PROJECT])
    entry = files.find(blob_key(f"images/{FIRST}", SOURCE))
    place = bag / "data" / NAME / linked
    place.rename(tmp_path / "moved")
    place.symlink_to(outside / linked)
    with pytest.raises(Damaged, match="a link, not a f"):
        earlier.take(earlier.where(files.project, entry), entry, str(tmp_path / "taken"), time.time_ns())
    assert not (tmp_path / "taken").exists()


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_only_a_file_is_taken(bag, tmp_path, kind):
    place = bag / "data" / NAME / f"images/{FIRST}.jpg"
    place.unlink()
    os.mkfifo(place) if kind == "pipe" else place.mkdir()
    with pytest.raises(Damaged, match="not a file"):
        take(bag, tmp_path)


def test_the_index_must_be_that_of_the_manifest(bag, tmp_path):
    index = bag / "data" / NAME / "files.jsonl"
    index.write_bytes(index.read_bytes().replace(b'"bytes":100', b'"bytes":101'))
    with pytest.raises(Damaged, match="its hash is not that in the manifest"):
        take(bag, tmp_path)


@pytest.mark.parametrize("file", ["bag-info.txt", "bagit.txt", "manifest-sha256.txt", "data/export.json"])
def test_changed_documents_are_damage(bag, file):
    (bag / file).write_bytes((bag / file).read_bytes() + b"\n")
    with pytest.raises(NotVerified, match="is damaged"):
        opened(bag)


@pytest.mark.parametrize("text", [b"", b"\xff", b"[]", b"{}", b'{"projects": 1}', b"[" * 5000])
def test_a_forged_summary_is_damage(bag, text):
    forge(bag, "data/export.json", lambda _: text)
    with pytest.raises((NotVerified, UsageError)):
        opened(bag)


@pytest.mark.parametrize("folder", ["..", "../outside", f"../../{NAME}", f"a/{NAME}", f"..\\\\{NAME}", ""])
def test_a_project_has_a_folder_of_its_own(bag, folder):
    forge(
        bag,
        "data/export.json",
        lambda text: text.replace(f'"folder": "{NAME}"'.encode(), f'"folder": "{folder}"'.encode()),
    )
    with pytest.raises(NotVerified):
        opened(bag)


def test_an_export_must_say_when_it_began(bag):
    forge(bag, "bag-info.txt", lambda text: text.replace(b"Export-Started: 2024", b"Export-Started: yesterday 2024"))
    with pytest.raises(NotVerified):
        opened(bag)


@pytest.mark.skipif(user_id() != 0, reason="only root can give a folder away")
def test_an_export_of_another_user_is_refused(bag):
    os.chown(bag, 12345, -1)
    with pytest.raises(UsageError, match="belongs to another user"):
        opened(bag)


def test_a_file_of_another_user_is_copied(bag, tmp_path):
    place = bag / "data" / NAME / f"images/{FIRST}.jpg"
    if user_id() != 0:
        pytest.skip("only root can give a file away")
    os.chown(place, 12345, -1)
    take(bag, tmp_path)
    made = (tmp_path / "taken").stat()
    assert (made.st_nlink, made.st_uid) == (1, user_id())
