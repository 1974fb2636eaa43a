"""The plan of a deletion, as records and as a file: the ids that would be deleted, each with a mark of its content."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct, convert, field
from msgspec.structs import asdict

from cv_gdpr.archive.json_files import InvalidContent, value_of
from cv_gdpr.archive.writing import storing, write_new
from cv_gdpr.delete.marks import canonical
from cv_gdpr.errors import StorageError, Unreadable, UsageError
from cv_gdpr.evidence.records import ByHand, Count, Id, SearchedScope, Sha256, Time, Unread, as_json
from cv_gdpr.platforms.files import reason_of
from cv_gdpr.table.categories import BY_API, EXPORTS, IMAGES
from cv_gdpr.table.outside import CopiesOutside
from cv_gdpr.table.selection import PREDICTED, TAG
from cv_gdpr.verbatim import Json

FORMAT = "cv-gdpr-plan/1"
Mark: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{16}$", max_length=16)]
Marks: TypeAlias = Annotated[dict[Id, Mark], Meta(description="Id -> mark: what the item was like, hashed")]


class ProjectPlan(Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What would be deleted in one project, by row.

    `along` holds items that go although nothing is sent for them: images that live only in iterations which are
    deleted. `losing_tags` holds the images that stay and lose a tag, and its regions with it.
    """

    id: Id
    name: str
    whole: bool  # the project itself goes, with all it holds
    mark: str = ""  # what the project was like
    rows: dict[str, Marks] = {}
    along: dict[str, Marks] = {}
    losing_tags: Marks = {}
    losing_regions: Count = 0
    published: dict[Id, str] = {}  # iteration id -> publish name
    places: dict[Id, Id] = {}  # images of `rows` that no workspace lists -> the iteration that each was found in
    held: dict[Id, list[Id]] = {}  # iteration id -> those of the images that it holds
    disputed: list[Id] = []  # images selected in an iteration, but not as they are today
    exported_models: Count = 0  # they stay until the Azure resource goes
    models: list[str] = []  # of those, the ones that are Done: iteration id/platform-flavor
    iterations_holding: list[Id] = []  # trained on a selected image, and staying
    copies_outside: dict[str, str] = {}  # setting of the project -> container or queue of the customer
    published_holding: dict[Id, str] = {}  # of `iterations_holding`: iteration id -> publish name
    kept: list[Id] = []  # images and predictions that --except-ids-file keeps
    kept_published: list[Id] = []  # old iterations that are published: age alone does not take them
    kept_for_images: list[Id] = []  # iterations that alone hold a kept image
    predictions_not_searched: Annotated[
        Count | None, Meta(description="Stored predictions that no selector searched; null: they could not be counted")
    ] = 0
    copies_of: Annotated[dict[Id, Id], Meta(description="Id of a copy -> id of the original")] = {}
    copies_left: Annotated[
        dict[Id, Id], Meta(description="Id of what may be a copy, and was not selected -> the original")
    ] = {}

    @property
    def only_in_iterations(self) -> int:
        """How many of the planned images are not in the workspace."""
        return len(self.places) + len(self.along.get(IMAGES, {}))

    @property
    def total(self) -> int:
        """How many items would be deleted, including those that go with their iteration."""
        return sum(map(len, (*self.rows.values(), *self.along.values())))

    def planned(self) -> dict[str, list[str]]:
        """Return the ids of everything that would be deleted, by row."""
        going: dict[str, list[str]] = {}
        for row, ids in (*self.rows.items(), *self.along.items()):
            if ids:
                going.setdefault(row, []).extend(ids)
        return going


class Plan(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename="camel",
    omit_defaults=True,
    tag_field="format",
    tag=FORMAT,
):
    """A frozen deletion: nothing else is deleted."""

    tool: str
    endpoint: str
    created: Time  # when its listing began
    scope: SearchedScope
    projects: list[ProjectPlan]
    protected: list[str]
    unmatched: list[str]
    failed: Annotated[
        list[Unread], Meta(description="Projects in scope that could not be read: nothing of them is here")
    ]
    reference: Annotated[str, Meta(max_length=200, description="Of --reference, for who approves the plan")] = ""

    @property
    def total(self) -> int:
        """How many items would be deleted."""
        return sum(project.total for project in self.projects)

    @property
    def copies(self) -> list[ByHand]:
        """The containers and queues that the service writes to for projects of the plan."""
        return copies_outside({one.id: one.copies_outside for one in self.projects if one.total})

    @property
    def by_tag(self) -> bool:
        """Whether tags selected the items, so that tag names count in the marks."""
        return any(one.selector in {TAG, PREDICTED} for one in self.scope.selectors)

    @property
    def hash(self) -> str:
        """SHA-256 of the plan's canonical JSON."""
        return hashlib.sha256(canonical(self.body())).hexdigest()

    def body(self) -> Json:
        """Return the plan as JSON, without its hash."""
        return as_json(self)


class SavedPlan(Plan, frozen=True, kw_only=True, tag=FORMAT):
    """A plan in a file: `hash` is the SHA-256 of the rest, as JSON with sorted names and without blanks."""

    stated: Sha256 = field(name="hash")


def copies_outside(addresses_by_project: dict[str, dict[str, str]]) -> list[ByHand]:
    """Return, for each container and queue that a project's settings name, what a person must do."""
    return [
        ByHand(row=EXPORTS, words=CopiesOutside(project, setting, address).words("delete"))
        for project, addresses in addresses_by_project.items()
        for setting, address in addresses.items()
    ]


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan as JSON, readable by its owner only; raise UsageError if the file exists."""
    if not path.name:
        raise UsageError(f"--save-plan {path} names no file", "name a new file")
    saved = SavedPlan(**asdict(plan), stated=plan.hash)
    try:
        with storing(path):
            write_new(path, json.dumps(as_json(saved), indent=2).encode() + b"\n")
    except StorageError as error:
        if isinstance(error.__cause__, FileExistsError):
            raise UsageError(f"--save-plan {path} exists", "name a new file") from None
        raise


def load_plan(path: Path, content: bytes, endpoint: str | None = None) -> Plan:
    """Return the plan in a file's content; raise UsageError if it was altered, is not a plan, or names another
    endpoint than the given one."""
    body = _read(path, content)
    stated = body.pop("hash", None)
    if body.get("format") != FORMAT:
        raise UsageError(f"--plan {path} is not a plan of cv-gdpr")
    if stated != _hash_of(path, body):
        raise UsageError(f"--plan {path} was altered after it was made", "make a new one with --dry-run --save-plan")
    if endpoint is not None and body.get("endpoint") != endpoint:
        raise UsageError(f"--plan {path} is of another endpoint: {body.get('endpoint')}")
    try:
        plan = _plan_in(body)
    except ValueError as error:
        raise UsageError(f"--plan {path} is not a plan that this version understands") from error
    if plan.hash != stated:  # a field is missing for which a record has a default
        raise UsageError(f"--plan {path} is not a plan that this version understands")
    return plan


def _hash_of(path: Path, body: Json) -> str:
    try:
        return hashlib.sha256(canonical(body)).hexdigest()
    except RecursionError:
        raise UsageError(f"--plan {path} is not a plan of cv-gdpr") from None  # no plan is nested that deeply


def _plan_in(body: Json) -> Plan:
    """Return the plan in JSON; raise ValueError (ValidationError is one) if it is invalid."""
    plan: Plan = convert(body, Plan)
    if len({one.id for one in plan.projects}) < len(plan.projects):
        raise ValueError("a project that stands twice")  # only one of them would be reported
    known = {row.name for row in BY_API}
    for one in plan.projects:
        if not (one.rows.keys() | one.along.keys()) <= known:
            raise ValueError("rows that nothing deletes")
        if any(ids.keys() & one.rows.get(row, {}).keys() for row, ids in one.along.items()):
            raise ValueError("items that stand twice")
    return plan


def plan_bytes(path: Path) -> bytes:
    """Return a plan file's content; raise Unreadable if it cannot be read. A pipe can be read only once."""
    if path.is_char_device() or path.is_block_device():
        raise Unreadable(f"--plan {path} is not a file")  # and might have no end
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"--plan {path}: {reason_of(error, path)}") from error


def _read(path: Path, content: bytes) -> Json:
    try:
        body = value_of(content)
    except InvalidContent as error:
        raise UsageError(f"--plan {path}: {error}") from error
    if not isinstance(body, dict):
        raise UsageError(f"--plan {path} is not a plan of cv-gdpr")
    return body
