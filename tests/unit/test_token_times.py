"""The times of time-stamps against those of the ledger: two clocks may be five minutes apart."""

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from cv_gdpr.evidence.clock import moment
from cv_gdpr.evidence.times import impossible_for
from cv_gdpr.sealing.checking import NONE, PROVEN, Stamped
from tests.unit.happening import LATER, calling, chain_of, ended, opened

ABSENT = Stamped(NONE)
AT = [f"{moment(LATER) + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S.000Z}" for minutes in (0, 10, 20)]


def ledger():
    """Return a ledger that begins, deletes and ends ten minutes apart."""
    *lines, closed = ended(opened({"images": ["a"]}, at=AT[0]), calling("images", "a", at=AT[1]))
    return chain_of(*lines, replace(closed, at=AT[2]))


def at(minutes):
    """Return a time-stamp so many minutes after the run began; None: there is none."""
    return ABSENT if minutes is None else Stamped(PROVEN, moment(LATER) + timedelta(minutes=minutes))


TIMES = {
    "none": ((None, None, None), []),
    "as it should be": ((21, 1, 22), []),
    "clocks apart": ((15, -5, 15), []),
    "a late beginning": ((21, 15, 22), []),
    "evidence before the end": ((14, 1, 22), ["e.tsr: 2026-01-02T00:14:00Z is before the run ended"]),
    "a beginning too early": ((21, -6, 22), ["e.begin.tsr: 2026-01-01T23:54:00Z is before the run began"]),
    "a beginning after a deletion": ((21, 16, 22), ["e.begin.tsr: 2026-01-02T00:16:00Z is after the first deletion"]),
    "a signature before the end": ((None, 1, 14), ["e.sha256.sig.tsr: 2026-01-02T00:14:00Z is before the run ended"]),
    "a signature before the evidence": (
        (40, 1, 34),
        ["e.sha256.sig.tsr: 2026-01-02T00:34:00Z is before what it signs"],
    ),
    "years later": ((10**6, 1, 10**6), []),
}


@pytest.mark.parametrize("name", TIMES)
def test_time_stamps_against_the_ledger(name):
    minutes, expected = TIMES[name]
    found = impossible_for(Path("e.json"), ledger(), *map(at, minutes))
    assert [one.partition(",")[0] for one in found] == expected
