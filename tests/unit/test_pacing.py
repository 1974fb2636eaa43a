"""The budget of calls, by a clock of its own: however they come, no second holds more than the service answers."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cv_gdpr.service import pacing
from cv_gdpr.service.pacing import Budget

GAPS = st.lists(st.sampled_from([0.0, 0.01, 0.099, 0.1, 0.35, 2.0]), min_size=12, max_size=60)


class Clock(threading.Event):
    """Time that passes while somebody waits."""

    def __init__(self):
        super().__init__()
        self.now = 100.0

    def wait(self, timeout=None):
        self.now += timeout or 0
        return False


@given(GAPS)
def test_no_second_holds_more_calls_than_are_allowed(gaps):
    clock, budget, sent = Clock(), Budget(10), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pacing.time, "monotonic", lambda: clock.now)
        for gap in gaps:
            clock.now += gap
            budget.take(clock)
            sent.append(clock.now)
    assert all(later - first >= 1 - 1e-6 for first, later in zip(sent, sent[10:], strict=False))
    assert sent[-1] - sent[0] <= sum(gaps) + len(gaps) / 10
