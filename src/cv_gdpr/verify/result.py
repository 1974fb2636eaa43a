"""The result of a verification: what was checked, and every difference."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from cv_gdpr.archive.bag import Bag
from cv_gdpr.archive.json_files import InvalidContent, value_of
from cv_gdpr.verbatim import Json

Line: TypeAlias = bytes  # an alias, since Verification has a field named `bytes`
# The errors that forged content may cause where a record is expected.
_INVALID_CONTENT = (ArithmeticError, AttributeError, KeyError, LookupError, RecursionError, TypeError, ValueError)


@dataclass
class Verification:
    """How much was checked (files, bytes, records) and each difference in words; without any, the folder is proved."""

    folder: Path
    files: int = 0
    bytes: int = 0
    records: int = 0
    flagged: int = 0  # files that files.jsonl calls unusual
    bag_info: list[tuple[str, str]] = field(default_factory=list)  # its lines that say what was exported
    differences: list[str] = field(default_factory=list)
    incomplete: bool = False  # the export says that items are missing, and names them
    missing: int = 0  # how many it names
    reused: Counter[str] = field(default_factory=Counter)  # files of earlier exports, by when these began
    trusted: set[tuple[str, ...]] = field(default_factory=set)  # lists that were not read again
    redacted: int = 0  # items that were taken out of it after erasures
    projects: list[str] = field(default_factory=list)  # the ids of those that it says it holds

    @cached_property
    def bag(self) -> Bag:
        """The folder as a bag; what it raises is to be noted."""
        return Bag(self.folder)

    @property
    def exit_code(self) -> int:
        """4 if something differs, 3 if nothing does but the export says that it is not complete, else 0."""
        return 4 if self.differences else 3 * self.incomplete

    def differ(self, where: str, what: str) -> None:
        """Add a difference; `where` is a path in the folder, or a row."""
        self.differences.append(f"{where}: {what}")

    @contextmanager
    def noting(self, where: str) -> Iterator[None]:
        """Note a difference, instead of raising, if the content of `where` cannot be read or is invalid."""
        try:
            yield
        except FileNotFoundError:
            self.differ(where, "missing")
        except OSError as error:
            self.differ(where, f"cannot be read: {error.strerror or error}")
        except InvalidContent as error:
            self.differ(where, str(error))
        except _INVALID_CONTENT as error:
            self.differ(where, f"its content is invalid ({type(error).__name__}: {error})")

    def document(self, where: str) -> Json | None:
        """Return the object in a JSON document; note a difference and return None if it is not one."""
        with self.noting(where):
            return self.bag.document(where)
        return None

    def lines(self, where: str) -> "Iterator[Line]":
        """Yield the lines of a file; note a difference and stop at one that cannot be read."""
        with self.noting(where):
            yield from self.bag.lines(where)

    def records_in(self, where: str) -> Iterator[Json]:
        """Yield the objects in a JSON Lines file; note every other line as a difference."""
        for number, line in enumerate(self.lines(where), 1):
            record: Any = None
            why = ""
            try:
                record = value_of(line)
            except InvalidContent as error:
                why = f" ({error})"
            if isinstance(record, dict):
                yield record
            else:
                self.differ(where, f"line {number} is not a record{why}")
