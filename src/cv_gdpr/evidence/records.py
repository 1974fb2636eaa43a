"""Records that the plan, the ledger and the evidence of an erasure share, and the types of their fields."""

from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta, Struct, to_builtins

from cv_gdpr import __version__
from cv_gdpr.table.selection import BY_ID
from cv_gdpr.verbatim import Json

TOOL = f"cv-gdpr {__version__}"
FORMAT: Final = "cv-gdpr-evidence/1"
FIRST_FORMAT = "cv-gdpr evidence 1"
"""How ledgers before the first release name the format of their evidence."""

# A `$` also matches before a line feed at the end: the lengths exclude that.
Time: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z$",
        max_length=24,
        description="A time in UTC",
    ),
]
Sha256: TypeAlias = Annotated[
    str, Meta(pattern="^[0-9a-f]{64}$", max_length=64, description="A SHA-256 in hexadecimal")
]
State: TypeAlias = Literal["deleted", "gone already", "residue", "failed", "left", "not verified"]
Id: TypeAlias = Annotated[
    str,
    Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", max_length=36, description="An id of the service"),
]
Count: TypeAlias = Annotated[int, Meta(ge=0)]
LanguageCode: TypeAlias = Literal["en", "de", "es", "pt", "zh"]
Planned: TypeAlias = dict[str, dict[str, list[str]]]
"""The planned ids: project id -> row -> ids."""


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A part of a document; camelCase in JSON."""


class Sealed(Record, frozen=True, kw_only=True):
    """A salted hash: SHA-256 of the salt followed by the value."""

    salt: str
    sha256: Sha256


class SelectorHash(Record, frozen=True, kw_only=True):
    """One value of a selector, as SHA-256 of the scope's salt followed by the value."""

    selector: str
    sha256: Sha256
    matched: Annotated[bool | None, Meta(description="null: not known, as not everything could be listed")]

    @property
    def short(self) -> str:
        """The selector with the beginning of its value's hash, where the value itself may not stand."""
        return f"{self.selector} sha256:{self.sha256[:16]}"


class SearchedScope(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked for, and what of it was not searched."""

    projects: Literal["all", "named"]
    rows: Annotated[str | list[str], Meta(description="The names of the rows, or words for all of them")]
    not_searched: dict[str, str]
    selectors: list[SelectorHash]
    salt: Annotated[str | None, Meta(description="The salt of the selectors' hashes")]
    before: Annotated[str, Meta(description="Only what was created before this time; empty: of any age")] = ""
    older_than: Annotated[str, Meta(description="The age from which that time was made, at the first start")] = ""
    min_probability: Annotated[float | None, Meta(description="Of --predicted-tag; null: the most probable tag")] = None
    missing_ok: Annotated[bool, Meta(description="Whether a selector may match nothing")] = False
    with_iterations: Annotated[bool, Meta(description="Whether iterations trained on selected images go too")] = False
    copies_from: Annotated[
        str | None, Meta(description="When the export began whose copies were selected as well; null: none")
    ] = None

    @property
    def absent(self) -> list[SelectorHash]:
        """The values that matched nothing, but for ids, which are named as they are."""
        return [one for one in self.selectors if one.matched is False and one.selector not in BY_ID]


class ByHand(Record, frozen=True, kw_only=True):
    """A row in scope that no operation deletes, and what a person must do about it."""

    row: str
    words: str


class Unread(Record, frozen=True, kw_only=True):
    """A project in scope that could not be read, so that nothing of it was planned or deleted."""

    project: str
    reason: Annotated[str, Meta(description="The service's status and code")]
    again: Annotated[bool, Meta(description="Whether the same command may read it later")]


class PlannedProject(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What the evidence says about a planned project, besides its items."""

    id: str
    whole: bool
    images_only_in_iterations: Count
    exported_models: Annotated[Count | None, Meta(description="null if not counted, as no iteration was planned")]
    iterations_trained_on_them: list[str]
    unpublished: list[str]
    copies_outside: Annotated[
        dict[str, str],
        Meta(description="Setting of the project -> the container or queue of yours that the service writes to"),
    ] = {}
    published_holding: Annotated[
        dict[str, str], Meta(description="Of the iterations trained on them: id -> name it is published as")
    ] = {}
    kept: Annotated[list[str], Meta(description="Images and predictions that --except-ids-file kept")] = []
    kept_published: Annotated[list[str], Meta(description="Old iterations that are published, and so stay")] = []
    kept_for_images: Annotated[list[str], Meta(description="Iterations that alone hold a kept image, and stay")] = []
    predictions_not_searched: Annotated[
        Count | None, Meta(description="Stored predictions that no selector searched; null: they could not be counted")
    ] = 0
    copies_of: Annotated[dict[str, str], Meta(description="Id of a copy -> id of the original")] = {}
    copies_left: Annotated[dict[str, str], Meta(description="What may be a copy, and was not selected")] = {}

    @property
    def is_in_part(self) -> bool:
        """Whether something that was asked for was not searched, or stays although it was not excepted."""
        kept = self.kept_published or self.kept_for_images
        return bool(self.predictions_not_searched != 0 or kept or self.copies_left)


class Project(PlannedProject, frozen=True, kw_only=True):
    """What the evidence says about a project, besides its items."""

    state: Annotated[State | None, Meta(description="The state of the project itself; null if it was not planned")]


class HeldProject(Record, frozen=True, kw_only=True):
    """A project that is deleted with its Azure resource, in numbers."""

    id: str
    images: Count
    iterations: Count
    exported_models: Count
    stored_predictions: Count


class DeletedResource(Record, frozen=True, kw_only=True):
    """The Azure resource that was planned to be deleted, what it held, and what stays beside it.

    Its tags are not here: people write them.
    """

    id: str
    kind: str
    location: str
    siblings: Annotated[list[str], Meta(description="Custom Vision resources of the subscription that stay")]
    projects: Annotated[list[HeldProject] | None, Meta(description="null: they could not be read, see `unread`")]
    failed: Annotated[list[Unread], Meta(description="Projects that could not be read, and are deleted all the same")]
    unread: Annotated[str, Meta(description="Why it is unknown what the resource held")]


class Run(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One run of an erasure: a resumed one plans what the runs before it left."""

    started: Time
    plan_hash: Sha256
    items: Count
    signed_in_as: Annotated[str, Meta(description="Who asked: the fingerprint of the key, or ids of Entra ID")] = ""
    signer: Annotated[str, Meta(description="The fingerprint of the key that was to sign the files")] = ""
    authority: Annotated[str, Meta(description="Who was to time-stamp the ledger's first line and the evidence")] = ""
    approved_by: Annotated[str, Meta(description="Who signed the plan, and with which key")] = ""


class Method(Record, frozen=True, kw_only=True):
    """How the data were deleted."""

    type: str
    used: str
    note: str


class Retention(Record, frozen=True, kw_only=True):
    """What Microsoft states about the time after deletion."""

    what: str
    statement: str
    source: str


class EarlierEvidence(Record, frozen=True, kw_only=True):
    """The evidence that a recheck is about, so that a person finds it; its hash says which one it is."""

    file: Annotated[str, Meta(description="Its name")]
    finished: Time
    reference: Annotated[str, Meta(description="Its own reference; empty: it has none")]


class Head(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The evidence without the parts that list single items; the ledger's last line repeats it."""

    format: Literal["cv-gdpr-evidence/1", "cv-gdpr evidence 1"]
    tool: str
    endpoint: str
    started: Time
    finished: Time
    verdict: str
    exit_code: Annotated[int, Meta(ge=0, le=255)]
    method: Method
    scope: SearchedScope
    plan_hash: Sha256
    runs: list[Run]
    projects: list[Project]
    protected: list[str]
    not_found: list[str]
    outside_the_api: list[ByHand]
    retention: list[Retention]
    failed: Annotated[list[Unread], Meta(description="Projects in scope that could not be read")] = []
    reference: Annotated[str, Meta(description="Of --reference, as it was given")] = ""
    operator: Annotated[str, Meta(description="Of --operator, as it was given")] = ""
    recheck_of: Annotated[Sha256 | None, Meta(description="The evidence whose items were looked for again")] = None
    rechecked: Annotated[EarlierEvidence | None, Meta(description="The same for a person")] = None
    resource: Annotated[DeletedResource | None, Meta(description="Of an Azure resource that was deleted")] = None


class Item(Record, frozen=True, kw_only=True):
    """The outcome of one planned item, with the last answer to its deletion: status, request id, time.

    If no deletion was sent, the status is 0, and request id and time are empty.
    """

    project: str
    row: str
    id: str
    state: State
    status: Count
    request_id: str
    at: str
    reason: str


class LedgerEnd(Record, frozen=True, kw_only=True):
    """The ledger that the evidence is derived from: its file, how many lines it has, the SHA-256 of the last one."""

    file: str
    lines: Count
    last: Sha256


class Evidence(Head, frozen=True, kw_only=True):
    """What an erasure deleted and left, derived from its ledger alone."""

    format: Literal["cv-gdpr-evidence/1"]
    failed: Annotated[list[Unread], Meta(description="Projects in scope that could not be read")]
    reference: Annotated[str, Meta(description="Of --reference, as it was given")]
    operator: Annotated[str, Meta(description="Of --operator, as it was given")]
    recheck_of: Annotated[Sha256 | None, Meta(description="The evidence whose items were looked for again")]
    rechecked: Annotated[EarlierEvidence | None, Meta(description="The same for a person; null: not a recheck")]
    resource: Annotated[DeletedResource | None, Meta(description="null: no Azure resource was to be deleted")]
    listed_from: Annotated[Time, Meta(description="When the last listing began: later items may not be in the plan")]
    retryable: Annotated[bool, Meta(description="Whether the same command, with new evidence, may delete more")]
    counts: dict[State, Count]
    items: list[Item]
    residue: Annotated[list[Item], Meta(description="The items in the state residue, once more")]
    language: Annotated[LanguageCode, Meta(description="Of the certificate; all that this file says is in English")]
    annex: Annotated[bool, Meta(description="Whether the certificate lists every id")]
    ledger: LedgerEnd


def as_json(record: Struct) -> Json:
    """Return a record as the object that JSON holds."""
    fields: Json = to_builtins(record)
    return fields


def field_names(record: type[Struct]) -> tuple[str, ...]:
    """Return the names of a record's fields as they stand in JSON."""
    names: Any = record.__struct_encode_fields__
    return tuple(names)
