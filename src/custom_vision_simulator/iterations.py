"""Operations on iterations: training, publishing, performance and exported models."""

from __future__ import annotations

import zlib
from functools import partial
from typing import Any

from custom_vision_simulator import bodies
from custom_vision_simulator.answers import Answer, ServiceError, bad_request, empty, json_answer, single
from custom_vision_simulator.asks import Ask, one_of
from custom_vision_simulator.domains import DOMAINS, FLAVORS, PLATFORMS
from custom_vision_simulator.listings import page
from custom_vision_simulator.predictions import guesses
from custom_vision_simulator.records import Export, Image, Iteration, Project, Tag
from custom_vision_simulator.shapes import Shape, export_shape, guess_shape, iteration_shape
from custom_vision_simulator.store import new_id, now

VALIDATION_EVERY = 5
TRAINING_TYPES = ("Regular", "Advanced")
DEVIATION = 0.00001


def get_iterations(ask: Ask) -> Answer:
    """Answer all iterations; the workspace is never among them from v2.0 on (recorded sessions)."""
    project = ask.project
    return json_answer([iteration_shape(project, each) for each in project.iterations.values()])


def get_iteration(ask: Ask) -> Answer:
    """Answer one iteration."""
    return json_answer(iteration_shape(ask.project, ask.iteration))


def update_iteration(ask: Ask) -> Answer:
    """Rename an iteration."""
    iteration = ask.iteration
    iteration.name = ask.json(bodies.ITERATION).get("name") or iteration.name
    iteration.last_modified = now()
    return get_iteration(ask)


def delete_iteration(ask: Ask) -> Answer:
    """Remove an iteration and what it suggested; 400 while it is published or ([infer]) in training."""
    project, iteration = ask.project, ask.iteration
    if iteration.publish_name:
        raise published(iteration)
    if iteration.status == "Training":
        raise bad_request("BadRequestTrainingAlreadyInProgress", "The iteration is still training")
    del project.iterations[iteration.id]
    project.suggestions = {key: each for key, each in project.suggestions.items() if key[0] != iteration.id}
    return empty()


def published(iteration: Iteration) -> ServiceError:
    """Return the 400 for an operation that a published iteration does not allow (text from a user's log)."""
    message = f"Iteration is already published as: {iteration.publish_name}"
    return bad_request("BadRequestIterationIsPublished", message)


def train_project(ask: Ask) -> Answer:
    """Start training on a frozen copy of the workspace; 400 when there is nothing to train, or nothing new."""
    project, parameters = ask.project, ask.options_json(bodies.TRAINING)
    kind, hours = ask.choice("trainingType", TRAINING_TYPES, "Regular"), ask.number("reservedBudgetInHours", 0)
    _check_training(ask, project)
    iteration = freeze(project)
    iteration.training_type, iteration.budget_hours = kind, hours
    iteration.base_model = parameters.get("customBaseModelInfo")
    ask.store.later(ask.options.train_seconds / 2, partial(_prepare, iteration))
    ask.store.later(ask.options.train_seconds, partial(complete, iteration))
    return json_answer(iteration_shape(project, iteration))


def _prepare(iteration: Iteration) -> None:
    # Recorded sessions: after about half of a training, domain, exportableTo [] and a minute of training are filled in.
    iteration.prepared, iteration.training_minutes, iteration.last_modified = True, 1, now()


def _check_training(ask: Ask, project: Project) -> None:
    if len(project.iterations) >= ask.limits.iterations:
        raise bad_request("BadRequestExceedIterationPerProjectLimit", "The iteration limit is reached")
    if any(each.status == "Training" for each in project.iterations.values()):
        raise bad_request("BadRequestTrainingAlreadyInProgress", "A training is already in progress")
    if not any(image.tags for image in project.workspace.images.values()):
        kind = "Classification" if project.settings["classificationType"] else "Detection"
        raise bad_request(f"BadRequest{kind}TrainingValidationFailed", "Not enough images for training")
    last = next(reversed(project.iterations.values()), None)
    if last and last.snapshot == project.workspace and not ask.flag("forceTrain"):
        raise bad_request("BadRequestTrainingNotNeeded", "Nothing changed since last training")


def freeze(project: Project, ident: str | None = None) -> Iteration:
    """Add an iteration in training with a frozen copy of the workspace: same tag and image ids, shared blobs.

    It was created when the workspace began, which is long before its training (recorded sessions).
    """
    project.trainings += 1
    created, project.workspace_created = project.workspace_created or project.created, now()
    iteration = Iteration(
        id=ident or new_id(),
        name=f"Iteration {project.trainings}",
        created=created,
        last_modified=project.workspace_created,
        domain_id=project.settings["domainId"],
        classification_type=project.settings["classificationType"],
        snapshot=project.workspace.copy(),
    )
    project.iterations[iteration.id] = iteration
    return iteration


def complete(iteration: Iteration) -> None:
    """Complete an iteration that is in training."""
    if iteration.status != "Training":
        return
    iteration.status = "Completed"
    iteration.trained_at = iteration.last_modified = now()
    iteration.exportable = DOMAINS[iteration.domain_id].exportable
    iteration.training_minutes = 1


def publish_iteration(ask: Ask) -> Answer:
    """Publish a completed iteration under a name; 400 when it is published or the name is taken."""
    iteration = ask.iteration
    name, resource = ask.required("publishName", "BadRequestInvalidPublishName"), ask.required("predictionId")
    if iteration.status != "Completed":
        raise bad_request("BadRequestIterationIsNotTrained", "The iteration is not trained")
    if iteration.publish_name:
        raise published(iteration)
    holder = next((each for each in ask.project.iterations.values() if each.publish_name == name), None)
    if holder and not ask.flag("overwrite"):
        raise bad_request("BadRequestInvalidPublishName", f"Publish name {name} is already in use")
    if holder:
        holder.publish_name = holder.publish_resource = None
    iteration.publish_name, iteration.publish_resource = name, resource
    return json_answer(True)


def unpublish_iteration(ask: Ask) -> Answer:
    """Unpublish an iteration; 400 BadRequestIterationNotPublished when it is not published."""
    iteration = ask.iteration
    if not iteration.publish_name:
        raise bad_request("BadRequestIterationNotPublished", "The iteration is not published")
    iteration.publish_name = iteration.publish_resource = None
    return empty()


def get_iteration_performance(ask: Ask) -> Answer:
    """Answer made-up figures for each tag, the same every time; 404 NotFoundIterationPerformance unless completed."""
    iteration = _completed(ask)
    per_tag = [_tag_performance(each) for each in iteration.snapshot.tags.values()]
    return json_answer({"perTagPerformance": per_tag, **_figures(iteration.id)})


def _completed(ask: Ask) -> Iteration:
    iteration = ask.iteration
    if iteration.status != "Completed":
        raise ServiceError(404, "NotFoundIterationPerformance", "The iteration has no performance yet")
    return iteration


def _tag_performance(tag: Tag) -> Shape:
    return {"id": tag.id, "name": tag.name, **_figures(tag.id)}


def _figures(ident: str) -> dict[str, float]:
    base = single(0.8 + zlib.crc32(ident.encode()) % 200 / 1000)
    return {
        "precision": base,
        "precisionStdDeviation": DEVIATION,
        "recall": single(base - 0.05),
        "recallStdDeviation": DEVIATION,
        "averagePrecision": base,
    }


def get_image_performances(ask: Ask) -> Answer:
    """Answer a page of the validation split with predictions (published contract; never recorded)."""
    iteration = _completed(ask)
    shaper = ask.shaper(iteration.snapshot)
    chosen = page(ask, _validation(ask, iteration))
    return json_answer([shaper.performance(each, _guesses(iteration, each)) for each in chosen])


def get_image_performance_count(ask: Ask) -> Answer:
    """Answer the size of the validation split, about every 5th image (recorded: 2 of 10)."""
    return json_answer(len(_validation(ask, _completed(ask))))


def _validation(ask: Ask, iteration: Iteration) -> list[Image]:
    tagged = [each for each in iteration.snapshot.images.values() if each.tags]
    wanted = set(ask.many("tagIds", 20))
    split = tagged[::VALIDATION_EVERY]
    return [each for each in split if not wanted or any(tag.tag_id in wanted for tag in each.tags)]


def _guesses(iteration: Iteration, image: Image) -> list[Shape]:
    return [guess_shape(each) for each in guesses(iteration, image.id)]


def get_exports(ask: Ask) -> Answer:
    """Answer the exported models of an iteration."""
    iteration, link = ask.iteration, ask.link()
    return json_answer([export_shape(ask.project, iteration, each, link) for each in iteration.exports])


def export_iteration(ask: Ask) -> Answer:
    """Start an export; 400 when not exportable or when platform and flavor were exported before (SDK issue 23922)."""
    iteration = ask.iteration
    platform, flavor = _target(ask)
    _check_export(iteration, platform, flavor)
    export = Export(platform, flavor)
    iteration.exports.append(export)
    ask.store.later(ask.options.export_seconds, partial(_finish, export))
    return json_answer(export_shape(ask.project, iteration, export, ask.link()))


def _target(ask: Ask) -> tuple[str, str | None]:
    code = "BadRequestExportValidationFailed"
    platform = one_of("platform", ask.required("platform"), [*PLATFORMS, "IVS"], code)
    return platform, ask.choice("flavor", ["", *FLAVORS], "", code) or None


def _check_export(iteration: Iteration, platform: str, flavor: str | None) -> None:
    if iteration.status == "Training":
        raise bad_request("BadRequestExportWhileTraining", "The iteration is still training")
    if platform not in DOMAINS[iteration.domain_id].platforms:
        raise bad_request("BadRequestExportValidationFailed", f"The iteration cannot be exported to {platform}")
    known: list[tuple[Any, ...]] = [(each.platform, each.flavor) for each in iteration.exports]
    if (platform, flavor) in known:
        raise bad_request("BadRequestExportAlreadyInProgress", f"{iteration.id} is already queued for export")


def _finish(export: Export) -> None:
    if export.status == "Exporting":
        export.status = "Done"
