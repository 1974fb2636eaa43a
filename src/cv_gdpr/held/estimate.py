"""The use case of `list --estimate`: how many calls, hours and bytes an export and an erasure will take.

Calls follow from the service's counts and from how lists are paged; hours from the rate of calls and the transfer rate
of a sample; bytes from that sample. Nothing at the service is changed.
"""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.held.counts import ProjectCounts, erasure_calls
from cv_gdpr.held.project import Unlisted
from cv_gdpr.held.sample import Sample, sampled
from cv_gdpr.held.strata import Interval, Stratum, interval
from cv_gdpr.service.pacing import seconds_for
from cv_gdpr.table.categories import ACCOUNT, IMAGES, ITERATIONS, PREDICTIONS, PROJECTS, Category, reads_projects
from cv_gdpr.table.inventory import projects_in, rows_in
from cv_gdpr.table.readers import Project
from cv_gdpr.table.scope import Scope

if TYPE_CHECKING:
    from cv_gdpr.downloads.process import Fetching
    from cv_gdpr.service.client import Service

PUBLISHED_RATE = 10.0
"""Calls a second that the service answers ("other API calls", Custom Vision limits and quotas)."""


class Sampling(NamedTuple):
    """How to sample: how many images at most, which ones, how to fetch them; calls a second (0: no limit)."""

    size: int
    seed: int
    fetching: "Fetching"
    calls_per_second: float


class Effort(NamedTuple):
    """What a command will take: calls by operation, and the seconds that they take at the rate."""

    calls: Counter[str]
    seconds: float


@dataclass
class Estimate:
    """What an export and an erasure of a scope will take, as far as counts and a sample tell."""

    rows: tuple[Category, ...]
    sampling: Sampling
    projects: list[ProjectCounts] = field(default_factory=list)
    sample: Sample = field(default_factory=Sample)
    of_resource: Counter[str] = field(default_factory=Counter)  # calls that belong to no project
    calls: Counter[str] = field(default_factory=Counter)  # those that the estimate took
    seconds: float = 0.0

    @property
    def unlisted(self) -> list[Unlisted]:
        """What could not be counted, and so is in no figure."""
        return [one for project in self.projects for one in project.unlisted]

    @property
    def uncounted(self) -> set[str]:
        """The rows whose items could not all be counted."""
        return {one.row for one in self.unlisted}

    @property
    def held(self) -> dict[str, int]:
        """Row -> how many are held; the number of different images follows from the sample."""
        names = [row.name for row in self.rows if reads_projects(row)]
        counts = {name: sum(len(one.ids[name]) for one in self.projects) for name in names}
        return counts | ({IMAGES: round(self.images)} if IMAGES in counts else {})

    @property
    def images(self) -> float:
        """How many different images there are."""
        return self.sample.distinct.total

    @property
    def places(self) -> int:
        """How many images all lists have together: one in each iteration that keeps it."""
        return self.sample.distinct.size

    @property
    def rate(self) -> float:
        """The calls a second that are reckoned with."""
        return self.sampling.calls_per_second or PUBLISHED_RATE

    @property
    def export(self) -> Effort:
        """What an export will take, without its downloads."""
        calls = sum((one.calls for one in self.projects), self.of_resource.copy())
        return self._effort(calls + Counter(GetArtifact=math.ceil(self.sample.artifact_calls)))

    @property
    def erasure(self) -> Effort | None:
        """What an erasure of everything in scope will take; None where the scope is some rows."""
        if not {PROJECTS, ITERATIONS, IMAGES, PREDICTIONS} <= {row.name for row in self.rows}:
            return None
        calls = Counter(GetProjects=1)
        share = self.images / self.places if self.places else 0.0
        for one in self.projects:
            calls += erasure_calls(one, share * sum(place.images for place in one.places))
        return self._effort(calls)

    def _effort(self, calls: Counter[str]) -> Effort:
        return Effort(calls, seconds_for(calls.total(), self.rate))

    @property
    def bytes(self) -> Interval:
        """The bytes of pictures, models and of the records of images and stored predictions."""
        known = sum(stored.record for one in self.projects for stored in one.predictions)
        return interval([*self.sample.strata, Stratum(1, (float(known),))])

    @property
    def download_seconds(self) -> float | None:
        """The seconds that the bytes take at the sample's transfer rate; None if nothing was fetched."""
        rate = self.sample.bytes_per_second
        return self.bytes.estimate / rate if rate else None

    @property
    def export_seconds(self) -> float:
        """The seconds of an export: downloads run beside the calls."""
        return max(self.export.seconds, self.download_seconds or 0.0)

    @property
    def exit_code(self) -> int:
        """3 where something could not be counted or measured."""
        return 3 if self.unlisted or self.sample.failed else 0


def estimate(
    service: "Service",
    scope: Scope,
    sampling: Sampling,
    watch: Callable[[int, int], None] = lambda _done, _total: None,
) -> Estimate:
    """Return the estimate for a scope; raise UsageError for an unknown project, ServiceError as `holdings` does."""
    began = time.monotonic()
    found = Estimate(rows_in(scope), sampling, calls=service.calls)
    entries = projects_in(service, scope) if any(reads_projects(row) for row in found.rows) else []
    found.of_resource = service.calls.copy()
    if service.has_key and any(row.name == ACCOUNT for row in found.rows):
        found.of_resource["GetAccountInfo"] += 1
    of_projects = [row for row in found.rows if row.name != ACCOUNT]
    for number, entry in enumerate(entries):
        watch(number, len(entries))
        one = ProjectCounts(Project(service, entry, details=False), of_projects)
        found.projects.append(one)
        one.read()
    refused = [one.refused for one in found.projects if one.refused]
    if refused and not any(one.allowed for one in found.projects):
        raise refused[0]
    found.sample = sampled(service, found.projects, sampling.size, sampling.seed, sampling.fetching)
    found.seconds = time.monotonic() - began
    return found
