"""What evidence proves gone, by project and row; and which records of a bag name it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

from cv_gdpr.archive.names import same_id
from cv_gdpr.evidence.events import RECOVERABLE
from cv_gdpr.evidence.proven import Proven
from cv_gdpr.table.categories import ACCOUNT, PROJECTS

# An id as the service writes it; in the paths of its links, without hyphens (recorded: /i-ef98…/o-517f…).
_ID = re.compile(rb"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_OF_USERS = frozenset({"name", "description", "metadata"})
"""What people wrote stays as it is, whatever it names."""
_LABELS = frozenset({"tags", "regions"})
"""The service leaves out these lists where they are empty."""


class GoneOf(NamedTuple):
    """What is gone of one project: the ids of each row, as `same_id` spells them; `whole`: all of it."""

    rows: dict[str, frozenset[str]]
    whole: bool = False

    def holds(self, row: str, one: str) -> bool:
        """Return whether an item of a row is gone, whose id may be written in any way."""
        return same_id(one) in self.rows.get(row, ())


class Gone:
    """What is gone of a resource; `everything`: the resource itself."""

    def __init__(self, items: Iterable[tuple[str, str, str]]) -> None:
        found: dict[str, dict[str, set[str]]] = {}
        self.everything = False
        for project, row, one in items:
            self.everything = self.everything or row in {ACCOUNT, RECOVERABLE}
            found.setdefault(same_id(project), {}).setdefault(row, set()).add(same_id(one))
        self._found = {project: {row: frozenset(ids) for row, ids in rows.items()} for project, rows in found.items()}

    def of(self, project: str) -> GoneOf:
        """Return what is gone of a project, whose id may be written in any way."""
        rows = self._found.get(same_id(project), {})
        return GoneOf(rows, whole=self.everything or PROJECTS in rows)

    @cached_property
    def _compact(self) -> dict[bytes, tuple[str, str]]:
        """Row and id of each, by the id without hyphens."""
        return {
            one.replace("-", "").encode(): (row, one)
            for rows in self._found.values()
            for row, ids in rows.items()
            for one in ids
        }

    def named_in(self, text: bytes, own: str = "") -> set[tuple[str, str]]:
        """Return row and id of what is gone and named in a text, but for the record's `own` id."""
        but = own.replace("-", "").lower().encode()
        named = {one.replace(b"-", b"").lower() for one in _ID.findall(text)} - {but}
        return {self._compact[one] for one in named if one in self._compact}

    def without(self, value: Any, own: str = "") -> Any:
        """Return a value without the fields, and the objects of lists, that name an id that is gone."""
        if isinstance(value, dict):
            parts = {name: part if name in _OF_USERS else self._part(part, own) for name, part in value.items()}
            return {name: part for name, part in parts.items() if part is not _NOTHING and not _emptied(name, part)}
        if isinstance(value, list):
            kept = [self._part(part, own) for part in value if not self._is_about(part, own)]
            return [part for part in kept if part is not _NOTHING]
        return value

    def _part(self, part: Any, own: str) -> Any:
        if isinstance(part, str):
            return _NOTHING if self.named_in(part.encode(errors="surrogatepass"), own) else part
        return self.without(part, own)

    def _is_about(self, part: Any, own: str) -> bool:
        """Return whether an object of a list has a field that names an id that is gone: a tag on an image, a region."""
        fields = part.items() if isinstance(part, dict) else ()
        texts = (text for name, text in fields if name not in _OF_USERS and isinstance(text, str))
        return any(self.named_in(text.encode(errors="surrogatepass"), own) for text in texts)


_NOTHING = object()


def _emptied(name: str, part: Any) -> bool:
    return name in _LABELS and part == []


def gone_by(proven: Proven) -> Gone:
    """Return what verified evidence proves gone."""
    return Gone((one.project, one.row, one.id) for one in proven.gone)
