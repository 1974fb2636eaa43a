"""Bytes by sampling: the API gives no sizes, so pictures and records at random places are fetched and measured.

An image that several iterations keep is stored once. So a picture found at a random place in the lists counts as its
size divided by the number of lists that have it (the estimator of Horvitz and Thompson): the sum over all places is
then the sum over all pictures.
"""

import random
import threading
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeAlias

from cv_gdpr.archive.writing import Received
from cv_gdpr.downloads.fetcher import Fetcher
from cv_gdpr.downloads.process import Fetching, Where
from cv_gdpr.downloads.sizes import Sizes
from cv_gdpr.errors import CvGdprError, ServiceError, Stops
from cv_gdpr.held.counts import ProjectCounts
from cv_gdpr.held.strata import Stratum
from cv_gdpr.links import source_path
from cv_gdpr.service.client import Service
from cv_gdpr.service.paging import PAGE, identified
from cv_gdpr.table.blobs import of_image
from cv_gdpr.table.findings import Blob
from cv_gdpr.table.readers import Project, in_place, renewed_images
from cv_gdpr.verbatim import Json, json_line

_NONE = Stratum()
_RECORDS = 50  # image performances that are measured at most

Key: TypeAlias = tuple[str, str, str]
"""A picture: its project, its name, the path of its link without the signature."""


class _List(NamedTuple):
    """A list of images that is paged: whose it is, its operation, and how many it holds."""

    project: Project
    iteration: Json | None
    operation: str
    size: int

    def page(self, skip: int, take: int) -> list[Json]:
        """Return a page of it."""
        arguments = {"take": take, "skip": skip, "order_by": "Oldest"} | self._place()
        page: list[Json] = self.project.service.call(self.operation, self.project.id, *self._iteration(), **arguments)
        return page

    def _of_performance(self) -> bool:
        return self.operation == "get_image_performances"

    def _place(self) -> dict[str, str]:
        return {} if self._of_performance() else in_place(self.iteration)

    def _iteration(self) -> list[str]:
        return [self.iteration["id"]] if self._of_performance() and self.iteration else []


class _Drawn(NamedTuple):
    """A record as one list has it, drawn at random."""

    project: Project
    record: Json

    @property
    def pictures(self) -> dict[Key, Blob]:
        """Its pictures."""
        return {_key(self.project, blob): blob for blob in of_image(self.record) if blob.uri}


@dataclass
class Sample:
    """What was measured of a resource: `fetched` pictures with `bytes` took `seconds`; `failed` did not come."""

    images: Stratum = _NONE  # bytes of pictures and records, by place in a list
    distinct: Stratum = _NONE  # of an image: one, divided by the number of lists that have it
    artifacts: Stratum = _NONE  # calls of GetArtifact: pictures that only this operation gives
    performances: Stratum = _NONE
    predictions: Stratum = _NONE
    prediction_artifacts: Stratum = _NONE
    models: Stratum = _NONE
    model_artifacts: Stratum = _NONE
    fetched: int = 0
    bytes: int = 0
    seconds: float = 0.0
    failed: int = 0

    @property
    def strata(self) -> tuple[Stratum, ...]:
        """What has bytes."""
        return self.images, self.performances, self.predictions, self.models

    @property
    def artifact_calls(self) -> float:
        """How many pictures and models only GetArtifact gives, by a call for each."""
        return sum(one.total for one in (self.artifacts, self.prediction_artifacts, self.model_artifacts))

    @property
    def bytes_per_second(self) -> float | None:
        """The transfer rate of the sample; None if nothing was fetched."""
        return self.bytes / self.seconds if self.bytes and self.seconds else None


def sampled(service: Service, counted: Sequence[ProjectCounts], size: int, seed: int, fetching: Fetching) -> Sample:
    """Return what was measured of at most `size` images, and of as many predictions; the same ones for a seed."""
    sample, draw = Sample(), random.Random(seed)  # noqa: S311 - a sample, no secret
    drawn = list(_records(_lists_of_images(counted), size, draw, sample))
    stored = [(one.project, stored) for one in counted for stored in one.predictions]
    chosen = draw.sample(stored, min(size, len(stored)))
    wanted = {key: blob for one in drawn for key, blob in one.pictures.items()}
    wanted |= {_key(project, blob): blob for project, one in chosen for blob in one.blobs if blob.uri}
    measuring = _Measuring(service, sample, fetching)
    measuring.fetch(wanted)
    sizes = measuring.sizes
    _weigh(sample, counted, drawn, sizes)
    of_predictions = [[_key(project, blob) for blob in one.blobs] for project, one in chosen]
    sample.predictions = Stratum(len(stored), tuple(sum(sizes.get(key, 0.0) for key in one) for one in of_predictions))
    sample.prediction_artifacts = Stratum(
        len(stored), tuple(float(sum(map(_is_artifact, one.blobs))) for _, one in chosen)
    )
    performances = _records(_lists_of_performances(counted), min(size, _RECORDS), draw, sample)
    sample.performances = Stratum(
        sum(size for one in counted for _, size in one.performances),
        tuple(float(len(json_line(one.record))) for one in performances),
    )
    _measure_models(service, counted, fetching, sample)
    return sample


def _key(project: Project, blob: Blob) -> Key:
    return project.id, blob.stem, source_path(blob.uri)


def _is_artifact(blob: Blob) -> bool:
    return bool(blob.uri) and "://" not in blob.uri


def _lists_of_images(counted: Sequence[ProjectCounts]) -> list[_List]:
    return [
        _List(one.project, place.iteration, operation, size)
        for one in counted
        for place in one.places
        for operation, size in (
            ("get_tagged_images", place.images - place.untagged),
            ("get_untagged_images", place.untagged),
        )
    ]


def _lists_of_performances(counted: Sequence[ProjectCounts]) -> list[_List]:
    return [
        _List(one.project, iteration, "get_image_performances", size)
        for one in counted
        for iteration, size in one.performances
    ]


def _records(lists: Sequence[_List], size: int, draw: random.Random, sample: Sample) -> Iterator[_Drawn]:
    """Yield the records at places drawn at random from all lists; count in `sample` those that cannot be read."""
    total = sum(one.size for one in lists)
    places = sorted(draw.sample(range(total), min(size, total)))
    began = 0
    for one in lists:
        inside = places[bisect_left(places, began) : bisect_left(places, began + one.size)]
        yield from _records_of(one, [place - began for place in inside], sample)
        began += one.size


def _records_of(one: _List, places: Sequence[int], sample: Sample) -> Iterator[_Drawn]:
    pages = defaultdict(list)
    for place in places:
        pages[place // PAGE].append(place)
    for near in pages.values():
        try:
            page = identified(one.page(near[0], near[-1] - near[0] + 1))
        except ServiceError as error:
            if error.stops > Stops.LISTING:
                raise
            page = []
        found = [page[place - near[0]] for place in near if place - near[0] < len(page)]
        sample.failed += len(near) - len(found)
        yield from (_Drawn(one.project, record) for record in found)


def _weigh(sample: Sample, counted: Sequence[ProjectCounts], drawn: Sequence[_Drawn], sizes: dict[Key, float]) -> None:
    """Note for each image drawn its record, and the part of it and of its pictures that this list stands for."""
    total = sum(place.images for one in counted for place in one.places)
    of_image_, of_picture = _lists_with(counted, drawn)
    images, distinct, artifacts = [], [], []
    for one in drawn:
        shares = {key: 1 / max(1, of_picture[key]) for key in one.pictures}
        images.append(len(json_line(one.record)) + sum(sizes.get(key, 0.0) * share for key, share in shares.items()))
        lists = of_image_[one.project.id, one.record["id"]]
        sample.failed += not lists  # listed, but GetImagesByIds gives it in no place
        distinct.append(1 / max(1, lists))
        artifacts.append(sum(share for key, share in shares.items() if _is_artifact(one.pictures[key])))
    sample.images = Stratum(total, tuple(images))
    sample.distinct = Stratum(total, tuple(distinct))
    sample.artifacts = Stratum(total, tuple(artifacts))


def _lists_with(
    counted: Sequence[ProjectCounts], drawn: Sequence[_Drawn]
) -> tuple[Counter[tuple[str, str]], Counter[Key]]:
    """Return how many places of its project have each image that was drawn, and each of its pictures."""
    images, pictures = Counter[tuple[str, str]](), Counter[Key]()
    for one in counted:
        ids = sorted({each.record["id"] for each in drawn if each.project is one.project})
        for place in one.places if ids else ():
            try:
                given = list(renewed_images(one.project, place.iteration, ids))
            except ServiceError as error:
                if error.stops > Stops.LISTING:
                    raise
                continue  # `_weigh` counts those that no place gives
            images.update((one.project.id, item.id) for item in given)
            pictures.update(_key(one.project, blob) for item in given for blob in item.blobs)
    return images, pictures


@dataclass
class _Measuring:
    """Pictures that are fetched into a temporary folder, measured and removed."""

    service: Service
    sample: Sample
    fetching: Fetching
    sizes: dict[Key, float] = field(default_factory=dict)
    _left: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def fetch(self, wanted: dict[Key, Blob]) -> None:
        """Fetch the pictures; the first one is not timed, since it waits for the process that downloads."""
        if not wanted:
            return
        with TemporaryDirectory(prefix="cv-gdpr-") as folder:
            numbers = count()

            def name() -> str:
                """Return a path that is not used yet; called in several threads."""
                return str(Path(folder) / str(next(numbers)))

            with Fetcher(self.service, self.fetching, name) as fetcher:
                first, *others = wanted.items()
                self._run(fetcher, [first], name)
                began, before = time.monotonic(), self.sample.bytes
                self._run(fetcher, others or [first], name)
                self.sample.seconds = time.monotonic() - began
        self.sample.bytes -= before

    def _run(self, fetcher: Fetcher, wanted: Sequence[tuple[Key, Blob]], name: Callable[[], str]) -> None:
        self._left = len(wanted)
        for key, blob in wanted:
            fetcher.submit(key[0], Where(blob.uri, name(), blob.suffix, blob.most), partial(self._done, key))
        fetcher.push()
        with self._changed:
            while self._left:
                self._changed.wait(0.5)  # a signal may reach another thread

    def _done(self, key: Key, result: Received | CvGdprError) -> None:
        with self._changed:
            self._left -= 1
            if isinstance(result, Received):
                self.sizes[key] = float(result.size)
                self.sample.bytes += result.size
                self.sample.fetched += 1
                Path(result.path).unlink(missing_ok=True)
            else:
                self.sample.failed += 1
            self._changed.notify_all()


def _measure_models(service: Service, counted: Sequence[ProjectCounts], fetching: Fetching, sample: Sample) -> None:
    """Note the sizes that storage announces for all exported models: they are too large to fetch."""
    models = [blob for one in counted for blob in one.models]
    sizes = Sizes(service.endpoint, fetching.silence) if models else None
    found = []
    for blob in models:
        try:
            if sizes and not _is_artifact(blob):  # for GetArtifact, the contract has no HEAD
                found.append(float(sizes.of(blob.uri)))
        except CvGdprError as error:
            if error.stops >= Stops.RUN:
                raise
    sample.failed += len(models) - len(found)
    sample.models = Stratum(len(models), tuple(found))
    sample.model_artifacts = Stratum(len(models), tuple(float(_is_artifact(blob)) for blob in models))
