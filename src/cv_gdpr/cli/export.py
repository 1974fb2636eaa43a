"""`cv-gdpr export [ROW]`: its options, one call of the export, its result as a table or as JSON."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cv_gdpr.cli import options as shared
from cv_gdpr.cli.arguments import ConnectionOptions, OutputOptions, ScopeOptions, part_of
from cv_gdpr.cli.connecting import azure_of, connection_for_account, connection_of, saying_that_it_is_deleted
from cv_gdpr.cli.copying import add_copies
from cv_gdpr.cli.groups import Rows
from cv_gdpr.cli.interrupting import if_interrupted
from cv_gdpr.cli.option_types import FilePath
from cv_gdpr.cli.output import (
    plural,
    print_json,
    print_sentences,
    print_some,
    print_table,
    printable,
    show_similar,
    size,
    to_do,
)
from cv_gdpr.cli.parameters import option, together
from cv_gdpr.cli.scoping import add_rows, for_all_profiles, scope_of
from cv_gdpr.cli.sealing import print_lacking, seals_of
from cv_gdpr.cli.searching import Originals, how_to_search, not_searched_predictions
from cv_gdpr.errors import UsageError, worst
from cv_gdpr.table.categories import ACCOUNT, EXPORTS, Category

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.evidence.seals import Seals
    from cv_gdpr.export.result import ExportResult
    from cv_gdpr.verbatim import Json

_SHOWN = 20  # missing items printed at most; missing.jsonl has all


class _ExportOptions(NamedTuple):
    """Where to write, and how to fetch and keep."""

    out: "Path | None"
    recheck: bool
    include_keys: bool
    reuse: "tuple[Path, ...]"
    trust_listings: bool
    accept_missing: bool
    connections: int
    reference: str | None
    operator: str | None
    sign_with: "Path | None"
    timestamp_from: str | None


_with_options = together(
    shared.scope_options,
    shared.selector_options,
    option(
        "--out",
        type=FilePath(),
        metavar="DIR",
        help="Folder to write; default: cv-gdpr-export-<UTC time>. Give the same folder to resume a cut-off run.",
    ),
    option(
        "--accept-missing",
        is_flag=True,
        help="Close the bag even if items are missing that the service does not give; the bag says so. Exit code 3.",
    ),
    option(
        "--reuse",
        multiple=True,
        type=FilePath(),
        metavar="BAG",
        help="Link or copy what this earlier export of the same resource holds, and download only the rest; repeats.",
    ),
    option(
        "--trust-listings",
        is_flag=True,
        help="With --reuse: do not list an iteration again whose count and lastModified are unchanged.",
    ),
    option("--recheck", is_flag=True, help="On resuming, compare files by hash, not by size alone."),
    option("--include-keys", is_flag=True, help="Export the account's keys in clear instead of their fingerprints."),
    option(
        "--connections",
        type=click.IntRange(1, 256),
        default=32,
        show_default=True,
        metavar="N",
        help="Parallel downloads from blob storage.",
    ),
    shared.record_options,
    shared.seal_options,
    shared.connection_options,
    shared.output_options,
)


@click.group(cls=Rows, invoke_without_command=True, subcommand_metavar="[ROW]")
@_with_options
@click.pass_context
def export(ctx: click.Context, /, **_: Any) -> int | None:
    """Export the data of a resource, or of some projects, into a verifiable folder.

    Without ROW: every row of Microsoft's table and the stored predictions. Options may stand before or after ROW.
    """
    ctx.obj = dict(ctx.params)
    if ctx.invoked_subcommand is None:
        return _run(ctx.obj, ())
    return None


def _help(category: Category) -> str:
    origin = "" if category.covers else " Not in Microsoft's table."
    return f"{category.data}: {', '.join(category.exported_by)}.{origin}"


@cache
def _freeze_modules() -> None:
    """Exempt imported modules from garbage collection: scanning them repeatedly costs 6 % of an export."""
    gc.freeze()


def _run(parameters: Mapping[str, Any], rows: tuple[str, ...]) -> int:
    given, own = part_of(parameters, ConnectionOptions), part_of(parameters, _ExportOptions)
    if for_all_profiles(parameters):
        from cv_gdpr.cli.all_profiles import export_each

        return export_each(parameters, rows, own.out)
    output = part_of(parameters, OutputOptions)
    scope = scope_of(part_of(parameters, ScopeOptions), rows, given.key_file)
    if own.trust_listings and not own.reuse:
        raise UsageError("--trust-listings needs --reuse", "--reuse BAG names the earlier export that has the lists")
    if rows == (ACCOUNT,) and scope.projects:
        words = f"export {ACCOUNT} exports the Azure resource, and no project of it: leave --project out"
        raise UsageError(words, "cv-gdpr export --project exports what a project holds")
    azure = azure_of(given)
    connection = connection_for_account(given, azure) if rows == (ACCOUNT,) else connection_of(given)
    from cv_gdpr.cli.progress import showing
    from cv_gdpr.downloads.process import Fetching
    from cv_gdpr.export.resource import Options, export
    from cv_gdpr.service.client import Service

    seals = seals_of(own.sign_with, own.timestamp_from)
    fetching = Fetching(own.connections, given.patience, given.read_timeout)
    _freeze_modules()
    record = own.reference or "", own.operator or ""
    options = Options(
        own.out,
        fetching,
        own.include_keys,
        own.reuse,
        own.trust_listings,
        own.accept_missing,
        azure,
        own.recheck,
        *record,
    )
    with Service(connection) as service:
        if copies_from := part_of(parameters, ScopeOptions).with_copies_from:
            scope = add_copies(service, scope, copies_from, only_same=False, quiet=output.quiet)
        with showing(quiet=output.quiet) as watch, saying_that_it_is_deleted(azure):
            result = export(service, scope, options, watch)
    if_interrupted(f"the export is in {result.folder}, which cv-gdpr verify checks")
    lacking = _sealed(result, seals)
    report(result, output, lacking)
    if own.include_keys:
        _warn_of_keys(result)
    print_lacking(lacking, result.folder)
    return worst((result.exit_code, 3 if lacking else 0))


def _sealed(result: "ExportResult", seals: "Seals") -> list[str]:
    """Sign and time-stamp the export if it is finished; return why that is lacking."""
    if not (seals.signer or seals.authority):
        return []
    if not (result.folder / "bagit.txt").is_file():
        return ["the export is not complete, so that it is not signed: the same command tries again"]
    from cv_gdpr.sealing.bags import seal

    return seal(result.folder, seals.signer, seals.authority)


def _warn_of_keys(result: "ExportResult") -> None:
    from cv_gdpr.table.account import WITH_KEYS

    of_account = () if result.resource else ("account.json",)  # GetAccountInfo holds keys, Resource Manager's does not
    files = [result.folder / "data" / name for name in (*WITH_KEYS, *of_account)]
    for file in files:
        if file.exists():
            click.echo(f"Warning: {file} holds the resource's keys in clear: keep it secret, or renew them", err=True)
    if not any(file.exists() for file in files):
        click.echo("Warning: --include-keys: no keys are in what was exported; the row account has them", err=True)


def report(result: "ExportResult", output: OutputOptions, lacking: Sequence[str] = ()) -> None:
    """Print the result of an export as a table or as JSON; print what is missing to standard error too."""
    if output.as_json:
        from cv_gdpr.cli.documents import of_export

        print_json(of_export(result, lacking))
    elif not output.quiet:
        _print_result(result, output.verbose)
    _print_flagged(result)
    _print_damaged(result)
    _print_shortfall(result)
    if not output.quiet:
        absent = (result.unmatched or result.undecided) and not any(count.held for count in result.rows.values())
        originals = Originals.NOT_FOUND if absent else Originals.HELD
        to_do(how_to_search(result.predictions_not_searched, result.copies_from, originals))
    if not output.as_json:
        show_similar(result.near)


def _print_result(result: "ExportResult", verbose: int) -> None:
    rows: list[tuple[str, ...]] = [
        (row, str(count.held), str(count.exported), size(count.bytes), result.verdict(row))
        for row, count in result.rows.items()
    ]
    rows += [(row, "", "", "", f"not searched: {reason}") for row, reason in result.not_searched.items()]
    headings = ("row", "held", "exported", "bytes", "verdict")
    print_table(_title(result), headings, rows, numbers={1, 2, 3})
    if result.there:
        click.echo(f"resumed: {plural(result.there, 'file')} of {result.folder} were there, and not fetched again")
    for line in _lines_of_reuse(result):
        click.echo(line)
    for file, reason in result.absent.items():
        click.echo(f"{file}: not exported: {printable(reason)}")
    if verbose:
        calls = sorted(result.calls.items())
        print_table("calls sent", ("operation", "calls"), [(name, str(n)) for name, n in calls], numbers={1})
    by_hand = [f"{row}: {words}" for row, words in result.by_hand.items()]
    to_do([*by_hand, *(f"{EXPORTS}: {copies.words('export')}" for copies in result.copies_outside)])


def _lines_of_reuse(result: "ExportResult") -> Iterator[str]:
    """Yield what was taken from earlier exports."""
    for began, one in sorted(result.reused.items()):
        yield f"reused: {plural(one.files, 'file')}, {size(one.bytes)}, from the export begun at {began}"
    if result.trusted:
        since = min(one["read"] for one in result.trusted)
        yield f"trusted: {plural(len(result.trusted), 'list')} of iterations, not read again since {since}"


def _title(result: "ExportResult") -> str:
    """Return what was exported, and where it is."""
    what = [plural(len(result.projects), "project")] if list(result.rows) != [ACCOUNT] else []
    if result.resource:
        what.append(f"the Azure resource {result.resource.rpartition('/')[2]}")
    return f"{' and '.join(what) or 'nothing'} in {result.folder}"


def _where(entry: "Json") -> tuple[str | None, ...]:
    """Return the words that say what is missing, and where."""
    place = f"of iteration {entry['iteration']}" if entry["iteration"] else ""
    return entry["row"], entry["id"], place, "of project" if entry["project"] else "", entry["project"]


def _print_flagged(result: "ExportResult") -> None:
    """Name the files that are kept though unusual; not an error, as the service stores them like that."""
    flagged = (
        f"Warning: {printable(entry['file'])}: kept as the service stores it ({entry['flag']})"
        for entry in result.flagged
    )
    in_all = f"Warning: {plural(len(result.flagged), 'file')} like these; files.jsonl flags all"
    print_some(flagged, _SHOWN, in_all)


def _print_damaged(result: "ExportResult") -> None:
    """Name what of earlier exports was not taken; not an error, as it was read or downloaded instead."""
    damaged = (
        f"Warning: {printable('/'.join(filter(None, (one['export'], one['file']))))}: not reused: "
        f"{printable(one['reason'])}"
        for one in result.damaged
    )
    in_all = f"Warning: {plural(len(result.damaged), 'file')} like these; --json names all"
    print_some(damaged, _SHOWN, in_all)


def _print_shortfall(result: "ExportResult") -> None:
    largest_first = sorted(result.missing, key=lambda entry: entry["id"] is not None)  # whole lists, then items
    for entry in largest_first[:_SHOWN]:
        what = " ".join(str(part) for part in _where(entry) if part)
        click.echo(f"Missing: {printable(what)}: {printable(entry['reason'])}", err=True)
    _print_not_searched(result)
    if result.undecided:
        words = f"{', '.join(result.undecided)}: not found, but not everything could be searched"
        click.echo(f"Missing: {printable(words)}", err=True)
    if result.unmatched and (result.missing or result.bug):
        click.echo(f"Missing: nothing matches {printable(', '.join(result.unmatched))}", err=True)
    if result.bug:
        click.echo(f"Error: {printable(result.bug.message)}; the other projects were exported", err=True)
        click.echo(f"Hint: {result.bug.hint}", err=True)
    elif result.missing and result.accepted:
        words = f"{plural(len(result.missing), 'item')} missing; the bag says so in data/missing.jsonl"
        click.echo(f"Error: {words}", err=True)
    elif all(entry["row"] in result.by_hand for entry in result.missing) and result.missing:
        click.echo("Error: the account was not exported; the folder is not a bag yet", err=True)
        click.echo(f"Hint: the same command with --resource-id ID and --out {result.folder} exports it", err=True)
    elif result.missing:
        click.echo(f"Error: {plural(len(result.missing), 'item')} missing; the folder is not a bag yet", err=True)
        again = "the same command with the same --out tries them again"
        refused = (
            "the service refuses them (403) or has them no more (404, 410); --accept-missing closes the bag without"
        )
        hint = again if result.retryable else refused
        click.echo(f"Hint: {result.folder}/missing.jsonl names all; {hint}", err=True)
    elif error := _not_selected(result):
        click.echo(f"Error: {error}", err=True)


def _print_not_searched(result: "ExportResult") -> None:
    """Name what the selectors did not search, did not take, or did not find though that is allowed."""
    for one, of in result.doubtful.items():
        click.echo(f"Not selected: {one} may be a copy of {of}", err=True)
    if result.unmatched and result.missing_ok:
        click.echo(f"Note: nothing matches {printable(', '.join(result.unmatched))}", err=True)
    print_sentences(not_searched_predictions(result.predictions_not_searched))


def _not_selected(result: "ExportResult") -> str:
    """Return what the selectors left undone, in one line; empty for nothing."""
    if result.unmatched and not result.missing_ok:
        return f"nothing matches {printable(', '.join(result.unmatched))}"
    if result.doubtful:
        return "done in part: what may be copies was not selected"
    if not result.predictions_not_searched:
        return ""
    count = plural(len(result.predictions_not_searched), "project")
    return f"done in part: the stored predictions of {count} were not searched"


add_rows(export, _with_options, _run, _help)
