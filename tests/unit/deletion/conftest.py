"""One simulated service for each module of tests, a client of it, and plans of what it holds."""

import pytest

from custom_vision_simulator import Simulator
from cv_gdpr.delete.planning import make_plan
from cv_gdpr.delete.project import ProjectErasure
from cv_gdpr.delete.run import Run, Terms
from cv_gdpr.table.scope import Scope
from cv_gdpr.table.selection import Selection
from tests.delete.direct import Rounds, ledger_in, service_of


@pytest.fixture(scope="module")
def running():
    """A service in which each test has projects of its own, and a client of it."""
    with Simulator() as sim, service_of(sim) as service:
        yield sim, service


@pytest.fixture
def sim(running):
    """The service, without the faults and projects of a test when that is over."""
    simulator, _ = running
    simulator.calls.clear()
    yield simulator
    simulator.clear_faults()
    simulator.store.projects.clear()


@pytest.fixture
def planned(running, sim):
    """Return the plan of what is in scope; no call is counted yet."""

    def make(*rows, projects=(), protect=(), resumed=False, **selection):
        chosen = Selection(**{name: frozenset(values) for name, values in selection.items()})
        plan = make_plan(running[1], Scope(projects, rows, chosen), protect, resumed=resumed)
        make.operations = {call.operation for call in sim.calls}
        sim.calls.clear()
        return plan

    return make


@pytest.fixture
def erasing(running, tmp_path):
    """Execute the only project of a plan and return the events of its ledger, without those from `before`."""
    _, service = running

    def run(plan, terms=Terms(), *acts, before=(), not_now=None):  # noqa: B008
        with ledger_in(tmp_path, service) as ledger:
            for event in before:
                ledger.write(event)
            erasure = Run(service, plan, ledger, terms, Rounds(*acts))
            run.deadline = erasure.deadline
            try:
                ProjectErasure(erasure, plan.projects[0], not_now).run()
            finally:
                run.events = ledger.events[len(before) :]
            return run.events

    return run
