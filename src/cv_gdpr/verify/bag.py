"""The bag as BagIt knows it (RFC 8493): its tag files, every manifest that is there, and the files below data/."""

import hashlib
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from cv_gdpr.archive.folder import BAGIT, MISSING
from cv_gdpr.archive.layout import is_regular
from cv_gdpr.archive.reading import Hashed, content_of, digests
from cv_gdpr.table.categories import layout
from cv_gdpr.verify.facts import DISK, MANIFEST, Facts, FileFacts
from cv_gdpr.verify.result import Verification

SHA256 = "sha256"
_MANIFEST = re.compile(r"(tag)?manifest-(.+)\.txt")
_ENTRY = re.compile(rb"([0-9a-fA-F]+)[ \t]+\*?([^\r\n]+)\r?\n?")
_FETCH = "fetch.txt"
_TAG_FILES = ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")
_TOGETHER = 16  # files that a thread hashes in one go
_AHEAD = 16  # such groups that may wait to be noted


class Manifest(NamedTuple):
    """A manifest: its file's name, whether it is of tag files, and its algorithm as hashlib calls it."""

    name: str
    of_tags: bool
    algorithm: str


def check_bag(result: Verification, facts: Facts) -> list[str]:
    """Note what differs in the tag files, and what is said of each file; give the names of the algorithms."""
    with result.noting("bagit.txt"):
        if content_of(result.folder / "bagit.txt") != BAGIT.encode():
            result.differ("bagit.txt", "not what BagIt 1.0 wants in UTF-8")
    if os.path.lexists(result.folder / MISSING):
        result.differ(MISSING, "a closed bag has none: it lists what is missing")
    if os.path.lexists(result.folder / _FETCH):
        result.differ(_FETCH, "a bag that is whole has none: it lists what has yet to be fetched")
    manifests = list(_manifests(result))
    for one in manifests:
        if one.of_tags:
            _check_tag_files(result, one)
    algorithms = [one.algorithm for one in manifests if not one.of_tags]
    for number, one in enumerate(one for one in manifests if not one.of_tags):
        _note_manifest(result, facts, one, number)
    _note_files(result, facts, tuple(algorithms))
    return algorithms


def _manifests(result: Verification) -> Iterator[Manifest]:
    """Give the manifests that are there, those of SHA-256 first; they have to be there."""
    names = {f"manifest-{SHA256}.txt", f"tagmanifest-{SHA256}.txt"}
    for name in sorted(names | set(os.listdir(result.folder)), key=lambda name: (name not in names, name)):  # noqa: PTH208
        found = _MANIFEST.fullmatch(name)
        if not found:
            continue
        algorithm = _known(found[2])
        if algorithm:
            yield Manifest(name, found[1] is not None, algorithm)
        else:
            result.differ(name, "an algorithm that is not known here, so that it cannot be checked")


def _known(name: str) -> str:
    """Give hashlib's name of an algorithm, which BagIt writes in lower case without hyphens; empty if it has none."""
    for one in hashlib.algorithms_available:
        if one.replace("_", "") == name and not one.startswith("shake"):  # whose digests have no length of their own
            return one
    return ""


def _entries(result: Verification, one: Manifest) -> Iterator[tuple[bytes, bytes]]:
    """Give path and digest of each line of a manifest; any other line is noted."""
    length = hashlib.new(one.algorithm, usedforsecurity=False).digest_size * 2
    empty = True
    for line in result.lines(one.name):
        found = _ENTRY.fullmatch(line)
        if found and len(found[1]) == length and not _leads_out(found[2]):
            empty = False
            yield found[2], bytes.fromhex(found[1].decode())
        else:
            result.differ(one.name, "a line that no manifest has")
    if empty and is_regular(result.folder / one.name):
        result.differ(one.name, "empty")


def _leads_out(path: bytes) -> bool:
    return path.startswith(b"/") or b"\\" in path or b"\0" in path or b".." in path.split(b"/")


def _check_tag_files(result: Verification, one: Manifest) -> None:
    named: set[str] = set()
    for raw, digest in _entries(result, one):
        name = os.fsdecode(raw)
        if name in named or name.startswith("data/") or _is_behind_link(result.folder, name):
            result.differ(one.name, f"names {name}, which is named before, is no tag file, or lies behind a link")
            continue
        named.add(name)
        with result.noting(name):
            if digests(result.folder / name, (one.algorithm,)).digests[0] != digest:
                result.differ(name, f"changed (its {_called(one.algorithm)} is not that in {one.name})")
    for name in _TAG_FILES if one.algorithm == SHA256 else ():
        if name not in named:
            result.differ(one.name, f"does not name {name}")


def _is_behind_link(folder: Path, name: str) -> bool:
    return any((folder / above).is_symlink() for above in list(PurePosixPath(name).parents)[:-1])


def _called(algorithm: str) -> str:
    return "SHA-256" if algorithm == SHA256 else algorithm


def _note_manifest(result: Verification, facts: Facts, one: Manifest, number: int) -> None:
    for path, digest in _entries(result, one):
        facts.add("file", path, number, MANIFEST, None, None, digest)


# --- the files --------------------------------------------------------------------------------------------------


def _note_files(result: Verification, facts: Facts, algorithms: tuple[str, ...]) -> None:
    """Hash what lies below data/, in several threads, and note it."""
    top = os.fsencode(result.folder) + b"/"
    names = layout()

    def hashed(paths: list[bytes]) -> list[tuple[bytes, Hashed | str]]:
        return [(path, _hashed(top + path, algorithms)) for path in paths]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, found in _in_order(pool, hashed, _files_below(result, top)):
            result.files += 1
            kind = names.holds_bytes(os.fsdecode(path[len(b"data/") :]))
            if kind is None:
                result.differ(os.fsdecode(path), "a file that no export writes")
            if isinstance(found, str):
                result.differ(os.fsdecode(path), found)
                found = Hashed(0, (b"",) * len(algorithms))  # noqa: PLW2901
            else:
                result.bytes += found.size
            for number, digest in enumerate(found.digests):
                indexed = bool(kind) and algorithms[number] == SHA256
                facts.add("file", path, number, DISK, indexed, found.size if digest else None, digest or None)


def _hashed(path: bytes, algorithms: tuple[str, ...]) -> Hashed | str:
    """Give size and digests, or in words why there are none."""
    try:
        return digests(path, algorithms)
    except OSError as error:
        return str(error.strerror or error)


def _in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[list[bytes]], list[tuple[bytes, Hashed | str]]],
    paths: Iterable[bytes],
) -> Iterator[tuple[bytes, Hashed | str]]:
    """Give what threads make of paths, a group at a time, with few groups under way."""
    under_way: deque[Future[list[tuple[bytes, Hashed | str]]]] = deque()
    paths = iter(paths)
    while group := list(islice(paths, _TOGETHER)):
        under_way.append(pool.submit(work, group))
        if len(under_way) > _AHEAD:
            yield from under_way.popleft().result()
    for left in under_way:
        yield from left.result()


def _files_below(result: Verification, top: bytes) -> Iterator[bytes]:
    """Give the path of whatever is no folder below data/, links among it: what is behind one is not in the export."""
    if os.path.islink(top + b"data"):  # noqa: PTH114 - of bytes
        result.differ("data", "a link, not a folder")
        return
    folders = [b"data"]
    for folder in folders:
        with result.noting(os.fsdecode(folder)), os.scandir(top + folder) as entries:
            for entry in entries:
                path = folder + b"/" + entry.name
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path)
                else:
                    yield path


# --- what all say together --------------------------------------------------------------------------------------


def check_files(result: Verification, facts: Facts, algorithms: list[str]) -> None:
    """Note each file of which disk, manifests and indices do not say the same."""
    for found in facts.odd_files():
        path = found.path.decode(errors="backslashreplace")
        for what in _contradictions(found, algorithms[found.algorithm] if algorithms else SHA256):
            result.differ(path, what)


def _contradictions(found: FileFacts, algorithm: str) -> Iterator[str]:
    manifest = f"manifest-{algorithm}.txt"
    if found.in_manifest > 1:
        yield f"named {found.in_manifest} times in {manifest}"
    if found.in_index > 1:
        yield f"has {found.in_index} entries in files.jsonl"
    if not found.on_disk:
        yield "missing" if found.in_manifest else "in files.jsonl, but there is no such file"
        return
    if not found.in_manifest:
        yield f"not in the manifest ({manifest})"
    elif found.disk_digest and found.disk_digest != found.manifest_digest:
        yield f"changed (its {_called(algorithm)} is not the manifest's)"
    if found.indexed and not found.in_index:
        yield "no entry in files.jsonl"
    elif found.in_index and not found.indexed:
        yield "has an entry in files.jsonl, which is for images and models alone"
    elif found.in_index and found.disk_digest:
        if found.disk_size != found.index_size:
            yield f"{found.disk_size} bytes, in files.jsonl {found.index_size}"
        if found.disk_digest != found.index_digest:
            yield "its SHA-256 is not the one in files.jsonl"
