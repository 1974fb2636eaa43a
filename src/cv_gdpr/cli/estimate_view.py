"""`list --estimate`: one estimate, its result as a table or as JSON."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from cv_gdpr.cli.arguments import ConnectionOptions, OutputOptions, part_of
from cv_gdpr.cli.connecting import connection_of
from cv_gdpr.cli.output import plural, print_json, print_table, printable, size

if TYPE_CHECKING:
    from cv_gdpr.cli.estimate_documents import EstimateDocument
    from cv_gdpr.held.estimate import Estimate
    from cv_gdpr.table.scope import Scope

_ASSUMED = (
    "An estimate: without retries, without renewed links (after 24 hours), if nothing changes meanwhile and this "
    "machine keeps up. The files of tags, iterations and projects are not in the bytes: a few kilobytes each."
)


def print_estimate(parameters: Mapping[str, Any], scope: "Scope", sampled: tuple[int, int]) -> int:
    """Print the estimate for a scope; return the exit code. `sampled`: how many images at most, and the seed."""
    given, output = part_of(parameters, ConnectionOptions), part_of(parameters, OutputOptions)
    connection = connection_of(given)
    from cv_gdpr.cli.estimate_documents import of_estimate
    from cv_gdpr.cli.progress import counting
    from cv_gdpr.downloads.process import Fetching
    from cv_gdpr.held.estimate import Sampling, estimate
    from cv_gdpr.service.client import Service

    fetching = Fetching(patience=given.patience, silence=given.read_timeout)
    sampling = Sampling(*sampled, fetching, given.calls_per_second)
    with Service(connection) as service, counting("projects", quiet=output.quiet) as watch:
        found = estimate(service, scope, sampling, watch)
    document = of_estimate(found)
    if output.as_json:
        print_json(document)
    elif not output.quiet:
        _print(document, output.verbose)
    _print_shortfall(found)
    return found.exit_code


def _print(document: "EstimateDocument", verbose: int) -> None:
    lacking = {one.row for one in document.unlisted}
    rows = [(row, _held(count, lacks=row in lacking)) for row, count in document.rows.items()]
    print_table(plural(document.projects, "project"), ("row", "held"), rows, numbers={1})
    by = [("an export", document.export, document.export_seconds)]
    if document.erasure:
        by.append(("an erasure", document.erasure, document.erasure.seconds))
    least = "" if document.complete else "at least "
    cells = [(what, f"{least}{effort.total:,}", f"{least}{_time(seconds)}") for what, effort, seconds in by]
    print_table("what it will take", ("", "calls", "time"), cells, numbers={1, 2})
    click.echo(_words(document))
    click.echo(_ASSUMED)
    if verbose:
        for what, effort, _ in by:
            _print_calls(f"calls of {what}", effort.calls)
        _print_calls("calls of this estimate", document.calls)


def _held(count: int | None, *, lacks: bool) -> str:
    """Return how many items of a row are held, as far as they could be counted."""
    if count is None:
        return "not counted"
    return f"at least {count:,}" if lacks else f"{count:,}"


def _print_calls(title: str, calls: Mapping[str, int]) -> None:
    print_table(title, ("operation", "calls"), [(name, f"{n:,}") for name, n in sorted(calls.items())], numbers={1})


def _words(document: "EstimateDocument") -> str:
    """Return in words how many bytes there are, and what time and sample rest on."""
    sample = document.sample
    words = (
        f"Bytes: {_range(document)}. Each image has an entry in the workspace and one in each iteration that lists it. "
        f"Calls: {document.calls_per_second:g} a second."
    )
    if document.download_seconds is None or sample.bytes_per_second is None:
        return f"{words} Nothing was fetched, so no transfer rate is known."
    rate = size(round(sample.bytes_per_second))
    return f"{words} Downloads: {_time(document.download_seconds)}, at {rate} a second, as measured."


def _range(document: "EstimateDocument") -> str:
    """Return how many bytes there are: as measured, between which bounds, or at least."""
    found, sample = document.bytes, document.sample
    entries = f"{sample.images:,} of the {sample.of_images:,} entries in lists of images, seed {sample.seed}"
    if found.low is None or found.high is None:
        return f"at least {size(found.estimate)}, without what could not be counted (measured: {entries})"
    if sample.images == sample.of_images and found.low == found.high:
        return f"{size(found.estimate)} (measured: all {sample.of_images:,} entries in lists of images)"
    bounds = f"with {found.confidence:.0%} confidence between {size(found.low)} and {size(found.high)}"
    return f"about {size(found.estimate)}, {bounds} (measured: {entries})"


def _time(seconds: float) -> str:
    """Return a time in hours, minutes or seconds."""
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} hours"
    if 0 < seconds < 1:
        return "under a second"
    return f"{seconds / 60:.1f} minutes" if seconds >= 60 else plural(round(seconds), "second")


def _print_shortfall(found: "Estimate") -> None:
    for one in found.unlisted:
        click.echo(f"Not counted: {one.row} of project {one.project}: {printable(one.reason)}", err=True)
    if found.sample.failed:
        click.echo(f"Not measured: {plural(found.sample.failed, 'record, picture or model')}", err=True)
    if found.exit_code:
        click.echo("Error: the estimate lacks what could not be counted or measured", err=True)


def summary(document: Mapping[str, Any]) -> str:
    """Return one line about a document."""
    export, found = document["export"], document["bytes"]
    return f"export: {export['total']:,} calls, {_time(document['exportSeconds'])}, {size(found['estimate'])}"
