"""The budget of calls, with a simulated clock: in no second do more calls arrive than the service answers."""

import math
import threading
from contextlib import ExitStack, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cv_gdpr.service import pacing
from cv_gdpr.service.pacing import Budget

WAY = 0.02  # seconds to the service, and the same back
PAUSES = st.sampled_from([0.0, 0.001, 0.02, 0.099, 0.35, 2.0])
LATE = st.sampled_from([0.0, 0.001, 0.03, 0.1])  # extra seconds for a call to arrive
BUSY = st.sampled_from([0.0, 0.004, 0.3, 5.0])  # seconds that the service takes to answer
CALLS = st.lists(st.tuples(PAUSES, LATE, BUSY), min_size=12, max_size=60)


class Clock(threading.Event):
    """A clock that advances during waits, and answers calls meanwhile."""

    def __init__(self):
        super().__init__()
        self.now = 100.0
        self.under_way = []

    def wait(self, timeout=None):
        until = self.now + (timeout or 0)
        for moment, call in sorted(self.under_way, key=lambda one: one[0]):
            if moment <= until:
                self.now = moment
                call.close()
        self.under_way = [one for one in self.under_way if one[0] > until]
        self.now = until
        return False

    def call(self, budget, seconds):
        """Make a call that is answered after so many seconds; return when it is sent."""
        call = ExitStack()
        call.enter_context(budget.turn("GetProject", self))
        self.under_way.append((self.now + seconds, call))
        return self.now


@contextmanager
def ticking():
    """Return the clock that the budget uses."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pacing.time, "monotonic", lambda: clock.now)
        yield clock


@pytest.fixture
def clock():
    with ticking() as clock:
        yield clock


def apart(moments, calls):
    """Return the shortest time from a call to the n-th after it."""
    return min(later - first for first, later in zip(moments, moments[calls:], strict=False))


@pytest.mark.slow
@given(CALLS)
def test_no_second_holds_more_calls_than_are_allowed(calls):
    budget, arrived = Budget(10), []
    with ticking() as clock:
        for pause, late, busy in [(WAY * 2, 0, 0), *calls]:  # the first call shows the shortest round trip
            arrived.append(clock.call(budget, WAY + late + busy + WAY) + WAY + late)
            clock.wait(pause)
    assert apart(sorted(arrived), 10) >= 1 - 1e-6
    assert clock.now - 100 <= sum(pause for pause, _, _ in calls) + WAY * 2 + 1.107 * (len(calls) // 10) + 1e-6


@pytest.mark.slow
@given(CALLS)
def test_calls_without_delay_use_the_full_rate(calls):
    budget = Budget(10)
    with ticking() as clock:
        for pause, _, _ in [(WAY * 2, 0, 0), *calls]:
            clock.call(budget, WAY * 2)
            clock.wait(pause)
    assert clock.now - 100 <= sum(pause for pause, _, _ in calls) + WAY * 4 + 1.007 * (len(calls) // 10) + 1e-6


@pytest.mark.parametrize("per_second", [0.01, 0.5, 1, 1.5, 2.9, 3, 9.5, 10, 11, 37.3, 1000])
def test_no_second_holds_more_than_the_rate(clock, per_second):
    budget = Budget(per_second)
    sent = []
    for _ in range(3 * math.ceil(per_second) + 3):
        sent.append(clock.call(budget, 0))
        clock.wait(0)
    assert apart(sent, math.ceil(per_second)) >= 1


@pytest.mark.parametrize(
    ("per_second", "calls", "seconds"), [(10, 10, 0), (10, 90, 8), (3, 30, 9), (0.5, 11, 20), (2.5, 11, 4), (0, 900, 0)]
)
def test_calls_answered_at_once_use_the_full_rate(clock, per_second, calls, seconds):
    budget = Budget(per_second)
    for _ in range(calls):
        clock.call(budget, 0)
        clock.wait(0)
    assert clock.now - 100 == pytest.approx(seconds, rel=0.006)


def test_calls_are_spaced_after_the_second_refusal(clock):
    budget = Budget(10)
    for least in (0, 0.1, 0.15, 0.225):
        for _ in range(5):
            budget.hold(2)  # several refusals at once count as one
        began = clock.now
        sent = [clock.call(budget, 30) for _ in range(10)]
        assert sent[0] - began == pytest.approx(2)
        assert apart(sent, 1) >= least - 1e-6
        assert sent[-1] - sent[0] <= max(0.9, 9 * least) * 1.12


@pytest.mark.parametrize("per_second", [3, 10, 100])
def test_calls_before_a_refusal_still_count(clock, per_second):
    budget, sent = Budget(per_second), []
    for number in range(3 * per_second):
        sent.append(clock.call(budget, 0))
        clock.wait(0)
        if number in {per_second - 2, per_second - 1}:
            clock.wait(0.05)
            budget.hold(0.01)
    assert apart(sent, per_second) >= 1


def test_a_long_run_recovers_from_occasional_refusals(clock):
    budget = Budget(10)
    for number in range(2000):
        if number % 100 == 50:
            budget.hold(1)
        clock.call(budget, 0)
        clock.wait(0)
    assert 200 <= clock.now - 100 <= 2000 / 10 + 20 * 2.5


def test_the_rate_adapts_to_a_slower_service(clock):
    budget, recent, refused = Budget(10), [], 0
    for _ in range(300):
        sent = clock.call(budget, 0)
        clock.wait(0)
        recent = [moment for moment in recent if moment > sent - 1]
        if len(recent) >= 3:
            refused += 1
            budget.hold(1)
        else:
            recent.append(sent)
    assert refused <= 300 / 6
    assert clock.now - 100 <= 2 * 300 / 3


def test_a_stopped_run_does_not_wait(clock):
    budget = Budget(1)
    clock.call(budget, 0)
    clock.set()
    clock.call(budget, 0)
    assert clock.now == 100
