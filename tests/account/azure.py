"""Commands that sign in with the simulator's managed identity, and reach its Resource Manager."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from custom_vision_simulator import Simulator
from custom_vision_simulator.accounts import Accounts
from tests.commandline import CommandLine, Ran

OTHER = "5ca1ab1e-0000-4000-8000-00000000ffff"


def identity_of(sim: Simulator) -> dict[str, str]:
    """Return the variables with which DefaultAzureCredential signs in as the simulator's managed identity."""
    return {
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        "IDENTITY_ENDPOINT": sim.identity_endpoint,
        "IDENTITY_HEADER": sim.identity_header,
    }


def manager_of(sim: Simulator) -> dict[str, str]:
    """Return the variables that name the Azure resource, with little patience."""
    return {
        "CV_GDPR_RESOURCE_ID": sim.resource_id,
        "CV_GDPR_RESOURCE_MANAGER": sim.resource_manager,
        "CV_GDPR_EXPORT_PATIENCE": "0.1",
        "CV_GDPR_DELETE_PATIENCE": "0.1",
    }


@dataclass
class Azure:
    """The command line with Resource Manager and the managed identity set up in its variables."""

    sim: Simulator
    folder: Path
    runs: list[Path] = field(default_factory=list)

    def __call__(self, *arguments: Any, **variables: str) -> Ran:
        """Run a command; `variables` come on top."""
        line = CommandLine(self.sim.endpoint, self.sim.training_key)
        ran = line(*arguments, **(identity_of(self.sim) | manager_of(self.sim) | variables))
        assert "Traceback" not in ran.out + ran.err
        return ran

    def export(self, *arguments: Any, **variables: str) -> Ran:
        """Run `export account --json` into a new folder."""
        self.runs.append(self.folder / f"export-{len(self.runs)}")
        return self("export", "account", "--json", "--out", self.runs[-1], *arguments, **variables)

    def delete(self, *arguments: Any, evidence: str = "", wait: str = "0.4", **variables: str) -> Ran:
        """Run `delete account --yes --confirm NAME --json` with new evidence."""
        self.runs.append(self.folder / (evidence or f"evidence-{len(self.runs)}.json"))
        confirmed = ("--yes", "--confirm", self.sim.options.account_name, "--json", "--wait", wait)
        return self("delete", "account", *confirmed, "--evidence", self.runs[-1], *arguments, **variables)

    @property
    def last(self) -> Path:
        """What the last run wrote: a folder, or evidence."""
        return self.runs[-1]

    def file(self, name: str) -> Any:
        """Return the JSON of a file in the last export, or its lines; None if it is not there."""
        path = self.last / "data" / name
        if not path.exists():
            return None
        lines = [json.loads(line) for line in path.read_text().splitlines()] if name.endswith(".jsonl") else None
        return json.loads(path.read_text()) if lines is None else lines

    @property
    def evidence(self) -> Any:
        """The evidence of the last run."""
        return json.loads(self.last.read_text())

    @property
    def accounts(self) -> Accounts:
        """The resources of the simulated subscription, after every change that is due."""
        accounts = self.sim._accounts
        accounts.open(self.sim.endpoint)
        self.sim._store.settle()
        return accounts

    def states(self) -> dict[str, str]:
        """Return row -> state of the items in the last run's evidence."""
        return {one["row"]: one["state"] for one in self.evidence["items"]}

    def verified(self) -> int:
        """Return the exit code of `verify` on what the last run wrote."""
        return self("verify", self.last).code


def asked(sim: Simulator) -> list[str]:
    """Return the operations that Resource Manager was asked for."""
    return [call.operation for call in sim.resource_manager_calls]


def one_line(text: str, begins: str) -> str:
    """Return the only line of a text that begins so."""
    (line,) = [line for line in text.splitlines() if line.startswith(begins)]
    return line
