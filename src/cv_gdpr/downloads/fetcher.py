"""Fetches the bytes of any link: from blob storage, or with GetArtifact where the link is a relative path."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from cv_gdpr.downloads.process import Done, Downloads, Fetching, Where
from cv_gdpr.errors import CvGdprError, Interrupted
from cv_gdpr.service.client import Service

_ARTIFACTS = 8  # GetArtifact calls at once; they share the budget of all calls


class Fetcher:
    """Fetches in the background; a context manager."""

    def __init__(self, service: Service, fetching: Fetching, temporary: Callable[[], str]) -> None:
        self._service = service
        self._temporary = temporary
        self._downloads = Downloads(fetching, temporary, service.stop, service.endpoint)
        self._artifacts = ThreadPoolExecutor(_ARTIFACTS, "artifacts")
        self._places = threading.Semaphore(_ARTIFACTS * 4)

    def __enter__(self) -> Self:
        self._downloads.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._artifacts.shutdown(wait=exc[0] is None, cancel_futures=True)
        self._downloads.__exit__(*exc)

    def prepare(self) -> None:
        """Start the download process, ahead of the first blob."""
        self._downloads.prepare()

    def submit(self, project_id: str, where: Where, done: Done, *, again: bool = False) -> None:
        """Fetch a blob; `done` is called, in another thread, with the file or the final error.

        Wait for room, unless this is a renewed link (`again`). The order may be held back until `push`.
        """
        if "://" in where.uri:
            self._downloads.submit(where, done, again=again)
            return
        while not self._places.acquire(timeout=0.5):
            if self._service.stop.is_set():
                raise Interrupted("interrupted")
        self._artifacts.submit(self._artifact, project_id, where, done)

    def push(self) -> None:
        """Send the orders that are held back."""
        self._downloads.push()

    def _artifact(self, project_id: str, where: Where, done: Done) -> None:
        try:
            received = self._service.artifact(project_id, where.uri, self._temporary, where.most)
            result = received.named(where.stem, where.suffix)
        except CvGdprError as error:
            done(error)
        except Exception as error:  # noqa: BLE001 - reported as this blob's error, never lost
            done(CvGdprError(f"GetArtifact: {type(error).__name__}"))
        else:
            done(result)
        finally:
            self._places.release()
