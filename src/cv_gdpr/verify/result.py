"""What a verification came to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from cv_gdpr.archive.bag import Bag
from cv_gdpr.archive.reading import Unfit, value_of
from cv_gdpr.verbatim import Json

# A forged bag may hold anything where a record is due.
Line: TypeAlias = bytes  # which Verification uses as a name of its own
_NO_RECORD = (ArithmeticError, AttributeError, KeyError, LookupError, RecursionError, TypeError, ValueError)


@dataclass
class Verification:
    """What was checked (files, bytes, records) and each difference found, in words; none: the folder is proved."""

    folder: Path
    files: int = 0
    bytes: int = 0
    records: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)  # what the bag says of itself, once that is proved
    differences: list[str] = field(default_factory=list)

    @cached_property
    def bag(self) -> Bag:
        """The folder as a bag; what it raises is to be noted."""
        return Bag(self.folder)

    @property
    def exit_code(self) -> int:
        """0 if nothing differs, else 4."""
        return 4 if self.differences else 0

    def differ(self, where: str, what: str) -> None:
        """Note a difference; `where` is a path in the folder, or a row."""
        self.differences.append(f"{where}: {what}")

    @contextmanager
    def noting(self, where: str) -> Iterator[None]:
        """Note what cannot be read as a difference."""
        try:
            yield
        except FileNotFoundError:
            self.differ(where, "missing")
        except OSError as error:
            self.differ(where, f"cannot be read: {error.strerror or error}")
        except Unfit as error:
            self.differ(where, str(error))
        except _NO_RECORD as error:
            self.differ(where, f"holds what no export writes ({type(error).__name__}: {error})")

    def document(self, where: str) -> Json | None:
        """Give the object in a JSON document, or None, noting why."""
        with self.noting(where):
            return self.bag.document(where)
        return None

    def lines(self, where: str) -> "Iterator[Line]":
        """Give the lines of a file, up to one that cannot be read."""
        with self.noting(where):
            yield from self.bag.lines(where)

    def records_in(self, where: str) -> Iterator[Json]:
        """Give the objects in a JSON Lines file; any other line is noted."""
        for number, line in enumerate(self.lines(where), 1):
            record: Any = None
            why = ""
            try:
                record = value_of(line)
            except Unfit as error:
                why = f" ({error})"
            if isinstance(record, dict):
                yield record
            else:
                self.differ(where, f"line {number} is no record{why}")
