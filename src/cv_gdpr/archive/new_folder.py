"""New folders of files: each gets its name when all is there; its pictures through `placing.Placer`."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cv_gdpr.archive.writing import open_new, private_folder, storing, write_all
from cv_gdpr.errors import UsageError
from cv_gdpr.platforms.files import REPLACES_OPEN_FILES


def write_text(path: Path, text: str | bytes) -> None:
    """Write a new file that only its owner can read; raise OSError."""
    handle = open_new(path)
    try:
        write_all(handle, text.encode(errors="backslashreplace") if isinstance(text, str) else text)
    finally:
        os.close(handle)


def files_in(folder: Path) -> dict[str, list[Path]]:
    """Return the files of a folder by their stems; none without the folder."""
    found: dict[str, list[Path]] = {}
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            found.setdefault(path.name.partition(".")[0], []).append(path)
    return found


def beside(bag: Path, what: str) -> Path:
    """Return the folder BAG-WHAT beside a bag."""
    return Path(f"{os.path.abspath(bag)}-{what}")  # noqa: PTH100 - unlike resolve, it follows no link


def lies_in(path: Path, folder: Path) -> bool:
    """Return whether a path is a folder or lies in it, all links followed; neither need exist."""
    return path.resolve().is_relative_to(folder.resolve())


def refuse_within(option: str, path: Path, bag: Path, kind: str = "folder") -> None:
    """Raise UsageError if a path to write, which an option names, lies in a bag."""
    if lies_in(path, bag):
        raise UsageError(f"{option} {path} lies in the export, which would then not verify", f"name another {kind}")


def check_free(out: Path, bag: Path) -> None:
    """Raise UsageError if a folder to write cannot have this name: something is there, or it lies in the bag."""
    refuse_within("--out", out, bag)
    refuse_taken(out)


def refuse_taken(out: Path) -> None:
    """Raise UsageError unless a new folder can have this name: nothing is there, or an empty folder."""
    if os.path.lexists(out) and (out.is_symlink() or not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists", "name another folder with --out: nothing is overwritten")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield a folder to write into, which gets its name when all is written, and is removed if something fails.

    Only its owner can enter it. Raise StorageError.
    """
    with storing(out):
        above = private_folder(out.absolute().parent)
        work = private_folder(above / f".cv-gdpr-{secrets.token_hex(8)}.part")
        try:
            yield work
            if not REPLACES_OPEN_FILES and out.is_dir():
                out.rmdir()  # Windows replaces no folder, not even an empty one
            work.rename(out)
        finally:
            shutil.rmtree(work, ignore_errors=True)
