"""Operations on suggested tags and regions, which the service stores for each image and iteration.

No operation deletes them: they go with their image or iteration.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from custom_vision_simulator import bodies
from custom_vision_simulator.answers import Answer, bad_request, json_answer, not_found, single
from custom_vision_simulator.asks import Ask, one_of
from custom_vision_simulator.bodies import canonical
from custom_vision_simulator.continuations import Place, page, turn
from custom_vision_simulator.predictions import guesses
from custom_vision_simulator.records import Image, Iteration, Project, Suggestion
from custom_vision_simulator.shapes import Shape, box_shape, guess_shape, zoned
from custom_vision_simulator.store import now

IMAGES_MAX = 64
SORTS = ("UncertaintyAscending", "UncertaintyDescending")
SESSION = "2:523"
_PROPOSED = (0.2903865, 0.256612241, 0.406619, 0.416933)  # box and confidence of a recorded session
_CONFIDENCE = 0.3795618


def suggest_tags_and_regions(ask: Ask) -> Answer:
    """Suggest tags for up to 64 images and store them; unknown images are left out ([infer])."""
    project, iteration = ask.project, _iteration(ask)
    images = [project.workspace.images.get(each) for each in ask.many("imageIds", IMAGES_MAX)]
    made = [_suggestion(iteration, each) for each in images if each]
    project.suggestions.update({(each.iteration_id, each.image_id): each for each in made})
    return json_answer([_shape(project, each, zoned(each.created)) for each in made])


def _iteration(ask: Ask) -> Iteration:
    ask.required("iterationId")
    iteration = ask.store.iteration(ask.ids["projectId"], ask.ident("iterationId"))
    if iteration.status != "Completed":
        raise bad_request("BadRequestIterationIsNotTrained", "The iteration is not trained")
    return iteration


def _suggestion(iteration: Iteration, image: Image) -> Suggestion:
    found = guesses(iteration, image.id)
    entropy = -sum(each.probability * math.log(each.probability) for each in found if each.probability > 0)
    return Suggestion(image.id, iteration.id, iteration.domain_id, now(), found, entropy)


def _shape(project: Project, suggestion: Suggestion, created: str) -> Shape:
    return {
        "id": suggestion.image_id,
        "project": project.id,
        "iteration": suggestion.iteration_id,
        "created": created,
        "predictions": [guess_shape(each) for each in suggestion.guesses],
        "predictionUncertainty": suggestion.uncertainty,
    }


def query_suggested_images(ask: Ask) -> Answer:
    """Answer a page of an iteration's stored suggestions for untagged images, and the token for the next page.

    Without tagIds all of them are answered ([infer]). The id is the image's, and `created` has no zone (recorded
    sessions).
    """
    project, iteration, query = ask.project, _iteration(ask), ask.json(bodies.SUGGESTED)
    order = one_of("sortBy", query.get("sortBy") or SORTS[0], SORTS, "BadRequest")
    wanted = turn(query, order == SORTS[1], ask.options.offsets)
    results, more = page(list(_fitting(project, iteration, query)), _place, wanted)
    token = {"tagIds": query.get("tagIds"), "threshold": query.get("threshold") or 0.0}
    token |= {"session": query.get("session") or SESSION, "continuation": more}
    token |= {"maxCount": query.get("maxCount") or 0, "sortBy": order}
    return json_answer({"token": token, "results": _stored_shapes(ask, results)})


def _place(suggestion: Suggestion) -> Place:
    return suggestion.uncertainty, suggestion.image_id


def _fitting(project: Project, iteration: Iteration, query: dict[str, Any]) -> Iterable[Suggestion]:
    tag_ids, threshold = set(map(canonical, query.get("tagIds") or [])), query.get("threshold") or 0.0
    for each in project.suggestions.values():
        image = project.workspace.images.get(each.image_id)
        named = not tag_ids or bool(_suggested_tags(each, threshold) & tag_ids)
        if each.iteration_id == iteration.id and image and not image.tags and named:
            yield each


def _suggested_tags(suggestion: Suggestion, threshold: float) -> set[str]:
    return {each.tag.id for each in suggestion.guesses if each.probability >= threshold}


def _stored_shapes(ask: Ask, suggestions: list[Suggestion]) -> list[Shape]:
    project = ask.project
    shaper, images = ask.shaper(project.workspace), project.workspace.images
    return [
        {
            **shaper.picture(images[each.image_id]),
            "domain": each.domain_id,
            **_shape(project, each, zoned(each.created).removesuffix("Z")),
        }
        for each in suggestions
    ]


def query_suggested_image_count(ask: Ask) -> Answer:
    """Answer, for each of the tagIds, how many images it is suggested for with at least the threshold."""
    project, iteration, query = ask.project, _iteration(ask), ask.json(bodies.SUGGESTED_COUNT)
    found = [_suggested_tags(each, query.get("threshold") or 0.0) for each in _fitting(project, iteration, {})]
    tag_ids = [canonical(each) for each in query.get("tagIds") or []]
    return json_answer({tag_id: sum(tag_id in each for each in found) for tag_id in tag_ids})


def get_image_region_proposals(ask: Ask) -> Answer:
    """Answer one made-up box for an image; nothing is stored."""
    project, image_id = ask.project, ask.ids["imageId"]
    if image_id not in project.workspace.images:
        raise not_found("Image", image_id)
    proposal = {"confidence": single(_CONFIDENCE), "boundingBox": box_shape(_PROPOSED)}
    return json_answer({"projectId": project.id, "imageId": image_id, "proposals": [proposal]})
