"""A deletion before it happens: what would go, frozen by id, as it was when it was listed."""

import difflib
import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cv_gdpr import __version__
from cv_gdpr.archive.writing import private_file, storing
from cv_gdpr.categories import CATEGORIES, Category, Deletion
from cv_gdpr.errors import MalformedAnswer, Unsteady, UsageError
from cv_gdpr.findings import Finding, Item, Json, Scope, Selection, Tally
from cv_gdpr.inventory import (
    Matches,
    check_tags,
    named,
    near_hint,
    not_searched,
    projects_in,
    rows_in,
    selected,
    to_be_shown,
)
from cv_gdpr.readers import Project
from cv_gdpr.redact import without_signature

if TYPE_CHECKING:
    from cv_gdpr.service.client import Service

FORMAT = "cv-gdpr plan 1"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CHANGING = frozenset({"lastModified", "imageCount", "tagName", "originalPublishResourceId"})
BY_API: tuple[Category, ...] = tuple(row for row in CATEGORIES if row.deletion is Deletion.BY_API)


@dataclass
class ProjectPlan:
    """What would go of one project: for each row, id -> mark (what the thing was like, hashed)."""

    id: str
    name: str
    whole: bool  # the project itself goes, with all it holds
    rows: dict[str, dict[str, str]] = field(default_factory=dict)
    published: dict[str, str] = field(default_factory=dict)  # iteration id -> publish name
    only_in_iterations: int = 0  # images that go and are in no workspace listing
    disputed: list[str] = field(default_factory=list)  # images selected in an iteration, but not as they are today
    exported_models: int = 0  # they stay until the Azure resource goes
    iterations_holding: list[str] = field(default_factory=list)  # trained on a selected image, and staying

    @property
    def total(self) -> int:
        """How many things would go."""
        return sum(map(len, self.rows.values()))


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
    def hash(self) -> str:
        """SHA-256 of the plan's canonical JSON."""
        return hashlib.sha256(_canonical(self.body())).hexdigest()

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


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def mark(record: Json) -> str:
    """Give 16 hex digits that change when a thing changes: its record, without links and what moves by itself."""
    text = without_signature(_canonical(_lasting(record)).decode())  # an exported record has its signatures cut off
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _lasting(part) for name, part in value.items() if name not in _CHANGING and not name.endswith("Uri")
        }
    return [_lasting(part) for part in value] if isinstance(value, list) else value


# --- making a plan ----------------------------------------------------------------------------------------------


def make_plan(service: "Service", scope: Scope, protect: tuple[str, ...] = ()) -> Plan:
    """List what is there and freeze it; raises UsageError for what cannot be named, ServiceError for a listing."""
    rows_in(scope)
    projects, protected = _deletable(service, scope, protect)
    check_tags(projects, scope.selection)
    matches = Matches(scope.selection)
    rows = _rows_to_delete(scope)
    planned = [_plan_project(project, rows, matches) for project in projects] if rows else []
    _check_values(scope.selection, matches)
    return Plan(
        endpoint=service.endpoint,
        created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        scope=_describe(scope, matches),
        projects=planned,
        protected=protected,
        unmatched=[value for value in matches.unmatched if value.startswith("--image-id")],
    )


def _deletable(service: "Service", scope: Scope, protect: tuple[str, ...]) -> tuple[list[Project], list[str]]:
    everything = projects_in(service, Scope())
    protected = _protected_among(everything, protect)
    wanted = [named(everything, name) for name in scope.projects] if scope.projects else everything
    for entry in wanted:
        if scope.projects and entry["id"] in protected:
            raise UsageError(f"project {entry['id']} is protected", "--protect, or CV_GDPR_PROTECT, names it")
    ids = {entry["id"] for entry in wanted} - protected
    projects = [Project(service, entry, details=False) for entry in everything if entry["id"] in ids]
    return projects, sorted(protected)


def protected_ids(service: "Service", protect: tuple[str, ...]) -> set[str]:
    """Give the ids of the projects that protections name; raises UsageError for one that names none."""
    return _protected_among(projects_in(service, Scope()), protect)


def _protected_among(entries: list[Json], protect: tuple[str, ...]) -> set[str]:
    return {entry["id"] for name in protect for entry in _protected_by(entries, name)}


def _protected_by(entries: list[Json], name: str) -> list[Json]:
    """Give every project that a protection may mean; one that means none is an error: it would protect nothing."""
    found = [entry for entry in entries if entry["id"] == name.lower() or entry.get("name") == name]
    if not found:
        raise UsageError(
            f"--protect {name!r} names no project of this resource", "a protection must fit, or it is none"
        )
    return found


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
    plan = ProjectPlan(project.id, str(project.entry.get("name")), whole)
    in_workspace: set[str] = set()
    selected_there: set[str] = set()
    holding: set[str] = set()
    for row in rows:
        if row.read_project is None:
            continue
        found = plan.rows.setdefault(row.name, {})
        for item in listed(project, row, matches, in_workspace if row.name == "images" else None):
            if row.name == "tags" and item.iteration:
                continue  # an iteration's copy of a tag goes with the iteration
            found.setdefault(item.id, mark(item.record))
            if row.name == "images":
                (holding if item.iteration else selected_there).add(item.iteration["id"] if item.iteration else item.id)
    going = plan.rows.get("iterations", {})
    plan.published = {
        one["id"]: one["publishName"] for one in project.iterations if one["id"] in going and one.get("publishName")
    }
    images = plan.rows.get("images", {}).keys()
    plan.only_in_iterations = len(images - in_workspace)
    plan.disputed = sorted((images & in_workspace) - selected_there)
    plan.iterations_holding = sorted(holding - going.keys())
    if going and "images" not in plan.rows:
        plan.only_in_iterations = _going_with(project)
    plan.exported_models = _exported_models(project) if going else 0
    return plan


def listed(project: Project, row: Category, matches: Matches, in_workspace: set[str] | None = None) -> Iterator[Item]:
    """Give the items of a row that the selection takes; raises Unsteady where a listing cannot be trusted.

    `in_workspace` receives the ids of all that the workspace holds, whether the selection takes them or not.
    """
    assert row.read_project  # noqa: S101 - for the type checker
    findings = row.read_project(project)
    if in_workspace is not None:
        findings = _noting(findings, in_workspace)
    for finding in selected(findings, matches):
        if isinstance(finding, Tally) and not finding.agrees:
            raise Unsteady(
                f"{row.name} of project {project.id}: the service counts {finding.before} before and {finding.after} "
                f"after, and lists {finding.listed}",
                "somebody may be adding or deleting at the same time; run the command again",
            )
        if isinstance(finding, Item):
            if row.deleter and not _UUID.fullmatch(finding.id):
                # It would be put into the address of a deletion.
                raise MalformedAnswer(f"{row.name} of project {project.id}: the service listed an id that is none")
            yield finding


def _noting(findings: Iterator[Finding], in_workspace: set[str]) -> Iterator[Finding]:
    for finding in findings:
        if isinstance(finding, Item) and not finding.iteration:
            in_workspace.add(finding.id)
        yield finding


def _going_with(project: Project) -> int:
    """Count the images that live only in iterations, and so go with them though nobody asked for images."""
    row = next(row for row in BY_API if row.name == "images")
    in_workspace: set[str] = set()
    everywhere = {item.id for item in listed(project, row, Matches(Selection()), in_workspace)}
    return len(everywhere - in_workspace)


def _exported_models(project: Project) -> int:
    row = next(row for row in CATEGORIES if row.name == "exports")
    return sum(1 for _ in listed(project, row, Matches(Selection())))


# --- a plan as a file -------------------------------------------------------------------------------------------


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan as JSON, readable by its owner only; raises UsageError if the file exists."""
    if path.exists():
        raise UsageError(f"--save-plan {path} exists", "name a new file")
    with storing(path), private_file(path) as file:
        file.write(json.dumps(plan.body() | {"hash": plan.hash}, indent=2).encode() + b"\n")


def load_plan(path: Path, endpoint: str) -> Plan:
    """Read a plan; raises UsageError if it is altered, foreign, or of another endpoint."""
    body = _read(path)
    stated = body.pop("hash", None)
    if body.get("format") != FORMAT:
        raise UsageError(f"--plan {path} is not a plan of cv-gdpr")
    if stated != hashlib.sha256(_canonical(body)).hexdigest():
        raise UsageError(f"--plan {path} was altered after it was made", "make a new one with --dry-run --save-plan")
    if body.get("endpoint") != endpoint:
        raise UsageError(f"--plan {path} is of another endpoint: {body.get('endpoint')}")
    try:
        return _plan_in(body)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(f"--plan {path} is not a plan that this version understands") from error


def _plan_in(body: Json) -> Plan:
    projects = [ProjectPlan(**project) for project in body["projects"]]
    known = {row.name for row in BY_API}
    for one in projects:
        if not one.rows.keys() <= known or not all(isinstance(ids, dict) for ids in one.rows.values()):
            raise ValueError("rows that nothing deletes")
        for identity in (one.id, *one.disputed, *one.published, *(each for ids in one.rows.values() for each in ids)):
            if not _UUID.fullmatch(identity):
                raise ValueError("an id that is none")
    if not isinstance(body["scope"]["rows"], (str, list)) or body["scope"]["projects"] not in {"all", "named"}:
        raise ValueError("a scope that is none")
    return Plan(body["endpoint"], body["created"], body["scope"], projects, body["protected"], body["unmatched"])


def _read(path: Path) -> Json:
    if path.is_char_device() or path.is_block_device():
        raise UsageError(f"--plan {path} is not a file")  # and might have no end
    try:
        body = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"--plan {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--plan {path} is not JSON") from error
    if not isinstance(body, dict):
        raise UsageError(f"--plan {path} is not a plan of cv-gdpr")
    return body


def current_marks(project: Project, plan: ProjectPlan) -> dict[str, dict[str, str]]:
    """List again what a plan speaks of, and give the marks of now; raises ServiceError."""
    marks: dict[str, dict[str, str]] = {}
    for row in BY_API:
        if row.name in plan.rows or plan.whole:
            now = marks.setdefault(row.name, {})
            for item in listed(project, row, Matches(Selection())):
                if not (row.name == "tags" and item.iteration):
                    now.setdefault(item.id, mark(_as_published(item, plan)))
    return marks


def _as_published(item: Item, plan: ProjectPlan) -> Json:
    """Give a record as it was planned, if its publication was taken back: that is a deletion's first step."""
    name = plan.published.get(item.id)
    if item.row == "iterations" and name and not item.record.get("publishName"):
        return item.record | {"publishName": name}
    return item.record


def check_size(plan: Plan, max_delete: int | None) -> None:
    """Raise UsageError if a plan is larger than allowed."""
    if max_delete is not None and plan.total > max_delete:
        raise UsageError(
            f"the plan would delete {plan.total} things, more than --max-delete {max_delete}", "nothing was sent"
        )


def not_held(plan: Plan, held: Iterable[tuple[str, str, Json]]) -> list[tuple[str, str]]:
    """Give row and id of each thing in the plan that is not among `held` (project, row, record) as it is now."""
    wanted = {
        (project.id, row, one): then
        for project in plan.projects
        for row, ids in project.rows.items()
        for one, then in ids.items()
    }
    for project_id, row, record in held:
        key = (project_id, row, str(record.get("id")))
        unpublished = record | {"publishName": None} if row == "iterations" else record
        if wanted.get(key) in {mark(record), mark(unpublished)}:
            del wanted[key]
    return [(row, one) for _, row, one in wanted]
