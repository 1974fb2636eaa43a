"""Looks whether items of a project are still there: in lists, and one by one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from cv_gdpr.archive.names import same_id
from cv_gdpr.errors import NotFound, Unsteady
from cv_gdpr.service.client import Service
from cv_gdpr.table.categories import PROJECTS, Category
from cv_gdpr.table.inventory import entry_of, listed, project_of
from cv_gdpr.table.readers import Project
from cv_gdpr.table.selection import Matches, Selection


@dataclass
class Look:
    """A look at one project, by its id."""

    service: Service
    id: str

    @cached_property
    def _project(self) -> Project:
        return project_of(self.service, self.id)

    def project_is_gone(self) -> bool:
        """Return whether GetProject answers 404 and GetProjects agrees: a 404 of a gateway alone proves nothing."""
        try:
            self.service.call("get_project", self.id)
        except NotFound:
            if entry_of(self.service, self.id):
                raise Unsteady(f"project {self.id}: GetProject answers 404, but GetProjects lists it") from None
            return True
        return False

    def found(self, row: Category, ids: Sequence[str], *, thorough: bool) -> set[str]:
        """Return those ids of a row that are still listed, or still returned when asked for.

        Unless `thorough`, ids that can be asked for cheaply are not looked for in lists, and the others not by id.
        Raise ServiceError: a listing that fails proves nothing.
        """
        if row.name == PROJECTS:
            return {self.id}.intersection(ids)
        if row.look_up and row.by_id_first and not thorough:
            return _among(row.look_up(self._project, list(ids)), ids)
        found = {item.id for item in listed(self._project, row, Matches(Selection())) if not row.is_copy(item)}
        if row.look_up and thorough:
            found |= row.look_up(self._project, [one for one in ids if one not in found])
        return _among(found, ids)


def _among(found: Iterable[str], ids: Sequence[str]) -> set[str]:
    """Return those of the ids that were found, in whatever spelling the service gives them now."""
    there = set(map(same_id, found))
    return {one for one in ids if same_id(one) in there}
