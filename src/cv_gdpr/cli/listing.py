"""`cv-gdpr list [ROW]`: its options, one reading of what is held, its result as a table, as JSON or as CSV."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cv_gdpr.cli import options as shared
from cv_gdpr.cli.arguments import ConnectionOptions, OutputOptions, ScopeOptions, part_of
from cv_gdpr.cli.connecting import azure_of, connection_for_account, connection_of, saying_that_it_is_deleted
from cv_gdpr.cli.copying import add_copies
from cv_gdpr.cli.groups import Rows
from cv_gdpr.cli.output import plural, print_json, show_similar, to_do
from cv_gdpr.cli.parameters import option, together
from cv_gdpr.cli.scoping import add_rows, for_all_profiles, scope_of
from cv_gdpr.errors import UsageError
from cv_gdpr.table.categories import ACCOUNT, Category

if TYPE_CHECKING:
    from cv_gdpr.held.resource import Holdings


class _ListOptions(NamedTuple):
    """What to show of it, and in which form."""

    values: bool
    as_csv: bool
    estimate: bool
    sample: int
    seed: int


_with_options = together(
    shared.scope_options,
    shared.selector_options,
    option("--values", is_flag=True, help="Also each value of metadata, with its number of images."),
    option("--csv", "as_csv", is_flag=True, help="Print the result as CSV, a line for each thing that is held."),
    option(
        "--estimate",
        is_flag=True,
        help="How many calls, hours and bytes an export and an erasure will take: from counts, and from a sample.",
    ),
    option(
        "--sample",
        type=click.IntRange(30, 100_000),
        default=200,
        show_default=True,
        metavar="N",
        help="--estimate: fetch and measure at most this many images.",
    ),
    option(
        "--seed", type=int, default=0, show_default=True, metavar="N", help="--estimate: the number that draws them."
    ),
    shared.connection_options,
    shared.output_options,
)


@click.group("list", cls=Rows, invoke_without_command=True, subcommand_metavar="[ROW]")
@_with_options
@click.pass_context
def list_held(ctx: click.Context, /, **_: Any) -> int | None:
    """List what a resource holds, or holds of one data subject, without exporting it.

    Each list is read as an export reads it, in every iteration, so that the counts are those of an export. Without
    ROW: every row of Microsoft's table and the stored predictions. Options may stand before or after ROW.
    """
    ctx.obj = dict(ctx.params)
    if ctx.invoked_subcommand is None:
        return _run(ctx.obj, ())
    return None


def _help(category: Category) -> str:
    origin = "" if category.covers else " Not in Microsoft's table."
    return f"{category.data}: how many are held.{origin}"


def _run(parameters: Mapping[str, Any], rows: tuple[str, ...]) -> int:
    given, own = part_of(parameters, ConnectionOptions), part_of(parameters, _ListOptions)
    output = part_of(parameters, OutputOptions)
    if own.as_csv and output.as_json:
        raise UsageError("give either --csv or --json", "both are a form of the result")
    if own.estimate:
        _check_estimate(parameters, own)
    if for_all_profiles(parameters):
        from cv_gdpr.cli.all_profiles import list_each

        return list_each(parameters, rows, as_csv=own.as_csv)
    scope = scope_of(part_of(parameters, ScopeOptions), rows, given.key_file)
    if rows == (ACCOUNT,) and scope.projects:
        raise UsageError(f"list {ACCOUNT} lists the Azure resource, and no project of it: leave --project out")
    if own.estimate:
        from cv_gdpr.cli.estimate_view import print_estimate

        return print_estimate(parameters, scope, (own.sample, own.seed))
    azure = azure_of(given)
    connection = connection_for_account(given, azure) if rows == (ACCOUNT,) else connection_of(given)
    from cv_gdpr.cli.progress import counting
    from cv_gdpr.held.resource import holdings
    from cv_gdpr.service.client import Service

    with Service(connection) as service:
        if copies_from := part_of(parameters, ScopeOptions).with_copies_from:
            scope = add_copies(service, scope, copies_from, only_same=False, quiet=output.quiet)
        with counting("projects", quiet=output.quiet) as watch, saying_that_it_is_deleted(azure):
            found = holdings(service, scope, azure, watch)
    _report(found, output, own)
    return found.exit_code


def _check_estimate(parameters: Mapping[str, Any], own: _ListOptions) -> None:
    """Raise UsageError for options that have no meaning beside --estimate."""
    if part_of(parameters, ScopeOptions).has_selector:
        words = "--estimate is about everything in scope, and takes no selector"
        raise UsageError(words, "an export with selectors reads the same lists, and fetches less")
    for given, other in ((own.as_csv, "--csv"), (own.values, "--values")):
        if given:
            raise UsageError(f"give either --estimate or {other}", "--json has the figures of an estimate")


def _report(found: "Holdings", output: OutputOptions, own: _ListOptions) -> None:
    from msgspec import to_builtins

    from cv_gdpr.cli.list_documents import of_holdings
    from cv_gdpr.cli.list_view import how_to_search_more, print_csv, print_holdings, print_shortfall

    document = of_holdings(found, values=own.values)
    if output.as_json:
        print_json(document)
    elif own.as_csv:
        print_csv([("", to_builtins(document))])
    elif not output.quiet:
        print_holdings(to_builtins(document), plural(len(found.projects), "project"), output.verbose)
        for copies in found.copies_outside:
            click.echo(f"copies outside: {copies.words('list')}")
    print_shortfall(found)
    if not output.quiet:
        to_do(how_to_search_more(found))
    if not output.as_json:
        show_similar(found.near)


add_rows(list_held, _with_options, _run, _help)
