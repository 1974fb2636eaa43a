"""Looks again for everything that evidence says is gone; nothing is deleted.

It keeps a ledger like an erasure, so that its evidence is derived and verified in the same way.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cv_gdpr.delete.execute import Erased, begun, sealed_result
from cv_gdpr.delete.failures import ends_run, quoted
from cv_gdpr.delete.look import Look
from cv_gdpr.delete.run import Terms
from cv_gdpr.errors import CvGdprError, Forbidden, ServiceError, Unexpected, unexpected
from cv_gdpr.evidence import seals
from cv_gdpr.evidence.clock import now
from cv_gdpr.evidence.document import close
from cv_gdpr.evidence.events import RECOVERABLE, Failed, Looked, Opened, Stopped
from cv_gdpr.evidence.ledger import Ledger, sealed
from cv_gdpr.evidence.proven import Proven
from cv_gdpr.evidence.records import TOOL, EarlierEvidence, Planned, SearchedScope
from cv_gdpr.service.azure_resource import AzureResource
from cv_gdpr.service.client import Service
from cv_gdpr.table.categories import ACCOUNT, BY_API, Category

Found = TypeVar("Found")


def recheck(service: Service, proven: Proven, path: Path, terms: Terms) -> Erased:
    """Look again for what evidence says is gone, and write evidence of that at `path`.

    Raise UsageError if one of the files exists and cannot be resumed; LedgerLost, StorageError.
    """
    with begun(path, service.endpoint, terms) as ledger:
        opened = _opening(proven, service.endpoint, terms, service.sign_in.who)
        seals.begin(ledger, terms.stated(opened, ledger.events), terms.seals)
        look = _Recheck(service, ledger, terms)
        terms.looked.begin(len(proven.gone))
        for project, rows in _gone(proven).items():
            look.at(project, rows)
        return _closed(ledger, path, terms, look.stopped_by)


def recheck_account(azure: AzureResource, proven: Proven, path: Path, terms: Terms) -> Erased:
    """Look again for a deleted Azure resource, and, if it was purged, for what Azure keeps of it; as `recheck` does."""
    place = str(azure.place)
    asks: dict[str, Callable[[], bool]] = {
        ACCOUNT: azure.is_gone,
        RECOVERABLE: lambda: azure.recoverable() is None,
    }
    stopped_by: CvGdprError | None = None
    with begun(path, place, terms) as ledger:
        opened = _opening(proven, place, terms, azure.manager.who)
        seals.begin(ledger, terms.stated(opened, ledger.events), terms.seals)
        for row, ids in _gone(proven).get(place, {}).items():
            try:
                gone = asks[row]()
            except ServiceError as error:
                terms.say(f"{row} {ids[0]}: {error.message}")
                ledger.write(Failed(project=place, reason=quoted(error)))
                stopped_by = stopped_by or (error if error.exit_code == Forbidden.exit_code else None)
            else:
                ledger.write(Looked(project=place, row=row, gone=ids if gone else [], there=[] if gone else ids))
        return _closed(ledger, path, terms, stopped_by)


def _gone(proven: Proven) -> Planned:
    """Return what the evidence proves gone: project id, row, ids."""
    found: Planned = {}
    for one in proven.gone:
        found.setdefault(one.project, {}).setdefault(one.row, []).append(one.id)
    return found


def _opening(proven: Proven, endpoint: str, terms: Terms, who: str) -> Opened:
    before, asked = proven.evidence, proven.evidence.scope
    scope = SearchedScope(projects=asked.projects, rows=asked.rows, not_searched={}, selectors=[], salt=None)
    return Opened(
        tool=TOOL,
        endpoint=endpoint,
        asked=sealed(terms.asked, secrets.token_hex(16)),
        listed_from=f"{now()[:19]}Z",
        plan_hash=before.plan_hash,
        scope=scope,
        planned=_gone(proven),
        projects=[],
        protected=[],
        unmatched=[],
        signed_in_as=who,
        recheck_of=proven.sha256,
        rechecked=EarlierEvidence(file=proven.path.name, finished=before.finished, reference=before.reference),
    )


def _closed(ledger: Ledger, path: Path, terms: Terms, stopped_by: CvGdprError | None) -> Erased:
    stopped = stopped_by.exit_code if stopped_by else 0
    close(ledger, [], stopped, refused=bool(stopped_by and not stopped_by.retryable))
    return sealed_result(ledger, path, terms, stopped_by)


@dataclass
class _Recheck:
    """Looks project by project; what cannot be asked is named, and the rest is asked."""

    service: Service
    ledger: Ledger
    terms: Terms
    _ended_by: CvGdprError | None = None
    _refusal: Forbidden | None = None
    _bug: Unexpected | None = None
    _allowed: bool = False

    @property
    def stopped_by(self) -> CvGdprError | None:
        """What ended the run; a refusal if nothing at all was allowed; or a bug."""
        return self._ended_by or self._bug or (None if self._allowed else self._refusal)

    def at(self, project: str, rows: dict[str, list[str]]) -> None:
        """Look for the items of a project; if the project is gone, so is all that was in it."""
        if self._ended_by:
            return
        look = Look(self.service, project)
        gone = self._asked(project, look.project_is_gone)
        if gone is None:
            return
        if gone:
            for name, ids in rows.items():
                self.ledger.write(Looked(project=project, row=name, gone=ids, there=[]))
            return
        for row in BY_API:
            if row.name in rows and not self._ended_by:
                self._look(look, row, rows[row.name])

    def _look(self, look: Look, row: Category, ids: list[str]) -> None:
        there = self._asked(look.id, lambda: look.found(row, ids, thorough=True))
        if there is not None:
            gone = [one for one in ids if one not in there]
            left = [one for one in ids if one in there]
            self.ledger.write(Looked(project=look.id, row=row.name, gone=gone, there=left))
            self.terms.looked.add(len(ids))

    def _asked(self, project: str, ask: Callable[[], Found]) -> Found | None:
        """Return the answer; None where the call failed: then nothing is known, and the ledger says why."""
        try:
            found = ask()
        except ServiceError as error:
            self._fail(project, error)
        except Exception as error:  # noqa: BLE001 - `unexpected` raises all but bugs
            self._bug = self._bug or unexpected(error)
            self.ledger.write(Failed(project=project, reason=self._bug.kind))
        else:
            self._allowed = True
            return found
        return None

    def _fail(self, project: str, error: ServiceError) -> None:
        if ends_run(error):
            self._ended_by = error
            self.ledger.write(Stopped(project=project, reason=quoted(error)))
            return
        if isinstance(error, Forbidden):
            self._refusal = self._refusal or error
        else:
            self._allowed = True
        self.ledger.write(Failed(project=project, reason=quoted(error)))
        self.terms.say(f"project {project}: {error.message}")
