"""Operations on predictions: the quick test, the stored predictions and their deletion."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from custom_vision_simulator import bodies
from custom_vision_simulator.answers import Answer, bad_request, empty, json_answer, not_found
from custom_vision_simulator.asks import Ask, one_of
from custom_vision_simulator.blobs import fetched
from custom_vision_simulator.bodies import canonical
from custom_vision_simulator.continuations import Place, page, turn
from custom_vision_simulator.domains import DOMAINS
from custom_vision_simulator.records import Guess, Iteration, Prediction, Project
from custom_vision_simulator.shapes import prediction_shape, stored_prediction_shape
from custom_vision_simulator.store import new_id, now

DELETE_MAX = 64
TAGS_MAX = 2
ORDERS = ("Newest", "Oldest", "Suggested")
UNLIKELY = 1e-12
SESSION = "3:3936752"
_ECHOED = ("tags", "iterationId", "startTime", "endTime", "application")


def quick_test_image(ask: Ask) -> Answer:
    """Predict the tags of an image, and store the prediction unless store=false."""
    return _quick_test(ask, ask.files[0][1] if ask.files else ask.body)


def quick_test_image_url(ask: Ask) -> Answer:
    """Predict the tags of a made-up picture for an address, and store the prediction unless store=false."""
    url = ask.json(bodies.URL)["url"]
    if (data := fetched(url)) is None:
        raise bad_request("BadRequestImageUrl", f"Not an address: {url}")
    return _quick_test(ask, data)


def _quick_test(ask: Ask, data: bytes) -> Answer:
    project, stored = ask.project, ask.flag("store", default=True)
    iteration = _tested(ask, project)
    ident = new_id()
    found = guesses(iteration, ident)
    prediction = Prediction(ident, now(), iteration.id, iteration.domain_id, found, len(data), data)
    if stored:
        project.predictions[ident] = prediction
    return json_answer(prediction_shape(project, prediction))


def _tested(ask: Ask, project: Project) -> Iteration:
    if named := ask.ident("iterationId"):
        return ask.store.iteration(project.id, named)
    trained = [each for each in project.iterations.values() if each.status == "Completed"]
    if not trained:
        raise not_found("ProjectDefaultIteration", project.id)
    return trained[-1]


def guesses(iteration: Iteration, ident: str) -> tuple[Guess, ...]:
    """Return made-up predictions for that image id, the same every time: each tag of the iteration, likeliest first.

    The last of several is as unlikely as in the recorded sessions (8.79471951E-13).
    """
    detection = DOMAINS[iteration.domain_id].type == "ObjectDetection"
    box = (0.1, 0.2, 0.3, 0.4) if detection else None
    found = [Guess(tag, _probability(ident, tag.id), box) for tag in iteration.snapshot.tags.values()]
    found.sort(key=lambda each: each.probability, reverse=True)
    if len(found) > 1:
        found[-1] = replace(found[-1], probability=found[-1].probability * UNLIKELY)
    return tuple(found)


def _probability(ident: str, tag_id: str) -> float:
    return zlib.crc32(f"{ident}{tag_id}".encode()) % 1_000_000 / 1_000_000


def delete_prediction(ask: Ask) -> Answer:
    """Delete up to 64 stored predictions; unknown ids are ignored ([infer])."""
    project = ask.project
    ids = ask.many("ids", DELETE_MAX, "BadRequestPredictionIdsExceededCount")
    if not ids:
        raise bad_request("BadRequestPredictionIdsMissing", "ids is required")
    for ident in ids:
        project.predictions.pop(ident, None)
    return empty()


def query_predictions(ask: Ask) -> Answer:
    """Answer a page of stored predictions and the token for the next page; its continuation is null at the end."""
    project, query = ask.project, ask.json(bodies.PREDICTION_QUERY)
    _check_query(query)
    order = one_of("orderBy", query.get("orderBy") or "Newest", ORDERS, "BadRequestPredictionInvalidQueryParameters")
    wanted = turn(query, order == "Newest", ask.options.offsets)
    results, more = page(list(_wanted(project, query)), _place, wanted)
    token = {"session": query.get("session") or SESSION, "continuation": more}
    token |= {"maxCount": query.get("maxCount") or 0, "orderBy": order}
    token |= {key: query.get(key) for key in _ECHOED}
    link = ask.link()
    shapes = [stored_prediction_shape(project, each, link) for each in results]
    return json_answer({"token": token, "results": shapes})


def _check_query(query: dict[str, Any]) -> None:
    if len(query.get("tags") or []) > TAGS_MAX:
        raise bad_request("BadRequestPredictionTagsExceededCount", f"At most {TAGS_MAX} tags can be combined")


def _wanted(project: Project, query: dict[str, Any]) -> Iterable[Prediction]:
    start, end = _moment(query.get("startTime")), _moment(query.get("endTime"))
    iteration_id = canonical(query["iterationId"]) if query.get("iterationId") else None
    for each in project.predictions.values():
        named = iteration_id is None or each.iteration_id == iteration_id
        timely = (start is None or each.created >= start) and (end is None or each.created <= end)
        if named and timely and _fits(each, query):
            yield each


def _fits(prediction: Prediction, query: dict[str, Any]) -> bool:
    if query.get("application") and prediction.application != query["application"]:
        return False
    scores = {each.tag.id: each.probability for each in prediction.guesses}
    return all(
        (each.get("minThreshold") or 0) <= scores.get(canonical(each["id"]), -1) <= (each.get("maxThreshold") or 1)
        for each in query.get("tags") or []
    )


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise bad_request("BadRequestPredictionInvalidQueryParameters", f"Not a time: {text}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _place(prediction: Prediction) -> Place:
    return prediction.created.isoformat(), prediction.id
