"""Checks of the BagIt bag (RFC 8493): its tag files, all its manifests, and the files below data/."""

import hashlib
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from cv_gdpr.archive.closing import BAGIT
from cv_gdpr.archive.folder import MISSING
from cv_gdpr.archive.json_files import Hashed, content_of, digests
from cv_gdpr.archive.spelling import composed_bytes
from cv_gdpr.platforms.names import leads_out
from cv_gdpr.table.categories import layout
from cv_gdpr.verify.facts import DISK, MANIFEST, Facts, FileFacts
from cv_gdpr.verify.redactions import REDACTIONS
from cv_gdpr.verify.result import Verification
from cv_gdpr.watching import Count

SHA256 = "sha256"
_MANIFEST = re.compile(r"(tag)?manifest-(.+)\.txt")
_ENTRY = re.compile(rb"([0-9a-fA-F]+)[ \t]+\*?([^\r\n]+)\r?\n?")
_FETCH = "fetch.txt"
_TAG_FILES = ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")
_TOGETHER = 16  # files that a thread hashes in one task
_AHEAD = 16  # most tasks under way


class Manifest(NamedTuple):
    """A manifest: its file name, whether it lists tag files, and its algorithm by hashlib's name."""

    name: str
    of_tags: bool
    algorithm: str


def check_bag(result: Verification, facts: Facts) -> list[str]:
    """Note differences in the tag files and the facts about each payload file; return the manifests' algorithms."""
    with result.noting("bagit.txt"):
        if content_of(result.folder / "bagit.txt") != BAGIT.encode():
            result.differ("bagit.txt", "not the declaration of BagIt 1.0 in UTF-8")
    if os.path.lexists(result.folder / MISSING):
        result.differ(MISSING, "a finished export must not hold this list of missing items")
    if os.path.lexists(result.folder / _FETCH):
        result.differ(_FETCH, "a complete bag must not hold this list of files to fetch")
    manifests = list(_manifests(result))
    for one in manifests:
        if one.of_tags:
            _check_tag_files(result, one)
    algorithms = [one.algorithm for one in manifests if not one.of_tags]
    listed = 0
    for number, one in enumerate(one for one in manifests if not one.of_tags):
        listed = max(listed, _note_manifest(result, facts, one, number))
    verified = Count("files verified")
    verified.begin(listed)
    _note_files(result, facts, tuple(algorithms), verified)
    return algorithms


def _manifests(result: Verification) -> Iterator[Manifest]:
    """Yield the manifests in the folder, beginning with those of SHA-256, which are yielded even if missing."""
    names = {f"manifest-{SHA256}.txt", f"tagmanifest-{SHA256}.txt"}
    for name in sorted(names | set(os.listdir(result.folder)), key=lambda name: (name not in names, name)):  # noqa: PTH208
        found = _MANIFEST.fullmatch(name)
        if not found:
            continue
        algorithm = _known(found[2])
        if algorithm:
            yield Manifest(name, found[1] is not None, algorithm)
        else:
            result.differ(name, "cannot be checked: unknown hash algorithm")


def _known(name: str) -> str:
    """Return hashlib's name for the name that BagIt uses (lower case, no hyphens), or an empty string if unknown."""
    for one in hashlib.algorithms_available:
        if one.replace("_", "") == name and not one.startswith("shake"):  # its digests have no fixed length
            return one
    return ""


def _entries(result: Verification, one: Manifest) -> Iterator[tuple[bytes, bytes]]:
    """Yield path and digest from each line of a manifest; note invalid lines as differences."""
    length = hashlib.new(one.algorithm, usedforsecurity=False).digest_size * 2
    empty = True
    for line in result.lines(one.name):
        found = _ENTRY.fullmatch(line)
        if found and len(found[1]) == length and not _leads_out(found[2]):
            empty = False
            yield found[2], bytes.fromhex(found[1].decode())
        else:
            result.differ(one.name, "a line is not a valid manifest entry")
    if empty and result.bag.has(one.name):
        result.differ(one.name, "empty")


def _leads_out(path: bytes) -> bool:
    return b"\\" in path or b"\0" in path or leads_out(path.decode(errors="surrogateescape"))


def _check_tag_files(result: Verification, one: Manifest) -> None:
    named: set[str] = set()
    for raw, digest in _entries(result, one):
        name = os.fsdecode(raw)
        if name in named or name.startswith("data/") or _is_behind_link(result.folder, name):
            result.differ(one.name, f"names {name}, which is a duplicate, not a tag file, or behind a link")
            continue
        named.add(name)
        with result.noting(name):
            if digests(result.folder / name, (one.algorithm,)).digests[0] != digest:
                result.differ(name, f"changed (its {_called(one.algorithm)} differs from {one.name})")
    wanted = [*_TAG_FILES, *(name for name in (REDACTIONS,) if os.path.lexists(result.folder / name))]
    for name in wanted if one.algorithm == SHA256 else ():
        if name not in named:
            result.differ(one.name, f"does not name {name}")


def _is_behind_link(folder: Path, name: str) -> bool:
    return any((folder / above).is_symlink() for above in list(PurePosixPath(name).parents)[:-1])


def _called(algorithm: str) -> str:
    return "SHA-256" if algorithm == SHA256 else algorithm


def _note_manifest(result: Verification, facts: Facts, one: Manifest, number: int) -> int:
    """Note what a manifest says of each file; return how many it names."""
    count = 0
    for path, digest in _entries(result, one):
        facts.add("file", composed_bytes(path), number, MANIFEST, None, None, digest)
        count += 1
    return count


# --- the files --------------------------------------------------------------------------------------------------


def _note_files(result: Verification, facts: Facts, algorithms: tuple[str, ...], seen: Count) -> None:
    """Hash the files below data/ in several threads, and note the results."""
    top = os.fsencode(result.folder) + b"/"
    names = layout()

    def hashed(paths: list[bytes]) -> list[tuple[bytes, Hashed | str]]:
        return [(path, _hashed(top + path, algorithms)) for path in paths]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for spelt, found in _in_order(pool, hashed, _files_below(result, top)):
            result.files += 1
            seen.add()
            path = composed_bytes(spelt)
            kind = names.holds_bytes(path[len(b"data/") :].decode(errors="surrogateescape"))
            if kind is None:
                result.differ(_shown(path), "an export does not write such a file")
            if isinstance(found, str):
                result.differ(_shown(path), found)
                found = Hashed(0, (b"",) * len(algorithms))  # noqa: PLW2901
            else:
                result.bytes += found.size
            for number, digest in enumerate(found.digests):
                indexed = bool(kind) and algorithms[number] == SHA256
                facts.add("file", path, number, DISK, indexed, found.size if digest else None, digest or None)


def _shown(path: bytes) -> str:
    return path.decode(errors="backslashreplace")


def _hashed(path: bytes, algorithms: tuple[str, ...]) -> Hashed | str:
    """Return the size and digests of a file, or the reason why it cannot be read."""
    try:
        return digests(path, algorithms)
    except OSError as error:
        return str(error.strerror or error)


def _in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[list[bytes]], list[tuple[bytes, Hashed | str]]],
    paths: Iterable[bytes],
) -> Iterator[tuple[bytes, Hashed | str]]:
    """Yield the results of `work` on the paths in order, with a limited number of tasks under way."""
    under_way: deque[Future[list[tuple[bytes, Hashed | str]]]] = deque()
    paths = iter(paths)
    while group := list(islice(paths, _TOGETHER)):
        under_way.append(pool.submit(work, group))
        if len(under_way) > _AHEAD:
            yield from under_way.popleft().result()
    for left in under_way:
        yield from left.result()


def _files_below(result: Verification, top: bytes) -> Iterator[bytes]:
    """Yield the path of everything below data/ that is not a folder. Links are yielded, never followed."""
    if os.path.islink(top + b"data"):  # noqa: PTH114 - of bytes
        result.differ("data", "a link, not a folder")
        return
    folders = [b"data"]
    for folder in folders:
        with result.noting(_shown(folder)), os.scandir(top + folder) as entries:
            for entry in entries:
                path = folder + b"/" + entry.name
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path)
                else:
                    yield path


# --- disk, manifests and indices compared -----------------------------------------------------------------------


def check_files(result: Verification, facts: Facts, algorithms: list[str]) -> None:
    """Note each file on which disk, manifests and indices disagree."""
    for found in facts.odd_files():
        path = _shown(found.path)
        for what in _contradictions(found, algorithms[found.algorithm] if algorithms else SHA256):
            result.differ(path, what)


def _contradictions(found: FileFacts, algorithm: str) -> Iterator[str]:
    manifest = f"manifest-{algorithm}.txt"
    if found.in_manifest > 1:
        yield f"listed {found.in_manifest} times in {manifest}"
    if found.in_index > 1:
        yield f"has {found.in_index} entries in files.jsonl"
    if found.on_disk > 1:
        yield f"there are {found.on_disk} files whose names differ only in how Unicode composes them"
    if not found.on_disk:
        yield "missing" if found.in_manifest else "files.jsonl names this file, which does not exist"
        return
    if not found.in_manifest:
        yield f"not listed in {manifest}"
    elif found.disk_digest and found.disk_digest != found.manifest_digest:
        yield f"changed (its {_called(algorithm)} differs from {manifest})"
    if found.indexed and not found.in_index:
        yield "has no entry in files.jsonl"
    elif found.in_index and not found.indexed:
        yield "has an entry in files.jsonl, which lists only images and exported models"
    elif found.in_index and found.disk_digest:
        if found.disk_size != found.index_size:
            yield f"has {found.disk_size} bytes, but files.jsonl says {found.index_size}"
        if found.disk_digest != found.index_digest:
            yield "its SHA-256 differs from files.jsonl"
