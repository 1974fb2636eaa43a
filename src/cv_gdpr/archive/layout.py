"""The names that an export gives its files, so that it never takes another file for its own."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from cv_gdpr.errors import UsageError

_ID = r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|x[0-9a-f]{32})"
_NAMED = rf"([^/]+-)?{_ID}"  # a project's folder, or an iteration's
_DEEPEST = 4  # nested folders
_OURS = re.compile(
    rf"{_NAMED}/("
    rf"(?P<blob>(images|predictions)(-resized)?/{_ID}(\.[0-9a-f]{{8}})?\.[a-z0-9]{{1,10}}"
    rf"|exported-models/{_ID}/[0-9A-Za-z_-]+(\.[0-9a-f]{{8}})?\.[a-z0-9]{{1,10}})"
    r"|project\.json"
    r"|(iterations|tags|tag-details|images|predictions|files|listings|absent)\.jsonl"
    rf"|iterations/{_NAMED}/(iteration|performance)\.json"
    rf"|iterations/{_NAMED}/(image-performances|tags|tag-details|images|exports)\.jsonl)"
    r"|(export|account)\.json|projects\.jsonl"
)
_FOLDERS = re.compile(
    rf"{_NAMED}/((images|predictions)(-resized)?/|exported-models/({_ID}/)?|iterations/({_NAMED}/)?)?"
)


def files_below(data: Path, folders: list[str], owner: int | None = None) -> Iterator[tuple[str, int]]:
    """Yield the path (below `data`, in order) and size of each file; append the folders of an export to `folders`.

    Raise UsageError for a link or anything else that is neither file nor folder, for folders nested too deeply, and for
    anything that belongs to another user than `owner`.
    """
    refuse_foreign(data, owner)
    yield from _below(str(data), "", folders, owner)


def _below(folder: str, relative: str, folders: list[str], owner: int | None) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:  # keep only the names: 100,000 entries would take much more memory
        names = [f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name for entry in entries]
    names.sort()
    for name in names:
        path, place = f"{relative}{name}", f"{folder}/{name}"
        found = os.lstat(place.rstrip("/"))
        if owner is not None and found.st_uid != owner:
            raise _of_another_user(place)
        if name[-1] == "/":
            if path.count("/") > _DEEPEST:
                raise _foreign(place)
            if _FOLDERS.fullmatch(path):
                folders.append(place)
            yield from _below(place[:-1], path, folders, owner)
            continue
        if not stat.S_ISREG(found.st_mode):
            raise _foreign(place)
        yield path, found.st_size


def own(data: Path, path: str) -> str:
    """Return `path`, which is below `data`; raise UsageError unless it is a name that an export writes."""
    if not _OURS.fullmatch(path):
        raise _foreign(f"{data}/{path}")
    return path


def holds_bytes(path: str) -> bool | None:
    """Return True for the name of a blob's file below `data`, False for a document, None for any other name."""
    found = _OURS.fullmatch(path)
    return found and found["blob"] is not None


def refuse_foreign(path: Path, owner: int | None) -> None:
    """Raise UsageError if `path` is a link, or belongs to another user than `owner`."""
    if path.is_symlink():
        raise UsageError(f"{path} is a link", "replace it by a real file or folder, or name another folder")
    if owner is not None and path.exists() and path.lstat().st_uid != owner:
        raise _of_another_user(str(path))


def _of_another_user(place: str) -> UsageError:
    return UsageError(f"{place} belongs to another user", "move it, or name another folder")


def _foreign(place: str) -> UsageError:
    return UsageError(f"{place} is not part of an export", "move it, or name another folder")


def is_regular(path: Path) -> bool:
    """Return whether `path` is a regular file: not a link, pipe or device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False
