"""The use case of verification: an export folder against itself, without the service.

Four proofs: the bag's own (manifest and tag manifest, nothing more and nothing less on disk), every record has its
bytes, every listing has as many lines as were counted, and the counts of the summary are those of the records.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from cv_gdpr.archive.folder import STATE
from cv_gdpr.archive.journal import blob_key
from cv_gdpr.archive.layout import is_regular
from cv_gdpr.archive.names import safe_stem
from cv_gdpr.errors import UsageError
from cv_gdpr.findings import Blob, Json
from cv_gdpr.links import source_path
from cv_gdpr.readers import export_blobs, export_name, image_blobs

_DOCUMENTS = {"project.json": "projects", "iteration.json": "iterations", "performance.json": "performance"}
_LISTS = {
    "tags.jsonl": "tags",
    "images.jsonl": "images",
    "predictions.jsonl": "predictions",
    "exports.jsonl": "exports",
}
_AT_ONCE = 1024  # files handed to the hashing threads together


@dataclass
class Verification:
    """What was checked (files, bytes, records) and each difference found, in words; none: the folder is proved."""

    folder: Path
    files: int = 0
    bytes: int = 0
    records: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)  # what the bag says of itself, once that is proved
    differences: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 if nothing differs, else 4."""
        return 4 if self.differences else 0


def verify(folder: Path) -> Verification:
    """Check a finished export; raises UsageError if `folder` is no folder that can be read."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is {'neither a file nor a folder' if folder.exists() else 'not there'}")
    result = Verification(folder)
    if not (folder / "bagit.txt").is_file():
        unfinished = (folder / STATE).is_dir()
        why = "an unfinished export: run the export again with the same --out" if unfinished else "not an export"
        result.differences.append(f"bagit.txt is missing: {why}")
        return result
    try:
        _check_records(result, _check_bag(result))
    except OSError as error:
        result.differences.append(f"{error.filename}: {error.strerror}")
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        # A forged bag may hold anything where a record is due.
        result.differences.append(f"data: holds what no export writes ({type(error).__name__}: {error})")
    return result


# --- the bag ----------------------------------------------------------------------------------------------------


def _check_bag(result: Verification) -> set[str]:
    """Note what differs; give the paths that the manifest names."""
    folder = result.folder
    if "BagIt-Version: 1.0" not in _text(folder / "bagit.txt"):
        result.differences.append("bagit.txt: not BagIt 1.0")
    tags = _manifest(result, "tagmanifest-sha256.txt")
    _compare(result, tags, set(tags))
    for name in ("bag-info.txt", "bagit.txt", "manifest-sha256.txt"):
        if name not in tags:
            result.differences.append(f"tagmanifest-sha256.txt: does not name {name}")
    if (folder / "data").is_symlink():
        result.differences.append("data: a link, not a folder")
    payload = _manifest(result, "manifest-sha256.txt")
    sizes = _compare(result, payload, _payload_on_disk(folder))
    result.files, result.bytes = len(payload), sum(sizes)
    oxum = f"Payload-Oxum: {result.bytes}.{len(sizes)}"
    info = _text(folder / "bag-info.txt").splitlines()
    result.told = [(label, value) for label, _, value in (line.partition(": ") for line in info) if _says_what(label)]
    if oxum not in info:
        result.differences.append(f"bag-info.txt: does not say {oxum}, which is what is there")
    return set(payload)


def _says_what(label: str) -> bool:
    return label.startswith(("Source-Endpoint", "Export", "Not-Searched"))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if is_regular(path) else ""


def _manifest(result: Verification, name: str) -> dict[str, str]:
    """Give path -> hash of a manifest, without lines that are no manifest's or that lead out of the folder."""
    entries: dict[str, str] = {}
    for line in _text(result.folder / name).splitlines():
        digest, _, path = line.partition(" ")
        path = path.lstrip(" *")
        parts = PurePosixPath(path).parts
        if len(digest) != 64 or not parts or ".." in parts or path.startswith("/") or path in entries:
            result.differences.append(f"{name}: a line that no manifest has")
            continue
        entries[path] = digest.lower()
    if not entries:
        result.differences.append(f"{name}: missing or empty")
    return entries


def _payload_on_disk(folder: Path) -> set[str]:
    """Give what lies below data/, a link to a folder among it: what is behind a link is not in the export."""
    found: set[str] = set()
    for top, folders, names in os.walk(folder / "data"):
        links = [name for name in folders if Path(top, name).is_symlink()]
        found.update(Path(top, name).relative_to(folder).as_posix() for name in (*names, *links))
    return found


def _compare(result: Verification, listed: dict[str, str], on_disk: set[str]) -> list[int]:
    """Compare hashes; give the size of each file that is there."""
    for path in sorted(on_disk - listed.keys()):
        result.differences.append(f"{path}: not in the manifest")
    sizes = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, found in _hashed(pool, result.folder, sorted(listed)):
            if isinstance(found, str):
                result.differences.append(f"{path}: {found}")
                continue
            sizes.append(found[1])
            if found[0] != listed[path]:
                result.differences.append(f"{path}: changed (its SHA-256 is not the manifest's)")
    return sizes


def _hashed(pool: ThreadPoolExecutor, folder: Path, paths: list[str]) -> Iterator[tuple[str, tuple[str, int] | str]]:
    """Give each path with its hash and size; some at a time, since a task that waits costs a kilobyte."""
    for start in range(0, len(paths), _AT_ONCE):
        group = paths[start : start + _AT_ONCE]
        yield from zip(group, pool.map(lambda name: _hash(folder / name), group), strict=True)


def _hash(path: Path) -> tuple[str, int] | str:
    """Give hash and size, or in words why there is none."""
    if path.is_symlink():
        return "a link, not a file"
    if path.exists() and not is_regular(path):
        return "not a file"
    try:
        with path.open("rb", buffering=0) as file:
            digest = hashlib.file_digest(file, "sha256")
            return digest.hexdigest(), file.tell()
    except FileNotFoundError:
        return "missing"
    except (OSError, ValueError) as error:
        return f"cannot be read: {getattr(error, 'strerror', error)}"


# --- the records ------------------------------------------------------------------------------------------------


def _check_records(result: Verification, payload: set[str]) -> None:
    data = result.folder / "data"
    summary = _json(result, data / "export.json")
    if not isinstance(summary, dict) or not isinstance(summary.get("rows"), dict):
        result.differences.append("data/export.json: missing, or not an export's summary")
        return
    counted: Counter[str] = Counter()
    counted["account"] = (data / "account.json").is_file()
    folders = {str(entry.get("folder")) for entry in summary.get("projects") or [] if isinstance(entry, dict)}
    for name in sorted(folders):
        if "/" in name or not (data / name).is_dir():
            result.differences.append(f"data/{name}: the summary names this project, but it is not there")
            continue
        counted += _Records(result, data / name, payload).check()
    for row, count in summary["rows"].items():
        claimed = count.get("exported") if isinstance(count, dict) else None
        if claimed != counted[row]:
            result.differences.append(f"{row}: the summary says {claimed}, the folder holds {counted[row]}")


def _json(result: Verification, path: Path) -> Any:
    if not is_regular(path):
        return None
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        result.differences.append(f"{path.relative_to(result.folder).as_posix()}: not JSON")
        return None


@dataclass
class _Records:
    """The records of one project's folder, and the bytes that they need."""

    result: Verification
    folder: Path
    payload: set[str]
    _ids: dict[str, set[str]] = field(default_factory=dict)
    _needed: set[int] = field(default_factory=set)
    _gone: set[str] = field(default_factory=set)  # row/id of what was deleted at the service while it was exported

    def check(self) -> Counter[str]:
        """Note what differs; give how many items of each row the folder holds."""
        files = self._files()
        notes = self._lines(self.folder / "absent.jsonl")
        self._gone = {f"{note.get('row')}/{note.get('id')}" for note in notes if note.get("gone")}
        counted: Counter[str] = Counter()
        for top, _, names in os.walk(self.folder):
            for name in sorted(names):
                if name in _DOCUMENTS:
                    counted[_DOCUMENTS[name]] += 1
                elif name in _LISTS:
                    self._read_list(Path(top, name), _LISTS[name], files)
        for key in sorted(files.keys() - self._needed):
            self._differ(self.folder / files[key], "no record speaks of it")
        self._check_listings()
        return counted + Counter({row: len(ids) for row, ids in self._ids.items()})

    def _files(self) -> dict[int, str]:
        """Give the path of each blob in the index; of an exported model's, that of its last part's name."""
        files: dict[int, str] = {}
        for entry in self._lines(self.folder / "files.jsonl"):
            blob, source, path = (str(entry.get(field)) for field in ("blob", "source", "path"))
            files[blob_key(blob, source_path(source))] = path
        return files

    def _read_list(self, path: Path, row: str, files: dict[int, str]) -> None:
        for record in self._lines(path):
            self.result.records += 1
            identity = f"{path.parent.name[-36:]}/{export_name(record)}" if row == "exports" else str(record["id"])
            gone = f"{row}/{identity}" in self._gone
            if not gone:
                self._ids.setdefault(row, set()).add(identity)
            for blob in _blobs(row, record, identity):
                key = blob_key(safe_stem(blob.stem), source_path(blob.uri))
                self._needed.add(key)
                place = files.get(key)
                if not gone and (place is None or f"data/{self.folder.name}/{place}" not in self.payload):
                    self._differ(path, f"{row} {identity} has no file")

    def _check_listings(self) -> None:
        for listing in self._lines(self.folder / "listings.jsonl"):
            path = self.folder / str(listing.get("file"))
            if path.relative_to(self.result.folder).as_posix() not in self.payload:
                self._differ(self.folder / "listings.jsonl", "names a file that is not in the manifest")
                continue
            found = sum(1 for _ in self._lines(path))
            if found != listing.get("written"):
                self._differ(path, f"{found} records where {listing.get('written')} were written")

    def _lines(self, path: Path) -> Iterator[Json]:
        if not is_regular(path):
            return
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError):
                    record = None
                if isinstance(record, dict):
                    yield record
                else:
                    self._differ(path, f"line {number} is no record")

    def _differ(self, path: Path, what: str) -> None:
        self.result.differences.append(f"{path.relative_to(self.result.folder).as_posix()}: {what}")


def _blobs(row: str, record: Json, identity: str) -> tuple[Blob, ...]:
    if row == "exports":
        return export_blobs(record, f"exported-models/{identity}")
    return image_blobs(record, row) if row in {"images", "predictions"} else ()
