"""The JSON document of the plan of `delete account`, as records; imported on use."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from cv_gdpr.cli.failure import Document, Part
from cv_gdpr.evidence.records import Count, Unread

if TYPE_CHECKING:
    from cv_gdpr.delete.account import AccountPlan
    from cv_gdpr.delete.plan import ProjectPlan


class AccountContents(Part, kw_only=True, frozen=True):
    """A project that dies with its resource: how many items of each row it holds."""

    project: str
    rows: dict[str, Count]
    exported_models: Count


class AccountPlanDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-account-plan/1"):
    """What `delete account --dry-run` prints: the Azure resource that would be deleted, and what dies with it."""

    resource_id: str
    kind: str
    location: str
    live: Annotated[bool, Meta(description="False: it is deleted already, and only the purge is left.")]
    purge: bool
    locks: list[str]
    siblings: Annotated[list[str], Meta(description="Custom Vision resources of the subscription that stay.")]
    projects: Annotated[list[AccountContents] | None, Meta(description="Null: they could not be read, see `unread`.")]
    failed: Annotated[list[Unread], Meta(description="Projects that could not be read, and die all the same.")]
    unread: str
    signed_in_as: str


def of_account_plan(plan: "AccountPlan", who: str) -> AccountPlanDocument:
    """Return the document of a dry run of `delete account` by `who`."""
    contents = plan.contents
    return AccountPlanDocument(
        exit_code=0,
        retryable=False,
        resource_id=str(plan.place),
        kind=plan.kind,
        location=plan.location,
        live=plan.live,
        purge=plan.purge,
        locks=plan.locks,
        siblings=plan.siblings,
        projects=[_contents_of(project) for project in contents.projects] if contents else None,
        failed=contents.failed if contents else [],
        unread=plan.unread,
        signed_in_as=who,
    )


def _contents_of(project: "ProjectPlan") -> AccountContents:
    rows = {row: len(ids) for row, ids in project.rows.items()}
    return AccountContents(project=project.id, rows=rows, exported_models=project.exported_models or 0)
