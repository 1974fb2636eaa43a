"""The files that options name: the training key, lists of ids; as editors, PowerShell and spreadsheets write them."""

import codecs
import re
import sys
from collections.abc import Iterator

from cv_gdpr.errors import UsageError
from cv_gdpr.masking import know_likely_keys
from cv_gdpr.platforms.files import reason_of
from cv_gdpr.settings import looks_like_key

_LONGEST_FILE = 1 << 26  # bytes: more than a million ids
_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),  # Windows PowerShell's > and Out-File
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_BLANK = "\ufeff\u200b\u2060"  # marks and zero-width characters, which no editor shows
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019"}
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_NAMES_FROM = "cv-gdpr list projects --all --csv prints such a list, and data/projects.jsonl of an export is one"
_SAVE_AS_UTF_8 = "save it as UTF-8; in PowerShell: Set-Content -Encoding utf8"


def uuid_of(text: str) -> str:
    """Return the id in lower case with dashes; raise ValueError if it is not a UUID."""
    import uuid

    return str(uuid.UUID(text))


def read_key(place: str) -> str:
    """Return the training key in a file; raise UsageError unless it holds one line."""
    know_likely_keys(place)  # the key itself instead of a path: no message may quote it
    if looks_like_key(place):
        raise UsageError("--key-file: this looks like the key itself", "give the name of a file that holds it")
    if place != "-":
        from cv_gdpr.cli.readers import warn_of_readers  # on use: it imports pathlib

        warn_of_readers(place, "the key in")
    lines = [line for line in _lines(place, "--key-file") if line]
    if len(lines) != 1:
        raise UsageError("--key-file must contain the training key alone, on one line")
    return _unquoted(lines[0])


def key_from_command(command: str) -> str:
    """Return the key that a command prints; raise UsageError unless it ends well and prints one line."""
    from cv_gdpr.cli.key_command import printed_by

    lines = [line for line in _clean(_decoded(printed_by(command), "(its output)", "--key-command")) if line]
    if len(lines) != 1:
        raise UsageError(
            f"--key-command printed {len(lines) or 'no'} lines instead of the training key alone",
            "have it print the key and nothing else, for example with: --query key1 -o tsv",
        )
    return _unquoted(lines[0])


def moment_of(age: str) -> str:
    """Return the time in UTC that lies an age (90d, 6m, 2y) before now; raise ValueError if it is not an age.

    A month before the 31st of March is the last day of February.
    """
    from datetime import UTC, datetime

    import isodate

    parts = re.fullmatch("([1-9][0-9]{0,4})([dmy])", age, re.ASCII)
    if not parts:
        raise ValueError(age)
    try:
        moment = datetime.now(UTC) - isodate.parse_duration(f"P{parts[1]}{parts[2].upper()}")
    except OverflowError:
        raise ValueError(age) from None
    if moment.year < 1000:
        raise ValueError(age)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def read_ids(place: str, option: str = "--image-ids-file") -> set[str]:
    """Return the ids in a file, one on a line; # starts a comment. Raise UsageError for a line that is not an id."""
    found: set[str] = set()
    for number, line in enumerate(_lines(place, option), 1):
        if line and not line.startswith("#"):
            named = _without_comment(line)
            try:
                found.add(uuid_of(named))
            except ValueError:
                raise _not_an_id(f"{option} {place}: line {number}", named) from None
    if not found:
        raise UsageError(f"{option} {place} contains no id")
    return found


_NAMED = (("project", "project name"), ("id", "name"))  # columns of an id and its name; the first: of `list --csv`


def read_names(place: str, option: str = "--names") -> dict[str, str]:
    """Return project id -> name of a list in CSV, or of an export's projects.jsonl; raise UsageError for another."""
    text = _decoded(_bytes(place, option), place, option)
    found: dict[str, str] = {}
    pairs = _pairs_of_json if text.startswith("{") else _pairs_of_csv
    for number, id_, name in pairs(text, f"{option} {place}"):
        try:
            found[uuid_of(id_)] = name
        except ValueError:
            raise UsageError(f"{option} {place}: line {number}: its id is not one", _NAMES_FROM) from None
    if not found:
        raise UsageError(f"{option} {place} names no project", _NAMES_FROM)
    return found


def _pairs_of_json(text: str, what: str) -> Iterator[tuple[int, str, str]]:
    """Yield number of the line, id and name."""
    import json

    for number, line in enumerate(filter(None, text.split("\n")), 1):
        try:
            record = json.loads(line)
            yield number, str(record["id"]), str(record["name"])
        except (ValueError, RecursionError, TypeError, KeyError):
            raise UsageError(f"{what}: line {number} is not JSON with id and name", _NAMES_FROM) from None


def _pairs_of_csv(text: str, what: str) -> Iterator[tuple[int, str, str]]:
    """Yield number of the line, id and name, where a line has both."""
    import csv

    from cv_gdpr.cli.output import without_csv_mark

    mark = max(_SEPARATORS, key=text.partition("\n")[0].count)
    try:
        heading, *lines = [line for line in csv.reader(text.splitlines(keepends=True), delimiter=mark) if line] or [[]]
    except csv.Error as error:
        raise UsageError(f"{what}: it is not CSV: {error}", _NAMES_FROM) from None
    columns = [cell.strip(f"{_BLANK} ").lower() for cell in heading]
    pair = next((pair for pair in _NAMED if set(pair) <= set(columns)), None)
    if pair is None:
        raise UsageError(f"{what}: its first line does not name the columns id and name", _NAMES_FROM)
    first, second = map(columns.index, pair)
    for number, line in enumerate(lines, 2):
        cells = [cell.strip() for cell in (*line, *[""] * len(columns))]
        if cells[first] and cells[second]:
            yield number, cells[first], without_csv_mark(cells[second])


def _without_comment(line: str) -> str:
    """Return a line without its quotes and without what follows a #, in the quotes or behind them: an id has none."""
    before = line.partition("#")[0].strip()
    if _unquoted(before) == before:
        before = _unquoted(line).partition("#")[0].strip()
    return _unquoted(before)


def _not_an_id(where: str, line: str) -> UsageError:
    columns = next((name for mark, name in _SEPARATORS.items() if mark in line), "")
    if columns:
        return UsageError(f"{where} holds several columns, separated by {columns}", "keep only the column of ids")
    if _unquoted(line).lower() in {"id", "imageid", "image id", "image_id"}:
        return UsageError(f"{where} is not an id but a heading", "remove that line, or begin it with #")
    return UsageError(f"{where} is not an id", "one id on each line: 32 hexadecimal digits, with or without dashes")


def _unquoted(line: str) -> str:
    """Return a line without the pair of quotes that a spreadsheet puts around a text."""
    if len(line) > 1 and _QUOTES.get(line[0]) == line[-1]:
        return line[1:-1].strip()
    return line


def _lines(place: str, option: str) -> list[str]:
    return _clean(_decoded(_bytes(place, option), place, option))


def _clean(text: str) -> list[str]:
    return [line.strip().strip(_BLANK).strip() for line in text.splitlines()]


def _decoded(content: bytes, place: str, option: str) -> str:
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise UsageError(f"{option} {place}: it is not text in UTF-8", _SAVE_AS_UTF_8) from None
    if "\0" in text:
        raise UsageError(f"{option} {place}: it is not text, or UTF-16 without a mark", _SAVE_AS_UTF_8)
    return text


def _bytes(place: str, option: str) -> bytes:
    try:
        content = _from_standard_input(option) if place == "-" else _from_file(place)
    except (OSError, UnicodeDecodeError) as error:
        reason = reason_of(error, place) if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"{option} {place}: {reason}") from error
    if len(content) > _LONGEST_FILE:
        raise UsageError(f"{option} {place}: it is too long or endless")
    return content


def _from_file(place: str) -> bytes:
    from pathlib import Path

    with Path(place).open("rb") as file:
        return file.read(_LONGEST_FILE + 1)


def _from_standard_input(option: str) -> bytes:
    if sys.stdin is None:
        raise UsageError(f"{option} -: standard input is closed")
    if (binary := getattr(sys.stdin, "buffer", None)) is None:  # replaced by a caller
        return sys.stdin.read(_LONGEST_FILE + 1).encode(errors="surrogateescape")
    content: bytes = binary.read(_LONGEST_FILE + 1)
    return content
