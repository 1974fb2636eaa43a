"""What an export folder's files are called, so that nothing else in it is ever taken for its own."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from cv_gdpr.errors import UsageError

_ID = r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|x[0-9a-f]{32})"
_NAMED = rf"([^/]+-)?{_ID}"  # a project's folder, or an iteration's
_DEEPEST = 4  # folders in one another
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
    """Give path (below `data`, in the order of the paths) and size of each file; `folders` gets an export's folders.

    Raises UsageError for anything that is neither, or that is of another user than `owner`. Links are not followed:
    what they lead to belongs to somebody else.
    """
    refuse_foreign(data, owner)
    yield from _below(str(data), "", folders, owner)


def _below(folder: str, relative: str, folders: list[str], owner: int | None) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:  # names alone: of 100,000 entries, each would keep its state
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
    """Give the path of a file below `data`; raises UsageError unless an export may have written it."""
    if not _OURS.fullmatch(path):
        raise _foreign(f"{data}/{path}")
    return path


def holds_bytes(path: str) -> bool | None:
    """Say whether a file below `data` is a blob's or a document; None if no export writes a file of that name."""
    found = _OURS.fullmatch(path)
    return found and found["blob"] is not None


def refuse_foreign(path: Path, owner: int | None) -> None:
    """Raise UsageError if a link has the place of something in an export, or if another user than `owner` has it."""
    if path.is_symlink():
        raise UsageError(f"{path} is a link", "an export's folder is refused if it leads elsewhere")
    if owner is not None and path.exists() and path.lstat().st_uid != owner:
        raise _of_another_user(str(path))


def _of_another_user(place: str) -> UsageError:
    return UsageError(f"{place} belongs to another user", "move it, or name another folder")


def _foreign(place: str) -> UsageError:
    return UsageError(f"{place} is not an export's", "move it, or name another folder")


def is_regular(path: Path) -> bool:
    """Say whether there is a file, and no link, pipe or device in its place."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False
