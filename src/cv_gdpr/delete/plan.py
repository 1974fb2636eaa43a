"""A deletion before it happens: what would go, frozen by id, as it was when it was listed."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

from msgspec import Meta, MsgspecError, convert

from cv_gdpr import __version__
from cv_gdpr.archive.names import UUID
from cv_gdpr.archive.writing import storing, write_new
from cv_gdpr.delete.marks import canonical
from cv_gdpr.errors import StorageError, UsageError
from cv_gdpr.table.categories import BY_API
from cv_gdpr.verbatim import Json

if TYPE_CHECKING:
    pass

FORMAT = "cv-gdpr plan 1"


@dataclass
class ProjectPlan:
    """What would go of one project: for each row, id -> mark (what the thing was like, hashed).

    `along` holds what nothing is sent for, and what goes all the same: the images that live only in iterations which
    are deleted. `losing_tags` holds the images that stay and lose a tag, and its regions with it.
    """

    id: str
    name: str
    whole: bool  # the project itself goes, with all it holds
    mark: str = ""  # what the project was like
    rows: dict[str, dict[str, str]] = field(default_factory=dict)
    along: dict[str, dict[str, str]] = field(default_factory=dict)
    losing_tags: dict[str, str] = field(default_factory=dict)
    losing_regions: int = 0
    published: dict[str, str] = field(default_factory=dict)  # iteration id -> publish name
    only_in_iterations: int = 0  # images that go and are in no workspace listing
    places: dict[str, str] = field(default_factory=dict)  # ... each with the iteration that it was found in
    held: dict[str, list[str]] = field(default_factory=dict)  # iteration id -> those of the images that it holds
    disputed: list[str] = field(default_factory=list)  # images selected in an iteration, but not as they are today
    exported_models: int = 0  # they stay until the Azure resource goes
    models: list[str] = field(default_factory=list)  # of those, the ones that are Done: iteration id/platform-flavor
    iterations_holding: list[str] = field(default_factory=list)  # trained on a selected image, and staying

    @property
    def total(self) -> int:
        """How many things would go, those that go along among them."""
        return sum(map(len, (*self.rows.values(), *self.along.values())))

    def planned(self) -> dict[str, list[str]]:
        """Return the ids of all that would go, by row."""
        parts = [*self.rows.items(), *self.along.items()]
        return {row: list(ids) for row, ids in parts if ids}


@dataclass(frozen=True)
class Plan:
    """A frozen deletion: nothing that is not in it will be deleted."""

    endpoint: str
    created: str
    scope: Json
    projects: list[ProjectPlan]
    protected: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many things would go."""
        return sum(project.total for project in self.projects)

    @property
    def rows_named(self) -> tuple[str, ...]:
        """The rows that were asked for by name; none: all."""
        rows = self.scope["rows"]
        return () if isinstance(rows, str) or self.scope.get("selectors") else tuple(rows)

    @property
    def by_tag(self) -> bool:
        """Whether tags selected what is planned, so that their names count in its marks."""
        return any(one["selector"] == "--tag" for one in self.scope.get("selectors") or [])

    @property
    def hash(self) -> str:
        """SHA-256 of the plan's canonical JSON."""
        return hashlib.sha256(canonical(self.body())).hexdigest()

    def body(self) -> Json:
        """Give the plan as JSON, without its hash."""
        return {
            "format": FORMAT,
            "tool": f"cv-gdpr {__version__}",
            "endpoint": self.endpoint,
            "created": self.created,
            "scope": self.scope,
            "projects": [vars(project) for project in self.projects],
            "protected": self.protected,
            "unmatched": self.unmatched,
        }


# --- making a plan ----------------------------------------------------------------------------------------------


# --- a plan as a file -------------------------------------------------------------------------------------------


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan as JSON, readable by its owner only; raises UsageError if the file exists."""
    if not path.name:
        raise UsageError(f"--save-plan {path} names no file", "name a new file")
    try:
        with storing(path):
            write_new(path, json.dumps(plan.body() | {"hash": plan.hash}, indent=2).encode() + b"\n")
    except StorageError as error:
        if isinstance(error.__cause__, FileExistsError):
            raise UsageError(f"--save-plan {path} exists", "name a new file") from None
        raise


def load_plan(path: Path, endpoint: str) -> Plan:
    """Read a plan; raises UsageError if it is altered, foreign, or of another endpoint."""
    body = _read(path)
    stated = body.pop("hash", None)
    if body.get("format") != FORMAT:
        raise UsageError(f"--plan {path} is not a plan of cv-gdpr")
    if stated != hashlib.sha256(canonical(body)).hexdigest():
        raise UsageError(f"--plan {path} was altered after it was made", "make a new one with --dry-run --save-plan")
    if body.get("endpoint") != endpoint:
        raise UsageError(f"--plan {path} is of another endpoint: {body.get('endpoint')}")
    try:
        return _plan_in(body)
    except (KeyError, TypeError, AttributeError, ValueError, MsgspecError) as error:
        raise UsageError(f"--plan {path} is not a plan that this version understands") from error


class _SelectorInFile(TypedDict):
    selector: str
    sha256: str
    matched: bool


class _ScopeInFile(TypedDict):
    projects: Literal["all", "named"]
    rows: str | list[str]
    notSearched: dict[str, str]
    selectors: list[_SelectorInFile]
    salt: str | None


class _InFile(TypedDict):
    created: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    scope: _ScopeInFile
    projects: list[ProjectPlan]
    protected: list[str]
    unmatched: list[str]


def _plan_in(body: Json) -> Plan:
    convert(body, _InFile)
    projects = [ProjectPlan(**project) for project in body["projects"]]
    if len({one.id for one in projects}) < len(projects):
        raise ValueError("a project that stands twice")  # what is told of it would be told of one alone
    known = {row.name for row in BY_API}
    for one in projects:
        named = (one.rows, one.along)
        if any(not part.keys() <= known for part in named) or one.rows.keys() & one.along.keys():
            raise ValueError("rows that nothing deletes")
        marked: list[dict[str, str]] = [*one.rows.values(), *one.along.values(), one.losing_tags]
        places = (one.places, one.places.values(), one.held, *one.held.values(), one.iterations_holding)
        ids = (each for part in (*marked, *places) for each in part)
        for identity in (one.id, *one.disputed, *one.published, *ids):
            if not UUID.fullmatch(identity):
                raise ValueError("not a UUID")
    return Plan(body["endpoint"], body["created"], body["scope"], projects, body["protected"], body["unmatched"])


def plan_bytes(path: Path) -> bytes:
    """Return a plan file's content; raise UsageError if it cannot be read."""
    if path.is_char_device() or path.is_block_device():
        raise UsageError(f"--plan {path} is not a file")  # and might have no end
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"--plan {path}: {error.strerror}") from error


def _read(path: Path) -> Json:
    try:
        body = json.loads(plan_bytes(path))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--plan {path} is not JSON") from error
    if not isinstance(body, dict):
        raise UsageError(f"--plan {path} is not a plan of cv-gdpr")
    return body
