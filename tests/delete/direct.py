"""What the direct tests of deletion share: a service to ask, without a command around it."""

import threading

from cv_gdpr.delete.run import Run, Terms
from cv_gdpr.delete.waiting import Deadline
from cv_gdpr.evidence.ledger import Ledger
from cv_gdpr.service.client import Connection, Service


def service_of(sim):
    """Return a service that asks a simulator at any rate and has no patience; a context manager."""
    return Service(Connection(sim.endpoint, sim.training_key, calls_per_second=0, patience=0))


def run_of(service, plan, ledger, wait=0.0):
    """Return what one step of an erasure works with."""
    return Run(service, plan, ledger, Terms(), Deadline(threading.Event(), wait))


def ledger_in(folder, service):
    """Return an open ledger without an event; a context manager."""
    return Ledger(folder / "ledger.jsonl", service.endpoint)
