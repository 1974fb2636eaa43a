"""What the simulated service answers: `Answer` and the error bodies in the shapes the service uses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON_TYPE = "application/json; charset=utf-8"
_encode = json.JSONEncoder(separators=(",", ":")).encode

DENIED = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key "
    "for an active subscription and use a correct regional API endpoint for your resource."
)
TOO_FAST = (
    "Requests to the {operation} Operation under Custom_Vision_Training_3.4 have exceeded rate limit of your "
    "current Custom_Vision.Training F0 pricing tier. Please retry after 1 second. To increase your rate limit "
    "switch to a paid tier."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status, whole body, content type (None: no such header) and further headers."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class ServiceError(Exception):
    """The service refuses: answered as `{"code":...,"message":...}` (published contract, CustomVisionError)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Keep the HTTP status and the service's code and message."""
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    def answer(self) -> Answer:
        """Give the answer that carries this error."""
        return json_answer({"code": self.code, "message": self.message}, self.status)


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Give an answer with the value as compact JSON."""
    return Answer(status, _encode(value).encode(), JSON_TYPE, headers or {})


def empty(status: int = 204) -> Answer:
    """Give an answer without a body: 204 after a DELETE, 202 when it is carried out later (recorded sessions)."""
    return Answer(status)


def gateway_error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Give an error of the gateway before the service, `{"error":{"code":...,"message":...}}` (users' reports)."""
    return json_answer({"error": {"code": str(status), "message": message}}, status, headers)


def bad_request(code: str, message: str) -> ServiceError:
    """Give the 400 of that code."""
    return ServiceError(400, code, message)


def not_found(kind: str, ident: str) -> ServiceError:
    """Give the 404 `NotFound<kind>` that names the missing id ([infer] the text)."""
    return ServiceError(404, f"NotFound{kind}", f"{kind} {ident} was not found")
