"""The parameters of a command as typed records: connection, scope and output options."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

Group = TypeVar("Group", bound=NamedTuple)


class ConnectionOptions(NamedTuple):
    """Where the service is, and how it is asked."""

    profile: str | None
    endpoint: str | None
    key_file: str | None
    key_command: str | None
    auth: str | None
    cloud: str | None
    resource_id: str | None
    subscription: str | None
    resource_manager: str | None
    calls_per_second: float
    patience: float
    read_timeout: float

    @property
    def limits(self) -> tuple[float, float, float]:
        """Calls a second, patience and read timeout, as `Connection` takes them."""
        return self.calls_per_second, self.patience, self.read_timeout


class RecordOptions(NamedTuple):
    """What a result says of the people behind it: their reference, and who did it."""

    reference: str | None
    operator: str | None


class ScopeOptions(NamedTuple):
    """Which projects, and which of the items in them."""

    all_projects: bool
    projects: tuple[str, ...]
    tags: tuple[str, ...]
    metadata: tuple[tuple[str, str], ...]
    image_ids: tuple[str, ...]
    image_ids_file: str | None

    @property
    def has_selector(self) -> bool:
        """Whether a selector was given."""
        return bool(self.tags or self.metadata or self.image_ids or self.image_ids_file)


class OutputOptions(NamedTuple):
    """How much is printed, and whether as JSON."""

    quiet: bool
    verbose: int
    as_json: bool


def part_of(parameters: Mapping[str, Any], group: type[Group]) -> Group:
    """Return one group of a command's parameters as its record."""
    return group._make(parameters[name] for name in group._fields)
