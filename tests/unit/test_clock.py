"""The clock of a ledger: its times never run backwards, and it follows the machine's clock forwards."""

from datetime import UTC, datetime, timedelta

import pytest

from cv_gdpr.errors import UsageError
from cv_gdpr.evidence.clock import Clock, moment

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Machine:
    """A machine whose clock can be set."""

    def __init__(self):
        self.passed, self.wrong = 0.0, 0.0
        self.clock = Clock(lambda: NOON + timedelta(seconds=self.passed + self.wrong), lambda: self.passed)

    def after(self, seconds, *, set_by=0.0):
        """Return what the clock tells when seconds have passed, and it was set meanwhile, as seconds since noon."""
        self.passed += seconds
        self.wrong += set_by
        return (moment(self.clock.tell()) - NOON).total_seconds()


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([(0, 0), (1, 0), (2, 0)], [0, 1, 3]),
        ([(1, 0), (1, 3600), (1, 0)], [1, 3602, 3603]),
        ([(10, 0), (1, -3600), (1, 0), (1, 3600)], [10, 11, 12, 13]),
        ([(10, 0), (1, -5), (1, 0), (8, 0)], [10, 11, 12, 20]),
        ([(10, 0), (0.0004, -0.5), (0.0004, 0)], [10, 10, 10]),
        ([(5, -3), (1, -3), (1, -3), (1, 10)], [2, 3, 4, 9]),
    ],
    ids=["untouched", "set forward", "set back and forward", "set back", "by a little", "again and again"],
)
def test_times_never_run_backwards(steps, told):
    machine = Machine()
    assert [machine.after(passed, set_by=by) for passed, by in steps] == told


def test_it_follows_what_another_machine_wrote():
    machine = Machine()
    machine.clock.follow("2026-01-01T12:04:00.500Z", "the line")
    assert [machine.after(1), machine.after(300)] == [241.5, 541.5]
    machine.clock.follow("2026-01-01T11:00:00Z", "an earlier line")
    assert machine.after(1) == 542.5


def test_far_behind_it_does_not_follow():
    machine = Machine()
    with pytest.raises(UsageError) as refused:
        machine.clock.follow("2026-01-01T12:05:01Z", "the line")
    assert refused.value.message == (
        "the line is of 2026-01-01T12:05:01Z, and this machine's clock says 2026-01-01T12:00:00.000Z"
    )
    assert machine.after(1) == 1
