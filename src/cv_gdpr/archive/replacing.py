"""Several files of a folder, replaced together: what is cut off between two of them is finished later."""

import os
import secrets
from collections.abc import Collection
from pathlib import Path

import msgspec

from cv_gdpr.archive.durability import sync_file, sync_folder
from cv_gdpr.archive.writing import close_to_others, open_new, tag, write_all, write_new


def marker_of(path: Path) -> Path:
    """Return the file that is there while the files that belong to `path` are replaced: it names what is left to do."""
    return path.with_name(f".{tag(path)}.renames")


def replace_all(path: Path, contents: dict[Path, bytes]) -> None:
    """Write files in place of those that are there, all in the folder of `path`.

    All are written under temporary names first, so that a full disk costs none. Once the marker of `path` names these,
    the files are replaced: now, or by `finish_replacing` after this process was killed. The caller must know what it
    replaces, and hold a lock. Raise OSError.
    """
    temporary = {place: place.with_name(f".{tag(place)}-{secrets.token_hex(8)}.part") for place in contents}
    try:
        for place, content in contents.items():
            _write(temporary[place], content)
        renames = {made.name: place.name for place, made in temporary.items()}
        write_new(marker_of(path), msgspec.json.encode(renames))
    except BaseException:
        marker_of(path).unlink(missing_ok=True)  # first: it must not name files that are gone
        for made in temporary.values():
            made.unlink(missing_ok=True)
        raise
    try:
        finish_replacing(path, contents)
    except KeyboardInterrupt:
        finish_replacing(path, contents)
        raise


def finish_replacing(path: Path, may_be: Collection[Path]) -> None:
    """Replace what a run that was cut off did not; raise OSError, ValueError if the marker is altered.

    `may_be`: the files that may be replaced. The caller holds the lock under which they are written.
    """
    marker = marker_of(path)
    if not os.path.lexists(marker):
        return
    names = {place.name: place for place in may_be}
    renames = msgspec.json.decode(marker.read_bytes() if marker.is_file() else b"", type=dict[str, str])
    places = {path.with_name(made): names.get(name) for made, name in renames.items()}
    for made, place in places.items():
        if place is None or made.parent != path.parent or not made.name.startswith(f".{tag(place)}-"):
            raise ValueError(f"{marker} names files that are not written here")
    for made, place in places.items():
        if place and made.exists():
            made.replace(place)
            sync_folder(path.parent)
    marker.unlink()
    sync_folder(path.parent)


def _write(place: Path, content: bytes) -> None:
    handle = open_new(place)
    try:
        close_to_others(place)
        write_all(handle, content)
        sync_file(handle)
    finally:
        os.close(handle)
