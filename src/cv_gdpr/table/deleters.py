"""How the items of each row are deleted: every function sends one call for a batch of ids and returns the answer."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cv_gdpr.service.client import Answer
    from cv_gdpr.table.readers import Project


def predictions(project: "Project", ids: list[str]) -> "Answer":
    """DeletePrediction; at most 64 ids."""
    return project.service.ask("delete_prediction", project.id, ids)


def publications(project: "Project", ids: list[str]) -> "Answer":
    """UnpublishIteration: a published iteration, and a project that has one, cannot be deleted."""
    return project.service.ask("unpublish_iteration", project.id, ids[0])


def iterations(project: "Project", ids: list[str]) -> "Answer":
    """DeleteIteration, with its performance, its exported models' entries and its copy of tags and images."""
    return project.service.ask("delete_iteration", project.id, ids[0])


def images(project: "Project", ids: list[str]) -> "Answer":
    """DeleteImages from the workspace and from every iteration; at most 256 ids.

    Without `all_iterations` every trained iteration would keep them. The answer is 202: it happens later.
    """
    return project.service.ask("delete_images", project.id, image_ids=ids, all_iterations=True)


def tags(project: "Project", ids: list[str]) -> "Answer":
    """DeleteTag, from the workspace; an iteration keeps its copy until it goes."""
    return project.service.ask("delete_tag", project.id, ids[0])


def projects(project: "Project", ids: list[str]) -> "Answer":
    """DeleteProject, with all that it holds."""
    return project.service.ask("delete_project", ids[0])
