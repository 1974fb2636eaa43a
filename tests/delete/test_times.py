"""The times of a ledger never run backwards, also where another machine's clock wrote the plan or the lines before."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.delete.erasing import calls, stock
from tests.delete.test_plan import rehashed


def cut_off(erase, ahead):
    """Leave the first lines of the last run's ledger alone, as a machine wrote them whose clock was ahead."""
    lines, previous = erase.ledger[:3], "0" * 64
    for line in lines:
        at = datetime.fromisoformat(line["at"]) + ahead
        line |= {"at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "previous": previous}
        previous = hashlib.sha256(written(line)).hexdigest()
    erase.ledger_file.write_bytes(b"".join(written(line) + b"\n" for line in lines))
    for file in (erase.path, *erase.files[2:]):
        file.unlink()
    return erase.ledger_file.read_bytes()


def written(line):
    return json.dumps(line, separators=(",", ":")).encode()


def test_a_run_follows_the_lines_before_it(sim, erase):
    stock(sim, images=1, predictions=0, iterations=0)
    erase("--all", evidence="e.json")
    cut_off(erase, timedelta(minutes=4))

    assert erase("--all", evidence="e.json").code == 0

    times = [event["at"] for event in erase.ledger]
    assert times == sorted(times)
    assert erase.ledger[3]["event"] == "resumed"
    assert erase.verified() == 0


def test_a_clock_far_behind_the_ledger_is_refused(sim, erase):
    stock(sim, images=1, predictions=0, iterations=0)
    erase("--all", evidence="e.json")
    before = cut_off(erase, timedelta(hours=1))
    stock(sim, images=1, predictions=0, iterations=0)

    ran = erase("--all", evidence="e.json")

    assert ran.code == 2
    assert "the last line of" in ran.err
    assert "set the clock that is wrong" in ran.err
    assert erase.ledger_file.read_bytes() == before
    assert len(calls(sim, "DeleteProject")) == 1  # of the run before


@pytest.mark.parametrize(("ahead", "code"), [(timedelta(minutes=4), 0), (timedelta(hours=1), 2)])
def test_a_plan_of_another_clock(sim, erase, tmp_path, ahead, code):
    stock(sim, images=1, predictions=0, iterations=0)
    plan = tmp_path / "plan.json"
    erase("--all", "--dry-run", "--save-plan", plan, confirmed=False)
    body = json.loads(plan.read_text())
    plan.write_text(json.dumps(rehashed(body | {"created": f"{datetime.now(UTC) + ahead:%Y-%m-%dT%H:%M:%SZ}"})))

    ran = erase("--plan", plan)

    assert ran.code == code, ran.err
    assert len(calls(sim, "DeleteProject")) == (1 if code == 0 else 0)
    if code:
        assert "the plan is of" in ran.err
        assert not erase.ledger_file.exists()
    else:
        assert erase.verified() == 0
