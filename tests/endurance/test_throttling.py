"""How fast the service and its storage are called: within the rate limit, and slower when storage is overloaded."""

import time

import pytest

from custom_vision_simulator import Fault
from cv_gdpr.downloads import limit as limits
from cv_gdpr.downloads.limit import AdaptiveLimit
from tests.endurance.enduring import before, simulator
from tests.export.exporting import assert_bag, towards


def most_in_a_second(calls):
    moments = sorted(call.when for call in calls)
    return max(sum(first <= moment < first + 1 for moment in moments) for first in moments)


def test_several_projects_at_once_stay_within_the_services_rate(cli, tmp_path):
    with simulator(calls_per_second=10) as sim:
        sim.fill(projects=5, images=4, image_bytes=60)
        ran = towards(cli, sim)("export", "--all", "--out", tmp_path / "out", CV_GDPR_EXPORT_CALLS_PER_SECOND="10")
        assert ran.code == 0, ran.err
        assert most_in_a_second(sim.calls) <= 14  # 10, but on a busy machine some arrive late
        assert sum(call.status == 429 for call in sim.calls) < len(sim.calls) / 8
        assert len(sim.calls) > 40
    assert_bag(tmp_path / "out")


@pytest.mark.parametrize("retry_after", [True, False])
def test_too_high_a_rate_is_lowered_and_nothing_is_missed(cli, tmp_path, retry_after):
    with simulator(calls_per_second=12, retry_after=retry_after) as sim:
        sim.fill(projects=2, images=4, image_bytes=60)
        words = ("--calls-per-second", "0", "--patience", "30")
        ran = towards(cli, sim)("export", "--all", *words, "--out", tmp_path / "out")
        assert ran.code == 0, ran.err
        refused = sum(call.status == 429 for call in sim.calls)
        assert 0 < refused < len(sim.calls) / 2
    assert_bag(tmp_path / "out")


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test turns."""
    now = [100.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    return now


def test_the_limit_halves_per_burst_and_recovers_by_round(clock):
    limit = AdaptiveLimit(32)
    assert limit.now == 32
    for _ in range(20):
        limit.overrun()
    assert limit.now == 16
    clock[0] += 0.6
    limit.overrun()
    assert limit.now == 8
    for _ in range(9):
        limit.succeeded()
    assert limit.now == 9
    for _ in range(2000):
        limit.succeeded()
    assert limit.now == 32


def test_the_limit_never_falls_below_one(clock):
    limit = AdaptiveLimit(4)
    for _ in range(50):
        clock[0] += 1
        limit.overrun()
    assert limit.now == 1
    limit.succeeded()
    assert limit.now == 2
    assert AdaptiveLimit(1).now == 1


def test_fewer_downloads_run_after_storage_is_overloaded(sim, cli, tmp_path):
    sim.fill(images=300, image_bytes=60)
    sim.options.blob_latency = 0.1
    under_way, at_once = [], []

    def note(_):
        now = time.monotonic()
        under_way[:] = [one for one in under_way if one > now - 0.1]
        under_way.append(now)
        at_once.append(len(under_way))

    before(sim, {"Blob"}, note)
    sim.fault(Fault("Blob", status=503, after=64, times=24))
    words = ("--connections", "32", "--patience", "20")
    assert cli("export", "images", "--all", *words, "-q", "--out", tmp_path / "out").code == 0
    # A request counts for as long as its answer takes: what was asked before it fell ran out first.
    assert max(at_once[:64]) > 24
    assert min(max(at_once[start : start + 12]) for start in range(90, 200)) <= 20


def test_one_connection_does_not_delay_the_listing(sim, cli, tmp_path):
    sim.fill(images=50, image_bytes=60)
    sim.fault(Fault("Blob", delay=1))
    assert cli("export", "images", "--all", "--connections", "1", "--out", tmp_path / "out").code == 0
    listed = max(call.when for call in sim.calls if call.operation == "GetTaggedImages")
    counted = [call.when for call in sim.calls if call.operation == "GetImageCount"]
    assert listed < max(counted) < sim.blob_requests[1].when


def test_a_refusal_holds_all_other_calls_too(cli, tmp_path):
    with simulator() as sim:
        sim.fill(projects=4, images=4, image_bytes=60, iterations=2)
        refused = Fault("GetTags", status=429, headers={"Retry-After": "2"})
        sim.fault(refused)
        ran = towards(cli, sim)("export", "--all", "--calls-per-second", "40", "--out", tmp_path / "out")
        assert ran.code == 0, ran.err
        (when,) = (call.when for call in sim.calls if call.status == 429)
        later = [call.when - when for call in sim.calls if call.when > when]
        assert [seconds for seconds in later if 0.8 < seconds < 1.9] == []  # what was under way arrives before that
        assert len([seconds for seconds in later if seconds > 1.9]) > 10
