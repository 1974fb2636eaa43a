"""What a body of the suite stands on: the tool's own service and downloads, over whichever backend it is."""

import itertools
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pytest
import requests

from cv_gdpr.archive.writing import Received
from cv_gdpr.downloads.fetcher import Fetcher
from cv_gdpr.downloads.process import Fetching, Where
from cv_gdpr.errors import CvGdprError, ServiceError
from cv_gdpr.service.client import Connection, Service
from cv_gdpr.table.inventory import projects_in
from cv_gdpr.table.readers import Project, Resource
from cv_gdpr.table.scope import Scope
from cv_gdpr.verbatim import Json
from tests.contract.prepare import Prepared

_WRONG_KEY = "0" * 32
_DOWNLOAD_SECONDS = 150
_NUMBERS = itertools.count()


@dataclass
class Ground:
    """A prepared project and the means of the tool to read it."""

    connection: Connection
    service: Service
    fetcher: Fetcher
    prepared: Prepared
    folder: Path
    taped: bool = False  # whether vcrpy stands between

    @cached_property
    def entry(self) -> Json:
        """The project's entry in GetProjects, found by its name as a user names it."""
        (entry,) = projects_in(self.service, Scope((self.prepared.name,)))
        return entry

    @cached_property
    def project(self) -> Project:
        """The project, ready for the readers."""
        return Project(self.service, self.entry)

    @property
    def resource(self) -> Resource:
        """The resource, its scope being that project."""
        return Resource(self.service, [self.entry])

    @property
    def iteration(self) -> Json:
        """The one iteration."""
        (iteration,) = self.project.iterations
        return iteration

    def stranger(self) -> Service:
        """Return a service for the same resource with a wrong key."""
        return Service(replace(self.connection, training_key=_WRONG_KEY))

    def fetch(self, uri: str) -> bytes:
        """Return the bytes behind a link, fetched as the export does; raise CvGdprError.

        Where vcrpy records or plays, requests stands in: it does not see libcurl.
        """
        if self.taped and "://" in uri:
            answer = requests.get(uri, timeout=_DOWNLOAD_SECONDS)
            if not answer.ok:
                raise ServiceError(f"blob storage answered {answer.status_code}", status=answer.status_code)
            return answer.content
        arrived: Future[Received | CvGdprError] = Future()
        where = Where(uri, str(self.folder / "fetched" / str(next(_NUMBERS))), "", 100 << 20)
        self.fetcher.submit(self.project.id, where, arrived.set_result)
        self.fetcher.push()
        result = arrived.result(_DOWNLOAD_SECONDS)
        if isinstance(result, CvGdprError):
            raise result
        return Path(result.path).read_bytes()

    def needs(self, part: str) -> None:
        """Skip the rest of a body, saying why, where the service did not make a part of the project in time."""
        if reason := getattr(self.prepared, f"un{part}"):
            pytest.skip(f"not proven here: {reason}")


@contextmanager
def ground_on(connection: Connection, prepared: Prepared, folder: Path, *, taped: bool = False) -> Iterator[Ground]:
    """Yield the ground for a backend; downloads go to the folder."""
    numbers = itertools.count()
    fetching = Fetching(connections=2, patience=connection.patience)
    with (
        Service(connection) as service,
        Fetcher(service, fetching, lambda: str(folder / str(next(numbers)))) as fetcher,
    ):
        yield Ground(connection, service, fetcher, prepared, folder, taped)
