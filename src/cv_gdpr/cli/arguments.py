"""The parameters of a command as typed records: connection, scope and output options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.evidence.records import LanguageCode

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
    except_ids_file: str | None
    predicted_tags: tuple[str, ...]
    min_probability: float | None
    iterations: tuple[str, ...]
    before: str | None
    older_than: str | None
    with_copies_from: Path | None
    missing_ok: bool

    @property
    def has_selector(self) -> bool:
        """Whether a selector was given."""
        listed = self.tags or self.metadata or self.image_ids or self.predicted_tags or self.iterations
        return bool(
            listed
            or self.with_copies_from
            or self.image_ids_file
            or self.except_ids_file
            or self.before
            or self.older_than
        )


class CertificateOptions(NamedTuple):
    """The language of the certificate, and whether it lists every id."""

    lang: LanguageCode | None
    annex: bool


class OutputOptions(NamedTuple):
    """How much is printed, and whether as JSON."""

    quiet: bool
    verbose: int
    as_json: bool


def part_of(parameters: Mapping[str, Any], group: type[Group]) -> Group:
    """Return one group of a command's parameters as its record."""
    return group._make(parameters[name] for name in group._fields)
