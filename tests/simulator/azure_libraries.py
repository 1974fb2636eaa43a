"""The real Azure libraries, pointed at a simulator: azure-identity signs in, azure-mgmt-cognitiveservices asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.identity import DefaultAzureCredential
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

from custom_vision_simulator import Simulator

MANAGEMENT = "https://management.azure.com/.default"
COGNITIVE = "https://cognitiveservices.azure.com/.default"
PLAIN = {"enforce_https": False, "retry_total": 0}
AT_ONCE = {**PLAIN, "polling_interval": 0}
GROUP, NAME, PLACE = "simulated-group", "simulated", "westeurope"
VERSION = "api-version=2025-09-01"


@contextmanager
def identity(sim: Simulator) -> Iterator[DefaultAzureCredential]:
    """Yield the credential that a program on Azure App Service would use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
        patch.setenv("IDENTITY_ENDPOINT", sim.identity_endpoint)
        patch.setenv("IDENTITY_HEADER", sim.identity_header)
        with DefaultAzureCredential(retry_total=0) as credential:
            yield credential


@contextmanager
def manager(sim: Simulator, scope: str = MANAGEMENT) -> Iterator[CognitiveServicesManagementClient]:
    """Yield the management client of a simulator's subscription, signed in for that scope."""
    with (
        identity(sim) as credential,
        CognitiveServicesManagementClient(
            credential, sim.subscription, base_url=sim.resource_manager, credential_scopes=[scope]
        ) as client,
    ):
        yield client


def send(client: CognitiveServicesManagementClient, method: str, url: str, body: Any = None) -> Any:
    """Return the answer to a request that the library has no method for, signed in like all others."""
    return client._send_request(HttpRequest(method, url, json=body), **PLAIN)


def refused(call, *values, **more):
    """Return status, code and message of the refusal of a call."""
    with pytest.raises(HttpResponseError) as caught:
        call(*values, **PLAIN, **more)
    return caught.value.status_code, caught.value.error.code, caught.value.error.message
