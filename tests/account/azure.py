"""Commands that sign in with the simulator's managed identity, and reach its Resource Manager."""

from dataclasses import dataclass
from typing import Any

from custom_vision_simulator import Simulator
from tests.commandline import CommandLine, Ran


def identity_of(sim: Simulator) -> dict[str, str]:
    """Return the variables with which DefaultAzureCredential signs in as the simulator's managed identity."""
    return {
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        "IDENTITY_ENDPOINT": sim.identity_endpoint,
        "IDENTITY_HEADER": sim.identity_header,
    }


@dataclass(frozen=True)
class Azure:
    """The command line with Resource Manager and the managed identity set up in its variables."""

    sim: Simulator
    cli: CommandLine

    def __call__(self, *arguments: Any, **variables: str) -> Ran:
        """Run a command; `variables` come on top."""
        known = identity_of(self.sim) | {
            "CV_GDPR_RESOURCE_ID": self.sim.resource_id,
            "CV_GDPR_RESOURCE_MANAGER": self.sim.resource_manager,
        }
        return self.cli(*arguments, **(known | variables))
