"""When an answer counts as late: each period needs some bytes, and the whole a minimum average."""

import time

import pytest

from cv_gdpr.service.checks import Pace

SILENCE = 10.0  # seconds


def late_after(*looks):
    """Return when an answer was late, given (seconds, bytes so far) pairs, or None."""
    pace = Pace(SILENCE)
    begun = time.monotonic()
    for seconds, came in looks:
        pace.came = came
        if pace.is_late(begun + seconds):
            return seconds
    return None


@pytest.mark.parametrize(
    ("looks", "late"),
    [
        ([(9, 0), (11, 0)], 11),
        ([(11, 900)], 11),
        ([(11, 1200), (20, 1200)], None),
        ([(11, 1200), (22, 1300)], 22),
        ([(1, 50_000_000), (11, 50_000_000), (22, 50_000_000)], 22),  # a fast start allows no pause
        ([(step, step * 150) for step in range(2, 100, 2)], 42),  # 150 bytes a second forever
        ([(step, step * 10_500) for step in range(2, 5000, 2)], None),
        ([(39, 4000), (41, 5000)], 41),
        ([(39, 4000), (41, 20_000), (43, 20_000)], 43),
    ],
)
def test_an_answer_is_late(looks, late):
    assert late_after(*looks) == late


def test_without_a_silence_limit_nothing_is_late():
    assert not Pace(float("inf")).is_late(time.monotonic() + 1e9)
