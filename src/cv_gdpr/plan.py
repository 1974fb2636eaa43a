"""A deletion before it happens: what would go, frozen by id, as it was when it was listed."""

import difflib
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

from msgspec import Meta, MsgspecError, convert

from cv_gdpr import __version__
from cv_gdpr.along import held_among, what_goes_along
from cv_gdpr.archive.names import UUID
from cv_gdpr.archive.writing import storing, write_new
from cv_gdpr.categories import CATEGORIES, Category, Deletion, category
from cv_gdpr.errors import StorageError, UsageError
from cv_gdpr.findings import Item, Json, Scope, Selection
from cv_gdpr.inventory import (
    Matches,
    check_tags,
    listed,
    named,
    near_hint,
    not_searched,
    projects_in,
    rows_in,
    to_be_shown,
)
from cv_gdpr.marks import canonical, mark
from cv_gdpr.readers import Project

if TYPE_CHECKING:
    from cv_gdpr.service.client import Service

FORMAT = "cv-gdpr plan 1"
BY_API: tuple[Category, ...] = tuple(row for row in CATEGORIES if row.deletion is Deletion.BY_API)


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


def make_plan(service: "Service", scope: Scope, protect: tuple[str, ...] = (), *, resumed: bool = False) -> Plan:
    """List what is there and freeze it; raises UsageError for what cannot be named, ServiceError for a listing.

    `resumed`: a run of the same command was cut off, so what is named and nowhere found is what that run deleted.
    """
    began = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"  # what is stored from now on may not be in the plan
    rows_in(scope)
    projects, protected = _deletable(service, scope, protect, resumed=resumed)
    if not resumed:
        check_tags(projects, scope.selection)
    matches = Matches(scope.selection)
    rows = _rows_to_delete(scope)
    planned = [_plan_project(project, rows, matches) for project in projects] if rows else []
    if not resumed:
        _check_values(scope.selection, matches)
    return Plan(
        endpoint=service.endpoint,
        created=began,
        scope=_describe(scope, matches),
        projects=planned,
        protected=protected,
        unmatched=[value for value in matches.unmatched if value.startswith("--image-id")],
    )


def _deletable(
    service: "Service", scope: Scope, protect: tuple[str, ...], *, resumed: bool
) -> tuple[list[Project], list[str]]:
    everything = projects_in(service, Scope())
    protected = protected_among(everything, protect)
    names = [name for name in scope.projects if not resumed or _is_there(everything, name)]
    wanted = [named(everything, name) for name in names] if scope.projects else everything
    for entry in wanted:
        if scope.projects and entry["id"] in protected:
            raise UsageError(f"project {entry['id']} is protected", "--protect, or CV_GDPR_PROTECT, names it")
    ids = {entry["id"] for entry in wanted} - protected
    projects = [Project(service, entry, details=False) for entry in everything if entry["id"] in ids]
    return projects, sorted(protected)


def _is_there(everything: list[Json], name: str) -> bool:
    return any(entry["id"] == name.lower() or entry.get("name") == name for entry in everything)


def protected_among(entries: list[Json], protect: tuple[str, ...], *, known: bool = True) -> set[str]:
    """Return the ids of every project that a protection may mean.

    Raise UsageError for one that names no project, since it would protect nothing, unless `known` is False.
    """
    protected: set[str] = set()
    for name in protect:
        found = {entry["id"] for entry in entries if entry["id"] == name.lower() or entry.get("name") == name}
        if known and not found:
            raise UsageError(f"--protect {name!r} names no project of this resource", "check the project name")
        protected |= found
    return protected


def _rows_to_delete(scope: Scope) -> tuple[Category, ...]:
    """Give the rows whose things are deleted: performance goes with its iteration, a project with all it holds."""
    asked = {row.name for row in rows_in(scope)}
    if "performance" in asked:
        asked.add("iterations")
    if "projects" in asked:
        return BY_API
    return tuple(row for row in BY_API if row.name in asked)


def _describe(scope: Scope, matches: Matches) -> Json:
    """Say what was asked for; a selector's values only as salted hashes, the salt beside them."""
    salt = secrets.token_hex(16)
    searched = [row.name for row in rows_in(scope)] if scope.selection else list(scope.rows)
    return {
        "projects": "named" if scope.projects else "all",
        "rows": searched or "all that the API deletes",
        "notSearched": not_searched(scope),
        "selectors": scope.selection.hashed(salt, matches.unmatched),
        "salt": salt if scope.selection else None,
    }


def _check_values(selection: Selection, matches: Matches) -> None:
    """Raise UsageError for metadata that no image has: a mistyped value must not pass for an erasure."""
    for key, value in sorted(selection.metadata):
        if (key, value) not in matches.found:
            near = difflib.get_close_matches(f"{key}={value}", sorted(matches.seen_metadata), n=5, cutoff=0.6)
            shown = to_be_shown(value, near)
            hint = near_hint(near, shown, "no image in scope has metadata like it")
            raise UsageError(f"no image in scope has the metadata given for {key!r}", hint, near=shown)


def _plan_project(project: Project, rows: tuple[Category, ...], matches: Matches) -> ProjectPlan:
    whole = any(row.name == "projects" for row in rows)
    plan = ProjectPlan(project.id, str(project.entry.get("name")), whole, mark(project.entry))
    for row in rows:
        if row.name == "images":
            _plan_images(project, row, matches, plan)
        elif row.read_project:
            items = (item for item in listed(project, row, matches) if not _is_copy(item))
            plan.rows[row.name] = {item.id: mark(item.record, names=bool(matches.selection.tags)) for item in items}
    going = plan.rows.get("iterations", {})
    plan.iterations_holding = sorted(plan.held.keys() - going.keys()) if matches.selection else []
    plan.published = {
        one["id"]: one["publishName"] for one in project.iterations if one["id"] in going and one.get("publishName")
    }
    if "images" not in plan.rows:
        _plan_what_goes_along(project, plan)
    if going:
        models = list(listed(project, category("exports"), Matches(Selection())))
        plan.exported_models, plan.models = len(models), [item.id for item in models if item.blobs]
    return plan


def _is_copy(item: Item) -> bool:
    """Say whether it is an iteration's copy of a tag, which goes with the iteration."""
    return item.row == "tags" and item.iteration is not None


def _plan_images(project: Project, row: Category, matches: Matches, plan: ProjectPlan) -> None:
    """Plan the selected images, and note which of them the workspace lists, and which iterations hold them."""
    found = plan.rows.setdefault("images", {})
    in_workspace: set[str] = set()
    selected_there: set[str] = set()
    held: dict[str, list[str]] = {}

    def see(item: Item) -> None:
        """Note where an image is, under whatever labels: the workspace is read first."""
        if not item.iteration:
            in_workspace.add(item.id)
        elif item.id not in in_workspace or (matches.selection and item.id in found):
            held.setdefault(item.iteration["id"], []).append(item.id)

    for item in listed(project, row, matches, see):
        if item.id not in found:  # the first place counts: the workspace, if it is there
            found[item.id] = mark(item.record, names=bool(matches.selection.tags))
        if not item.iteration:
            selected_there.add(item.id)
        elif item.id not in in_workspace:
            plan.places.setdefault(item.id, item.iteration["id"])
    plan.held = held_among(held, found)
    plan.only_in_iterations = len(found.keys() - in_workspace)
    plan.disputed = sorted((found.keys() & in_workspace) - selected_there)


def _plan_what_goes_along(project: Project, plan: ProjectPlan) -> None:
    """Plan what the deletion of iterations or tags does to images, though nobody asked for images."""
    found = what_goes_along(project, plan.rows.get("iterations", {}), plan.rows.get("tags", {}).keys())
    plan.losing_tags = {identity: loss.mark for identity, loss in found.losing.items()}
    plan.losing_regions = sum(loss.regions for loss in found.losing.values())
    plan.held, plan.only_in_iterations = found.held, len(found.along)
    if found.along:
        plan.along["images"] = found.along


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


def current_marks(project: Project, plan: ProjectPlan, *, names: bool) -> dict[str, dict[str, str]]:
    """List again what a plan speaks of, and return the marks of now (`names`: as `mark`); raise ServiceError."""
    marks: dict[str, dict[str, str]] = {}
    for row in BY_API:
        if row.name in plan.rows or plan.whole:
            now = marks.setdefault(row.name, {})
            for item in listed(project, row, Matches(Selection())):
                if not _is_copy(item) and item.id not in now:
                    now[item.id] = mark(_as_published(item, plan), names=names)
    return marks


def _as_published(item: Item, plan: ProjectPlan) -> Json:
    """Give a record as it was planned, if its publication was taken back: that is a deletion's first step."""
    name = plan.published.get(item.id)
    if item.row == "iterations" and name and not item.record.get("publishName"):
        return item.record | {"publishName": name}
    return item.record
