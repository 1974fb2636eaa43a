"""A bag as BagIt knows it: its tag files, manifests and files, one contradiction at a time."""

import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from cv_gdpr.verify import bag as module
from cv_gdpr.verify.bag import check_bag, check_files
from cv_gdpr.verify.facts import DISK, INDEX, MANIFEST, Facts, FileFacts
from cv_gdpr.verify.result import Verification

ID = "11111111-1111-4111-8111-111111111111"
IMAGE = f"data/A-{ID}/images/{ID}.jpg"
DOCUMENT = "data/export.json"
TAGS = ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")
BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


def digest(content, algorithm="sha256"):
    return hashlib.new(algorithm, content).hexdigest()


def write_manifest(folder, name, paths):
    algorithm = name.removesuffix(".txt").rpartition("-")[2]
    lines = [f"{digest((folder / path).read_bytes(), algorithm)}  {path}\n" for path in paths]
    (folder / name).write_text("".join(lines))


@pytest.fixture
def out(tmp_path):
    (tmp_path / IMAGE).parent.mkdir(parents=True)
    (tmp_path / IMAGE).write_bytes(b"image")
    (tmp_path / DOCUMENT).write_bytes(b"{}")
    (tmp_path / "bagit.txt").write_text(BAGIT)
    (tmp_path / "bag-info.txt").write_text("")
    write_manifest(tmp_path, "manifest-sha256.txt", [DOCUMENT, IMAGE])
    write_manifest(tmp_path, "tagmanifest-sha256.txt", TAGS)
    return tmp_path


def checked(out):
    """Return what was found, after the index named the image."""
    found = Verification(out)
    with Facts() as facts:
        content = b"image"
        facts.add("file", IMAGE.encode(), 0, INDEX, None, len(content), hashlib.sha256(content).digest())
        algorithms = check_bag(found, facts)
        check_files(found, facts, algorithms)
    return found, algorithms


def assert_differs(out, *expected, algorithms=("sha256",)):
    """Assert that these differences were found: where, and a word of each."""
    found, used = checked(out)
    assert len(found.differences) == len(expected), found.differences
    for difference, (where, word) in zip(
        sorted(found.differences), sorted(expected, key=lambda one: f"{one[0]}:"), strict=True
    ):
        assert difference.startswith(f"{where}: "), difference
        assert word in difference
    assert tuple(used) == algorithms
    return found


def append(out, name, text):
    with (out / name).open("ab") as file:
        file.write(text)


def test_a_whole_bag(out):
    found = assert_differs(out)
    assert (found.files, found.bytes) == (2, 7)


@pytest.mark.parametrize("text", ["", BAGIT.upper(), BAGIT + "\n"])
def test_another_declaration(out, text):
    (out / "bagit.txt").write_text(text)
    write_manifest(out, "tagmanifest-sha256.txt", TAGS)
    assert_differs(out, ("bagit.txt", "BagIt 1.0"))


def test_no_declaration(out):
    (out / "bagit.txt").unlink()
    assert_differs(out, ("bagit.txt", "missing"), ("bagit.txt", "missing"))


@pytest.mark.parametrize("name", ["missing.jsonl", "fetch.txt"])
@pytest.mark.parametrize("link", [True, False])
def test_a_list_that_no_finished_bag_has(out, name, link):
    (out / name).symlink_to("nowhere") if link else (out / name).write_bytes(b"")
    assert_differs(out, (name, "must not"))


def test_manifests_of_other_algorithms_are_checked(out):
    write_manifest(out, "manifest-md5.txt", [DOCUMENT, IMAGE])
    write_manifest(out, "tagmanifest-sha512.txt", TAGS[:1])
    assert_differs(out, algorithms=("sha256", "md5"))
    append(out, "bag-info.txt", b"x")
    write_manifest(out, "tagmanifest-sha256.txt", TAGS)
    (out / DOCUMENT).write_bytes(b"[]")
    write_manifest(out, "manifest-sha256.txt", [DOCUMENT, IMAGE])
    write_manifest(out, "tagmanifest-sha256.txt", TAGS)
    assert_differs(
        out,
        ("bag-info.txt", "sha512 differs from tagmanifest-sha512.txt"),
        (DOCUMENT, "md5 differs from manifest-md5.txt"),
        algorithms=("sha256", "md5"),
    )


@pytest.mark.parametrize(
    ("name", "algorithm"), [("md5", "md5"), ("sha3256", "sha3_256"), ("sha512", "sha512"), ("blake2b", "blake2b")]
)
def test_the_algorithms_that_are_known(name, algorithm):
    assert module._known(name) == algorithm


@pytest.mark.parametrize("name", ["", "sha3_256", "SHA256", "shake128", "shake256", "nothing"])
def test_the_algorithms_that_are_not_known(name):
    assert module._known(name) == ""


def test_a_manifest_of_an_unknown_algorithm(out):
    (out / "manifest-crc32.txt").write_text("")
    (out / "manifest-md5.text").write_text("")
    (out / "Xmanifest-md5.txt").write_text("")
    assert_differs(out, ("manifest-crc32.txt", "unknown"))


@pytest.mark.parametrize("name", ["manifest-sha256.txt", "tagmanifest-sha256.txt"])
def test_an_empty_manifest(out, name):
    (out / name).write_text("")
    found, _ = checked(out)
    assert f"{name}: empty" in found.differences
    (out / name).unlink()
    found, _ = checked(out)
    assert f"{name}: missing" in found.differences
    assert f"{name}: empty" not in found.differences


@pytest.mark.parametrize(
    "line",
    [
        b"x\n",
        b"00  data/x\n",
        b"0" * 63 + b"  data/x\n",
        b"0" * 64 + b"data/x\n",
        b"0" * 64 + b"  /etc/passwd\n",
        b"0" * 64 + b"  data/../../x\n",
        b"0" * 64 + b"  ..\n",
        b"0" * 64 + b"  data\\x\n",
        b"0" * 64 + b"  data/\0\n",
        b"0" * 64 + b"  data/x\r\r\n",
        b"g" * 64 + b"  data/x\n",
    ],
    ids=range(11),
)
def test_a_line_that_no_manifest_has(out, line):
    append(out, "manifest-sha256.txt", line)
    write_manifest(out, "tagmanifest-sha256.txt", TAGS)
    assert_differs(out, ("manifest-sha256.txt", "line"))


def test_a_manifest_may_be_spelled_otherwise(out):
    text = (out / "manifest-sha256.txt").read_text()
    first, second = text.splitlines()
    odd = f"{first.upper().split()[0]} \t *{DOCUMENT}\r\n{second}"
    (out / "manifest-sha256.txt").write_bytes(odd.encode())
    write_manifest(out, "tagmanifest-sha256.txt", TAGS)
    assert_differs(out)


def test_a_path_may_hold_two_dots():
    assert module._leads_out(b"data/a..b") is False
    assert module._leads_out(b"a/b") is False
    for path in (b"/a", b"a\\b", b"a\0b", b"a/../b", b"..", b"../a"):
        assert module._leads_out(path) is True


@pytest.mark.parametrize("name", TAGS)
def test_a_tag_file_that_changed(out, name):
    append(out, name, b"x")
    found, _ = checked(out)
    assert any(re.match(f"{name}: changed .*SHA-256.* tagmanifest-sha256.txt", one) for one in found.differences)


@pytest.mark.parametrize("name", TAGS)
def test_a_tag_file_that_the_tag_manifest_does_not_name(out, name):
    write_manifest(out, "tagmanifest-sha256.txt", [one for one in TAGS if one != name])
    assert_differs(out, ("tagmanifest-sha256.txt", f"does not name {name}"))


def test_a_tag_file_named_twice(out):
    write_manifest(out, "tagmanifest-sha256.txt", [*TAGS, TAGS[0], DOCUMENT])
    assert_differs(out, ("tagmanifest-sha256.txt", TAGS[0]), ("tagmanifest-sha256.txt", DOCUMENT))


def test_a_tag_file_behind_a_link(out):
    (out / "meta" / "deep").mkdir(parents=True)
    (out / "meta" / "deep" / "about.txt").write_text("")
    write_manifest(out, "tagmanifest-sha256.txt", [*TAGS, "meta/deep/about.txt"])
    assert_differs(out)
    (out / "meta").rename(out / "real")
    (out / "meta").symlink_to("real")
    assert_differs(out, ("tagmanifest-sha256.txt", "meta/deep/about.txt"))
    (out / "meta").unlink()
    (out / "meta").mkdir()
    (out / "meta" / "deep").symlink_to(out / "real" / "deep")
    assert_differs(out, ("tagmanifest-sha256.txt", "meta/deep/about.txt"))


def test_a_bag_itself_behind_a_link_is_checked(out, tmp_path_factory):
    link = tmp_path_factory.mktemp("link") / "link"
    link.symlink_to(out)
    assert_differs(link)


# --- the files ---------------------------------------------------------------------------------------------------


def reseal(out, *paths):
    write_manifest(out, "manifest-sha256.txt", paths)
    write_manifest(out, "tagmanifest-sha256.txt", TAGS)


def test_a_file_that_no_export_writes(out):
    (out / "data" / "mine").write_bytes(b"12345")
    reseal(out, DOCUMENT, IMAGE, "data/mine")
    found = assert_differs(out, ("data/mine", "does not write"))
    assert (found.files, found.bytes) == (3, 12)


def test_a_link_among_the_files(out):
    (out / IMAGE).unlink()
    (out / IMAGE).symlink_to(out / DOCUMENT)
    found = assert_differs(out, (IMAGE, "a link, not a file"))
    assert (found.files, found.bytes) == (2, 2)


def test_a_link_to_a_folder_is_not_followed(out, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "x").write_bytes(b"")
    (out / "data" / "link").symlink_to(elsewhere)
    found, _ = checked(out)
    assert "data/link: a link, not a file" in found.differences
    assert not any("data/link/x" in one for one in found.differences)


def test_data_that_is_a_link(out):
    (out / "data").rename(out / "real")
    (out / "data").symlink_to("real")
    found, _ = checked(out)
    assert "data: a link, not a folder" in found.differences
    assert found.files == 0


def test_data_that_is_not_there(out):
    for path in sorted((out / "data").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (out / "data").rmdir()
    assert_differs(out, ("data", "missing"), (DOCUMENT, "missing"), (IMAGE, "missing"))


def test_another_size_than_in_the_index(out):
    """The size alone is wrong, as no manifest shows."""
    found = Verification(out)
    with Facts() as facts:
        facts.add("file", IMAGE.encode(), 0, INDEX, None, 6, hashlib.sha256(b"image").digest())
        check_files(found, facts, check_bag(found, facts))
    assert found.differences == [f"{IMAGE}: has 5 bytes, but files.jsonl says 6"]


def test_many_files_are_hashed_in_order(monkeypatch):
    monkeypatch.setattr(module, "_TOGETHER", 3)
    monkeypatch.setattr(module, "_AHEAD", 2)
    groups, waiting = [], []

    def work(paths):
        groups.append(len(paths))
        return [(path, f"{path}") for path in paths]

    with ThreadPoolExecutor(2) as pool:
        submit = pool.submit
        pool.submit = lambda *words: waiting.append(1) or submit(*words)
        found = module._in_order(pool, work, range(20))
        assert next(found) == (0, "0")
        assert len(waiting) == 3
        assert [path for path, _ in found] == list(range(1, 20))
    assert sorted(groups) == [2, 3, 3, 3, 3, 3, 3]


def test_every_file_of_a_large_folder_is_hashed(out):
    names = [f"data/A-{ID}/images/{number:08x}-1111-4111-8111-111111111111.jpg" for number in range(600)]
    for name in names:
        (out / name).write_bytes(name.encode())
    reseal(out, DOCUMENT, IMAGE, *names)
    found, _ = checked(out)
    assert found.files == 602
    assert sorted(found.differences) == [f"{name}: has no entry in files.jsonl" for name in names]


def odd(**more):
    """Return the facts of a file, in which nothing differs but what is given."""
    same = {
        "path": IMAGE.encode(), "algorithm": 0, "on_disk": 1, "in_manifest": 1, "in_index": 1, "indexed": 1,
        "disk_digest": b"d", "manifest_digest": b"d", "index_digest": b"d", "disk_size": 5, "index_size": 5,
    }  # fmt: skip
    return FileFacts(**same | more)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, []),
        ({"in_manifest": 2}, ["listed 2 times in manifest-sha256.txt"]),
        ({"in_index": 2}, ["has 2 entries"]),
        ({"on_disk": 0}, ["missing"]),
        ({"on_disk": 0, "in_manifest": 0}, ["does not exist"]),
        ({"on_disk": 0, "in_manifest": 2, "in_index": 2}, ["listed 2 times", "has 2 entries", "missing"]),
        ({"in_manifest": 0, "manifest_digest": None}, ["not listed in manifest-sha256.txt"]),
        ({"manifest_digest": b"e"}, ["its SHA-256 differs from manifest-sha256.txt"]),
        ({"disk_digest": None, "disk_size": None}, []),
        ({"in_index": 0, "index_digest": None, "index_size": None}, ["has no entry"]),
        ({"indexed": 0}, ["has an entry"]),
        ({"in_index": 0, "indexed": 0, "index_digest": None, "index_size": None}, []),
        ({"index_size": 6}, ["has 5 bytes, but files.jsonl says 6"]),
        ({"index_digest": b"e"}, ["its SHA-256 differs from files.jsonl"]),
        ({"index_digest": b"e", "index_size": 6}, ["has 5 bytes", "its SHA-256 differs"]),
        ({"in_index": 0, "indexed": 0, "index_digest": b"e", "index_size": 6}, []),
    ],
)
def test_what_contradicts_what(more, words):
    found = list(module._contradictions(odd(**more), "sha256"))
    assert len(found) == len(words), found
    for difference, word in zip(found, words, strict=True):
        assert word in difference


def test_another_algorithm_is_called_by_its_name():
    (found,) = module._contradictions(odd(manifest_digest=b"e"), "md5")
    assert "md5 differs from manifest-md5.txt" in found


def test_each_difference_names_its_file_and_algorithm():
    found = Verification(None)
    with Facts() as facts:
        for algorithm in (0, 1):
            facts.add("file", b"data/\xff", algorithm, DISK, False, 1, b"1")
            facts.add("file", b"data/\xff", algorithm, MANIFEST, None, None, b"2")
        check_files(found, facts, ["sha256", "md5"])
        assert [one.split(": ")[0] for one in found.differences] == ["data/\\xff"] * 2
        assert ["md5" in one for one in found.differences] == [False, True]


def test_without_a_manifest_the_index_is_still_compared():
    found = Verification(None)
    with Facts() as facts:
        facts.add("file", b"data/x", 0, INDEX, None, 1, b"1")
        check_files(found, facts, [])
    assert len(found.differences) == 1


def test_what_cannot_be_hashed_is_said_in_words(tmp_path):
    assert "file" in module._hashed(os.fsencode(tmp_path / "gone"), ("sha256",)).lower()  # Windows has words of its own
    assert module._hashed(os.fsencode(tmp_path), ("sha256",)) == "not a file"
