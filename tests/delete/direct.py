"""What the direct tests of deletion share: a client of the simulator, without the command line."""

import threading

from cv_gdpr.delete.run import Run, Terms
from cv_gdpr.delete.waiting import Deadline
from cv_gdpr.evidence.ledger import Ledger
from cv_gdpr.service.client import Connection, Service


def service_of(sim):
    """Return a client of a simulator, without a rate limit or retries; a context manager."""
    return Service(Connection(sim.endpoint, sim.training_key, calls_per_second=0, patience=0))


def run_of(service, plan, ledger, wait=0.0):
    """Return the Run that one step of an erasure works with."""
    return Run(service, plan, ledger, Terms(), Deadline(threading.Event(), wait))


def ledger_in(folder, service):
    """Return a new ledger; a context manager."""
    return Ledger(folder / "ledger.jsonl", service.endpoint)


class Rounds(Deadline):
    """A deadline without time: each pause does the next act, and the pause after the last one is the end."""

    def __init__(self, *acts):
        super().__init__(threading.Event(), 0)
        self.acts = list(acts)
        self.rounds = []

    def pause(self, round_):
        self.rounds.append(round_)
        if not self.acts:
            return False
        self.acts.pop(0)()
        return True
