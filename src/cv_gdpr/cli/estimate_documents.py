"""The JSON document of `list --estimate`, as records; imported on use."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from cv_gdpr.cli.failure import Document, Part
from cv_gdpr.cli.list_documents import NotListed
from cv_gdpr.held.strata import CONFIDENCE

if TYPE_CHECKING:
    from cv_gdpr.held.estimate import Effort, Estimate
    from cv_gdpr.held.strata import Interval


class EstimatedCalls(Part, kw_only=True, frozen=True):
    """The calls that a command will send, and how long they take at `callsPerSecond`."""

    calls: Annotated[dict[str, int], Meta(description="Operation: how many.")]
    total: int
    seconds: float


class EstimatedBytes(Part, kw_only=True, frozen=True):
    """Bytes of an export, from a random sample: the true number lies between `low` and `high` with `confidence`.

    Without an interval (null) it is at least `estimate`: not everything could be counted.
    """

    estimate: int
    low: int | None
    high: int | None
    confidence: float | None


class SampleTaken(Part, kw_only=True, frozen=True):
    """The sample: the same `seed` draws the same images as long as nothing changes."""

    seed: int
    images: Annotated[int, Meta(description="How many places in lists of images were drawn.")]
    of_images: Annotated[int, Meta(description="Of how many: an image has a place in each iteration that keeps it.")]
    fetched: Annotated[int, Meta(description="How many pictures were fetched and measured, of images and predictions.")]
    failed: Annotated[int, Meta(description="How many records, pictures or models could not be read or measured.")]
    bytes_per_second: Annotated[float | None, Meta(description="The transfer rate; null: nothing was fetched.")]


class EstimateDocument(Document, kw_only=True, frozen=True, tag="cv-gdpr-estimate/1"):
    """What `list --estimate` prints: how many calls, seconds and bytes an export and an erasure of the scope will take.

    It is an estimate: no call is retried, no link renewed, nothing changes meanwhile, and this machine keeps up.
    """

    projects: int
    complete: Annotated[
        bool, Meta(description="false: all figures lack what `unlisted` names, or what could not be measured.")
    ]
    rows: Annotated[
        dict[str, int | None],
        Meta(description="Row: how many are held; images as far as the sample tells; null: nothing could be counted."),
    ]
    calls_per_second: float
    export: EstimatedCalls
    bytes: EstimatedBytes
    download_seconds: Annotated[
        float | None, Meta(description="At the transfer rate of the sample; null: nothing was fetched.")
    ]
    export_seconds: Annotated[float, Meta(description="The longer of both: downloads run beside the calls.")]
    erasure: Annotated[EstimatedCalls | None, Meta(description="Of everything in scope; null for single rows.")]
    sample: SampleTaken
    unlisted: Annotated[list[NotListed], Meta(description="What could not be counted, and is in no figure.")]
    calls: Annotated[dict[str, int], Meta(description="Operation: how many calls the estimate itself took.")]
    seconds: float


def of_estimate(found: "Estimate") -> EstimateDocument:
    """Return the document of an estimate."""
    size, sample, erasure = found.bytes, found.sample, found.erasure
    return EstimateDocument(
        exit_code=found.exit_code,
        retryable=found.exit_code != 0,
        projects=len(found.projects),
        complete=found.exit_code == 0,
        rows={row: count if count or row not in found.uncounted else None for row, count in found.held.items()},
        calls_per_second=found.rate,
        export=_of_effort(found.export),
        bytes=_of_bytes(size, complete=found.exit_code == 0),
        download_seconds=_rounded(found.download_seconds),
        export_seconds=round(found.export_seconds, 1),
        erasure=_of_effort(erasure) if erasure else None,
        sample=SampleTaken(
            seed=found.sampling.seed,
            images=len(sample.images.values),
            of_images=found.places,
            fetched=sample.fetched,
            failed=sample.failed,
            bytes_per_second=_rounded(sample.bytes_per_second),
        ),
        unlisted=[NotListed(**one._asdict()) for one in found.unlisted],
        calls=dict(found.calls),
        seconds=round(found.seconds, 3),
    )


def _of_bytes(size: "Interval", *, complete: bool) -> EstimatedBytes:
    low, high, confidence = (int(size.low), round(size.high), CONFIDENCE) if complete else (None, None, None)
    return EstimatedBytes(estimate=round(size.estimate), low=low, high=high, confidence=confidence)


def _of_effort(effort: "Effort") -> EstimatedCalls:
    return EstimatedCalls(
        calls={name: count for name, count in effort.calls.items() if count},
        total=effort.calls.total(),
        seconds=round(effort.seconds, 1),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
