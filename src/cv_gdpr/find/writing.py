"""The files of a search: ids.txt for --image-ids-file, matches.json, and review.html for a person."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from cv_gdpr.archive.writing import private_folder, storing, write_new
from cv_gdpr.errors import UsageError
from cv_gdpr.find.result import PART, SAME, Found, Match

IDS, REVIEW, MATCHES = "ids.txt", "review.html", "matches.json"
_HEAD = """\
# What cv-gdpr find is certain of, as --image-ids-file takes it. Look at review.html first: each line can be removed,
# and a line that begins with # and an id is one that needs a person to look; remove the # if it is right.
"""
_FRAMES = "# The same view with something else in it: probably other frames of a fixed camera.\n"


def check_free(out: Path) -> None:
    """Raise UsageError if a file of the search would replace one, or the folder cannot be one."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is not a folder")
    for name in (IDS, REVIEW, MATCHES):
        if os.path.lexists(out / name):
            raise UsageError(f"{out / name} exists", "name another folder with --out: nothing is overwritten")


def write(out: Path, document: bytes, found: Found, review: str) -> None:
    """Write the files of a search, readable by their owner only; raise StorageError."""
    with storing(out):
        private_folder(out)
    files = {IDS: ids_of(found), REVIEW: review, MATCHES: document.decode()}
    for name, text in files.items():
        with storing(out / name):
            write_new(out / name, text.encode(errors="backslashreplace"))


def ids_of(found: Found) -> str:
    """Return the certain matches as a list of ids, each with a comment, and the others as comments."""
    frames = [_FRAMES, *_lines(one._replace(certain=False) for one in found.other_frames)] if found.other_frames else []
    return "".join((_HEAD, *_lines(found.matches), *frames))


def _lines(matches: Iterable[Match]) -> Iterator[str]:
    """Yield a line for each item: of several matches the first counts, and they begin with the certain ones."""
    by_item: dict[tuple[str, str, str], Match] = {}
    for one in matches:
        by_item.setdefault((one.row, one.project, one.id), one)
    for one in by_item.values():
        yield f"{'' if one.certain else '# '}{one.id}  # {_on_one_line(_words(one))}\n"


def _words(one: Match) -> str:
    where = f"{one.row}, project {one.project}, {one.file}"
    only = f", only in iteration {', '.join(one.iterations)}" if one.iterations else ""
    return f"{relation(one)} {one.like}; {where}{only}"


def relation(one: Match) -> str:
    """Return what a match is to its photograph, in words that its name can follow."""
    if one.kind == SAME:
        return "same as"
    return ("" if one.certain else "probably ") + ("in part like" if one.kind == PART else "a copy of")


def _on_one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
