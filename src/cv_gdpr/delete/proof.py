"""Looks for every planned item again after the deletion, in lists and one by one."""

from dataclasses import dataclass
from itertools import count

from cv_gdpr.delete.look import Look
from cv_gdpr.delete.run import Run
from cv_gdpr.errors import NotFound
from cv_gdpr.evidence.events import Answered, Looked
from cv_gdpr.table.categories import BY_API, ITERATIONS, PROJECTS

_CONTAINERS = frozenset({PROJECTS, ITERATIONS})


@dataclass
class Proof:
    """The second look at one project: which planned items are still there."""

    erasure: Run
    id: str
    rows: dict[str, list[str]]

    def run(self) -> None:
        """Record in the ledger what is gone and what is still there; raise ServiceError."""
        there = self.remaining(thorough=True)
        containers_first = sorted(self.rows.items(), key=lambda rows: rows[0] not in _CONTAINERS)
        for row, ids in containers_first:  # whether they are gone decides about what was in them
            gone = [one for one in ids if one not in there[row]]
            left = [one for one in ids if one in there[row]]
            self.erasure.ledger.write(Looked(project=self.id, row=row, gone=gone, there=left))
            self.erasure.terms.looked.add(len(ids))

    def remaining(self, *, thorough: bool) -> dict[str, set[str]]:
        """Return what is still there, after waiting for the deletions that the service accepted."""
        for round_ in count():
            there = self._look(thorough=False)
            if thorough and not self._still_pending(there):
                there = self._look(thorough=True)
            if not self._still_pending(there):
                return there
            if not self.erasure.deadline.pause(round_):
                break
        return self._look(thorough=thorough)

    def _look(self, *, thorough: bool) -> dict[str, set[str]]:
        return self.erasure.deadline.settled(lambda: self._still_there(thorough=thorough))

    def _still_pending(self, there: dict[str, set[str]]) -> bool:
        """Return whether an item is still there although the service accepted its deletion."""
        accepted = {
            (event.row, one)
            for event in self.erasure.ledger.events
            if isinstance(event, Answered) and event.project == self.id and event.accepted
            for one in event.ids
        }
        return any((row, one) in accepted for row, ids in there.items() for one in ids)

    def _still_there(self, *, thorough: bool) -> dict[str, set[str]]:
        """Return what is still there of each row; unless `thorough`, images only by id: fewer calls."""
        nothing: dict[str, set[str]] = {row: set() for row in self.rows}
        look = Look(self.erasure.service, self.id)
        try:
            if PROJECTS in self.rows and look.project_is_gone():
                return nothing
            return {
                row.name: look.found(row, self.rows[row.name], thorough=thorough)
                for row in BY_API
                if row.name in self.rows
            }
        except NotFound:
            if look.project_is_gone():
                return nothing
            raise
