"""Operations on predictions: the quick test, the stored predictions and their deletion."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from custom_vision_simulator.answers import Answer, bad_request, empty, json_answer, not_found
from custom_vision_simulator.asks import Ask
from custom_vision_simulator.domains import DOMAINS
from custom_vision_simulator.records import Guess, Iteration, Prediction, Project
from custom_vision_simulator.shapes import prediction_shape, stored_prediction_shape
from custom_vision_simulator.store import new_id, now

DELETE_MAX = 64
TAGS_MAX = 2
PAGE_DEFAULT = 100
UNLIKELY = 1e-12
SESSION = "3:3936752"
_ECHOED = ("tags", "iterationId", "startTime", "endTime", "application")


def quick_test_image(ask: Ask) -> Answer:
    """Predict the tags of an image, and store the prediction unless store=false."""
    project = ask.project
    iteration = _tested(ask, project)
    data = ask.files[0][1] if ask.files else ask.body
    ident = new_id()
    found = guesses(iteration, ident)
    prediction = Prediction(ident, now(), iteration.id, iteration.domain_id, found, len(data), data)
    if ask.flag("store", default=True):
        project.predictions[ident] = prediction
    return json_answer(prediction_shape(project, prediction))


def _tested(ask: Ask, project: Project) -> Iteration:
    if named := ask.query.get("iterationId"):
        return ask.store.iteration(project.id, named.lower())
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
    """Answer a page of stored predictions and the token for the next page; its continuation is null at the end.

    A page holds maxCount predictions, 100 when that is 0 ([infer]). The paging protocol is inferred too: a continuation
    names the last prediction, or with the option `offsets` the number of those before it.
    """
    project, query = ask.project, ask.json()
    _check_query(query)
    size, order = query.get("maxCount") or PAGE_DEFAULT, query.get("orderBy") or "Newest"
    ordered = sorted(_wanted(project, query), key=_place, reverse=order == "Newest")
    rest = _after(ordered, query.get("continuation"), order == "Newest")
    results, link = rest[:size], ask.link()
    more = None
    if len(rest) > size:
        more = _encoded(len(ordered) - len(rest) + size if ask.options.offsets else _place(results[-1]))
    token = {"session": query.get("session") or SESSION, "continuation": more}
    token |= {"maxCount": query.get("maxCount") or 0, "orderBy": order}
    token |= {key: query.get(key) for key in _ECHOED}
    shapes = [stored_prediction_shape(project, each, link) for each in results]
    return json_answer({"token": token, "results": shapes})


def _check_query(query: dict[str, Any]) -> None:
    if len(query.get("tags") or []) > TAGS_MAX:
        raise bad_request("BadRequestPredictionTagsExceededCount", f"At most {TAGS_MAX} tags can be combined")


def _wanted(project: Project, query: dict[str, Any]) -> Iterable[Prediction]:
    start, end = _moment(query.get("startTime")), _moment(query.get("endTime"))
    for each in project.predictions.values():
        named = not query.get("iterationId") or each.iteration_id == query["iterationId"].lower()
        timely = (start is None or each.created >= start) and (end is None or each.created <= end)
        if named and timely and _fits(each, query):
            yield each


def _fits(prediction: Prediction, query: dict[str, Any]) -> bool:
    if query.get("application") and prediction.application != query["application"]:
        return False
    scores = {each.tag.id: each.probability for each in prediction.guesses}
    return all(
        (each.get("minThreshold") or 0) <= scores.get(each["id"], -1) <= (each.get("maxThreshold") or 1)
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


def _place(prediction: Prediction) -> tuple[str, str]:
    return prediction.created.isoformat(), prediction.id


def _encoded(place: tuple[str, str] | int) -> str:
    return base64.b64encode(json.dumps(place).encode()).decode()


def _after(ordered: list[Prediction], continuation: str | None, newest: bool) -> list[Prediction]:
    if not continuation:
        return ordered
    try:
        place = json.loads(base64.b64decode(continuation, validate=True))
        if isinstance(place, int):
            return ordered[place:]
        created, ident = place
    except (binascii.Error, ValueError) as error:
        raise bad_request("BadRequestPredictionInvalidQueryParameters", "Unknown continuation") from error
    last = (created, ident)
    return [each for each in ordered if (_place(each) < last if newest else _place(each) > last)]
