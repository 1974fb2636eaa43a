"""The cassettes: where they are, what is removed when they are recorded, and their origin."""

import re
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from vcr import VCR
from vcr.request import Request
from vcr.serializers import yamlserializer

from cv_gdpr import __version__

CASSETTES = Path(__file__).parents[2] / "cassettes"
ENDPOINT = "https://resource.example"  # stands for the recorded endpoint
STORAGE = "https://storage.example"  # stands for the recorded blob storage
MANAGER = "https://manager.example"  # stands for the recorded Resource Manager
_OF_OTHERS = {"cognitiveservices.azure.com": "cognitiveservices.example"}  # in the endpoints of neighbours
ORIGIN = f"the simulator of cv-gdpr {__version__}, which stands in for the service"
REDACTED = "REDACTED"
PASSED = pytest.StashKey[bool]()  # of a test: only a passing one replaces its cassette
_HEADER = f"""\
# A recording of HTTP for the contract suite, see docs/contract-suite.md; written by pytest tests/contract --record
recorded_from: {ORIGIN}
"""
_KEPT_HEADERS = {"accept", "content-type"}
_MATCHED_ON = ("method", "scheme", "host", "port", "path", "query", "body")
_SIGNATURE = re.compile(r"(?<=[?&]sig=)[^&\"\s]*")
_EXPIRY = re.compile(r"(?<=[?&])se=[^&\"\s]*&?")
Hosts = dict[str, str]


def cassette_of(row: str) -> Path:
    """Return the path of a row's cassette."""
    return CASSETTES / f"{row}.yaml"


def playing(path: Path, beside: str = "https://beside.example") -> AbstractContextManager[Any]:
    """Answer all HTTP of this process from a cassette, and refuse what is not in it; `beside` is left alone."""
    return _recorder({}, beside).use_cassette(path, record_mode="none")


def recording(path: Path, hosts: Hosts, beside: str = "https://beside.example") -> AbstractContextManager[Any]:
    """Record all HTTP of this process but to `beside`; `hosts` maps each real address or key to what is written."""
    return _recorder(hosts, beside).use_cassette(path, record_mode="all")


def _recorder(hosts: Hosts, beside: str) -> VCR:
    recorder = VCR(
        match_on=_MATCHED_ON,
        before_record_request=lambda request: (
            None if request.uri.startswith(beside) else _scrubbed_request(request, hosts)
        ),
        before_record_response=lambda response: _scrubbed_response(response, hosts),
    )
    recorder.register_serializer(
        "with origin",
        SimpleNamespace(
            deserialize=yamlserializer.deserialize,
            serialize=lambda recorded: _HEADER + yamlserializer.serialize(recorded),
        ),
    )
    recorder.serializer = "with origin"
    return recorder


def scrubbed(text: str, hosts: Hosts) -> str:
    """Return a text without real addresses and link signatures; applying it twice changes nothing more."""
    for real, written in (hosts | _OF_OTHERS).items():
        text = text.replace(real, written)
    return _EXPIRY.sub("", _SIGNATURE.sub(REDACTED, text))


def _scrubbed_request(request: Request, hosts: Hosts) -> Request:
    request.uri = scrubbed(request.uri, hosts)
    request.headers = {name: value for name, value in request.headers.items() if name.lower() in _KEPT_HEADERS}
    return request


def _scrubbed_response(response: dict[str, Any], hosts: Hosts) -> dict[str, Any]:
    polled = {"location", "azure-asyncoperation"}
    response["headers"] = {name: one for name, one in response["headers"].items() if name.lower() not in polled}
    headers = {name.lower(): values for name, values in response["headers"].items()}
    if not str(headers.get("content-type")).lower().startswith(("['application/json", "application/json")):
        return response
    body = scrubbed(response["body"]["string"].decode(), hosts).encode()
    sizes = {name: [str(len(body))] for name in response["headers"] if name.lower() == "content-length"}
    return {**response, "headers": response["headers"] | sizes, "body": {"string": body}}
