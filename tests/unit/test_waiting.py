"""How long an erasure waits: longer with each look, never beyond its time, and not after a signal."""

import threading

import pytest

from cv_gdpr.delete import waiting as module
from cv_gdpr.delete.waiting import Deadline
from cv_gdpr.errors import Interrupted, ServiceError, Unsteady


class Clock:
    """A clock and an event that waits on it: a wait takes its time at once."""

    def __init__(self):
        self.now, self.waits, self.signal_after = 100.0, [], 99

    def monotonic(self):
        return self.now

    def wait(self, seconds):
        self.waits.append(round(seconds, 6))
        self.now += seconds

    def is_set(self):
        return len(self.waits) > self.signal_after


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def pauses(deadline, most=20):
    """Return how many pauses a deadline allows."""
    return next((number for number in range(most) if not deadline.pause(number)), most)


@pytest.mark.parametrize(
    ("seconds", "waits"),
    [
        (0, []),
        (-1, []),
        (0.25, [0.25]),
        (0.2, [0.2]),
        (1, [0.25, 0.4, 0.35]),
        (60, [0.25, 0.4, 0.64, 1.024, 1.6384, 2.62144, 4.194304, 6.710886, 10.737418, 15, 15, 1.783551]),
    ],
)
def test_each_pause_is_longer_up_to_a_limit(clock, seconds, waits):
    assert pauses(Deadline(clock, seconds)) == len(waits)
    assert clock.waits == pytest.approx(waits, abs=1e-5)
    assert clock.now == pytest.approx(100 + max(seconds, 0))


def test_a_signal_ends_the_wait(clock):
    clock.signal_after = 1
    deadline = Deadline(clock, 60)
    assert deadline.pause(0) is True
    with pytest.raises(Interrupted, match=r"^interrupted$"):
        deadline.pause(1)


def test_a_signal_ends_a_real_wait():
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        Deadline(stop, 60).pause(20)


class Look:
    """Counts that agree after some looks."""

    def __init__(self, after):
        self.after, self.looks = after, 0

    def __call__(self):
        self.looks += 1
        if self.looks <= self.after:
            raise Unsteady(f"look {self.looks}")
        return "found"


@pytest.mark.parametrize(("after", "waits"), [(0, []), (1, [0.25]), (3, [0.25, 0.4, 0.64])])
def test_counts_are_read_again_until_they_agree(clock, after, waits):
    look = Look(after)
    assert Deadline(clock, 60).settled(look) == "found"
    assert (look.looks, clock.waits) == (after + 1, waits)


def test_counts_that_never_agree_are_an_error(clock):
    look = Look(99)
    with pytest.raises(Unsteady, match="look 4"):
        Deadline(clock, 1).settled(look)
    assert clock.waits == [0.25, 0.4, 0.35]


def test_another_error_is_not_waited_for(clock):
    def look():
        raise ServiceError("x")

    with pytest.raises(ServiceError, match=r"^x$"):
        Deadline(clock, 60).settled(look)
    assert clock.waits == []
