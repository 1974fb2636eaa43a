"""Plans made in memory, of few things."""

from cv_gdpr.delete.plan import Plan, ProjectPlan
from cv_gdpr.evidence.records import TOOL
from tests.unit.happening import ENDPOINT, LISTED_FROM, PROJECT, scope

MARK, CHANGED = "0" * 16, "1" * 16


def project(identity=PROJECT, **fields):
    """Return the plan of one project, with some fields changed."""
    return ProjectPlan(**{"id": identity, "name": "Visitors", "whole": False} | fields)


def plan(*projects, **fields):
    """Return the plan of these projects, with some fields changed."""
    usual = {"tool": TOOL, "endpoint": ENDPOINT, "created": LISTED_FROM, "scope": scope(), "projects": list(projects)}
    return Plan(**usual | {"protected": [], "unmatched": [], "failed": []} | fields)
