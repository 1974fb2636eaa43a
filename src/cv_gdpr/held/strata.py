"""Sums of what was not measured, from a random sample of it, with an interval of confidence."""

import math
from collections.abc import Iterable
from statistics import NormalDist, fmean, variance
from typing import NamedTuple

CONFIDENCE = 0.95
_DEVIATIONS = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


class Interval(NamedTuple):
    """An estimated sum, and the interval around it, in which the true one lies with a probability of CONFIDENCE."""

    estimate: float
    low: float
    high: float


class Stratum(NamedTuple):
    """So many of one kind, and the values of those that were measured, drawn at random without repetition."""

    size: int = 0
    values: tuple[float, ...] = ()

    @property
    def total(self) -> float:
        """The estimated sum of all values."""
        return self.size * fmean(self.values) if self.values else 0.0

    @property
    def variance(self) -> float:
        """The variance of that estimate; none where all were measured."""
        measured = len(self.values)
        if measured < 2 or measured >= self.size:
            return 0.0
        unseen = 1 - measured / self.size
        return self.size**2 * unseen * variance(self.values) / measured


def interval(strata: Iterable[Stratum]) -> Interval:
    """Return the sum of all strata, with its interval (normal approximation, simple random sampling in each)."""
    drawn = list(strata)
    total = sum(one.total for one in drawn)
    spread = _DEVIATIONS * math.sqrt(sum(one.variance for one in drawn))
    return Interval(total, max(0.0, total - spread), total + spread)
