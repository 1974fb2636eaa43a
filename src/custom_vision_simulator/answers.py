"""What the simulator answers: `Answer`, and error bodies in the shapes that the service uses."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON_TYPE = "application/json; charset=utf-8"
_encode = json.JSONEncoder(separators=(",", ":")).encode
_SMALL = re.compile(r"e-\d{2,3}[],}]")
_STRING_OR_SMALL = re.compile(r'"(?:[^"\\]|\\.)*"|(?<=\d)e(?=-\d)')

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
    """An HTTP answer: status, whole body, content type (None: no such header) and other headers."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class ServiceError(Exception):
    """The service refuses; answered as `{"code":...,"message":...}` (published contract, CustomVisionError)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Keep the HTTP status and the service's code and message."""
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    def answer(self) -> Answer:
        """Return the answer that carries this error."""
        return json_answer({"code": self.code, "message": self.message}, self.status)


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer with the value as compact JSON."""
    return Answer(status, json_text(value).encode(), JSON_TYPE, headers or {})


def json_text(value: Any) -> str:
    """Return compact JSON, with numbers as .NET writes them: 8.79471951E-13, 1E-05 (recorded sessions)."""
    text = _encode(value)
    if not _SMALL.search(text):
        return text
    return _STRING_OR_SMALL.sub(lambda found: "E" if found[0] == "e" else found[0], text)


def single(number: float) -> float:
    """Return a number with the digits that .NET writes in single precision: 7 if they suffice, else 9.

    The recorded sessions have 0.2720588 and 0.0339379422.
    """
    (kept,) = struct.unpack("f", struct.pack("f", number))
    short = float(f"{kept:.7g}")
    return short if struct.pack("f", short) == struct.pack("f", kept) else float(f"{kept:.9g}")


def empty(status: int = 204) -> Answer:
    """Return an answer without a body: 204 after a DELETE, 202 when it is carried out later (recorded sessions)."""
    return Answer(status)


def gateway_error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an error of the service's gateway, `{"error":{"code":...,"message":...}}` (users' reports)."""
    return json_answer({"error": {"code": str(status), "message": message}}, status, headers)


class ArmError(Exception):
    """Resource Manager refuses; answered as `{"error":{"code":...,"message":...}}` (recorded)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Keep the HTTP status and Resource Manager's code and message."""
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    def answer(self) -> Answer:
        """Return the answer that carries this error."""
        return json_answer({"error": {"code": self.code, "message": self.message}}, self.status)


def bad_request(code: str, message: str) -> ServiceError:
    """Return the 400 with that code."""
    return ServiceError(400, code, message)


def not_found(kind: str, ident: str) -> ServiceError:
    """Return the 404 `NotFound<kind>` that names the missing id (its text: [infer])."""
    return ServiceError(404, f"NotFound{kind}", f"{kind} {ident} was not found")
