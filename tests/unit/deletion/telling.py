"""What the direct tests of a deletion share: a small project, and what a ledger tells."""

from dataclasses import replace

from cv_gdpr.delete.run import Terms
from cv_gdpr.evidence.events import Answered, Calling, Left
from tests.delete.erasing import stock

SAVED, CONFIRMED = Terms(from_file=True), Terms(confirmed=True)
NOT_THERE = "00000000-0000-4000-8000-00000000dead"
AGAIN = "; make a new plan"


def small(sim, name="Visitors", **numbers):
    """Add a project without iterations, of five images and one prediction."""
    return stock(sim, name, **{"images": 5, "predictions": 1, "iterations": 0} | numbers)


def sent(events):
    """Return row and ids of each call that was announced."""
    return [(one.row, one.ids) for one in events if isinstance(one, Calling)]


def left(events):
    """Return row, ids, reason and whether it may go later of what was left."""
    return [(one.row, one.ids, one.reason, one.again) for one in events if isinstance(one, Left)]


def statuses(events):
    return [(one.row, one.status) for one in events if isinstance(one, Answered)]


def answers(events):
    return [(one.ids, one.status) for one in events if isinstance(one, Answered)]


def relabel(sim, project, image, subject="eve"):
    """Label an image as another subject's, wherever it is."""
    holder = sim.store.projects[project]
    for place in (holder.workspace, *(one.snapshot for one in holder.iterations.values())):
        if image in place.images:
            place.images[image] = replace(place.images[image], metadata={"subject": subject})


def training(sim, project, status="Training"):
    """Put the last iteration of a project back into training; return it."""
    iteration = next(reversed(sim.store.projects[project].iterations.values()))
    iteration.status, iteration.trained_at = status, None
    return iteration
