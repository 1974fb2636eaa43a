"""Packs a site into one file, which can be sent; the person who gets it unpacks it and opens index.html."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from cv_gdpr.archive.new_folder import lies_in, new_folder, refuse_within
from cv_gdpr.archive.writing import fill_new, storing
from cv_gdpr.errors import UsageError
from cv_gdpr.watching import Count

_OTHERS = frozenset("\\/:")  # what separates folders on some system: a name in the file must not lead out of it
_TEXT = {".html"}  # pictures are compressed already


def check_free(file: Path, bag: Path, out: Path | None) -> None:
    """Raise UsageError if a file to write cannot have this name: something is there, or it lies in the bag or site."""
    if not file.stem.strip(". ") or not _OTHERS.isdisjoint(file.stem):
        hint = "name it like answer.zip: its pages are packed in the folder answer"
        raise UsageError(f"--zip {file} names no folder to unpack into", hint)
    if out and (lies_in(file, out) or lies_in(out, file)):
        raise UsageError(f"--zip {file} and --out {out} lie in each other", "name another file")
    refuse_within("--zip", file, bag, "file")
    if os.path.lexists(file):
        raise UsageError(f"{file} exists", "name another file: nothing is overwritten")


@contextmanager
def removed_if_failing() -> Iterator[list[Path]]:
    """Yield a list for files that were written; they are removed if what follows them fails."""
    written: list[Path] = []
    try:
        yield written
    except BaseException:
        for file in written:
            file.unlink(missing_ok=True)
        raise


@contextmanager
def site_folder(out: Path | None, file: Path | None) -> Iterator[Path]:
    """Yield a folder to write a site into: it gets its name at the end, or, if there is only a file, is removed."""
    if out or not file:
        with new_folder(out or Path()) as folder:
            yield folder
        return
    with (
        storing(file),
        TemporaryDirectory(dir=file.absolute().parent, prefix=".cv-gdpr-", suffix=".part") as folder,
    ):
        yield Path(folder)


def pack(folder: Path, file: Path) -> None:
    """Pack a folder under the file's own name; only its owner can read the file. Raise StorageError."""
    with storing(file):
        fill_new(file, lambda handle: _fill(folder, file.stem, handle))


def _fill(folder: Path, name: str, handle: int) -> None:
    with os.fdopen(os.dup(handle), "wb") as out, ZipFile(out, "w", strict_timestamps=False) as packed:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        done = Count("files packed")
        done.begin(len(paths))
        for path in paths:
            done.add()
            way = ZIP_DEFLATED if path.suffix in _TEXT else ZIP_STORED
            packed.write(path, f"{name}/{path.relative_to(folder).as_posix()}", way)
