"""What the documents of `export` and `list` share: what was searched, and what the selectors found there."""

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from cv_gdpr.cli.failure import Document, Part

if TYPE_CHECKING:
    from cv_gdpr.export.result import ExportResult
    from cv_gdpr.held.resource import Holdings


class CopiesOutside(Part, kw_only=True, frozen=True):
    """A container or queue of the customer to which the service writes for a project: copies that no export holds."""

    project: str
    setting: str
    address: Annotated[str, Meta(description="Without credentials.")]


class SearchDocument(Document, kw_only=True, frozen=True):
    """What a command says that reads everything in scope."""

    resource: Annotated[str | None, Meta(description="The id of the Azure resource, where the row account has it.")]
    by_hand: Annotated[dict[str, str], Meta(description="Row: what a person must do, since no operation reads it.")]
    copies_outside: Annotated[list[CopiesOutside], Meta(description="Copies outside this API, for a person to export.")]
    unmatched: Annotated[list[str], Meta(description="The selector values that matched nothing.")]
    undecided: Annotated[list[str], Meta(description="Those that matched nothing where not all could be listed.")]
    not_searched: Annotated[dict[str, str], Meta(description="Row: why the selectors cannot narrow it.")]
    copies: Annotated[dict[str, str], Meta(description="Id of a copy that was selected: id of the original.")]
    doubtful: Annotated[dict[str, str], Meta(description="What may be a copy and was not selected: the original.")]
    predictions_not_searched: Annotated[
        dict[str, int | None],
        Meta(description="Project: how many stored predictions nothing searched; null: they could not be counted."),
    ]
    calls: Annotated[dict[str, int], Meta(description="Operation: how many calls were sent.")]
    seconds: float


def of_search(found: "ExportResult | Holdings") -> dict[str, Any]:
    """Return the fields of a `SearchDocument`, but for those of every document."""
    return {
        "resource": found.resource or None,
        "by_hand": found.by_hand,
        "copies_outside": [CopiesOutside(**one._asdict()) for one in found.copies_outside],
        "unmatched": found.unmatched,
        "undecided": found.undecided,
        "not_searched": found.not_searched,
        "copies": found.copies,
        "doubtful": found.doubtful,
        "predictions_not_searched": found.predictions_not_searched,
        "calls": dict(found.calls),
        "seconds": round(found.seconds, 3),
    }
