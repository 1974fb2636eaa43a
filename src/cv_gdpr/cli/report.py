"""`cv-gdpr report BAG`: a site of a verified export that a person can read, offline."""

from typing import TYPE_CHECKING

import click

from cv_gdpr.cli.arguments import OutputOptions
from cv_gdpr.cli.groups import Command
from cv_gdpr.cli.interrupting import if_interrupted
from cv_gdpr.cli.option_types import FilePath
from cv_gdpr.cli.options import lang_option, output_options
from cv_gdpr.cli.output import absolute, plural, print_json, print_some, print_table, printable, size, to_do
from cv_gdpr.cli.parameters import Argument, option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cv_gdpr.report.site import Report

_OF_ALL = "the first page says what is missing, and why"
_OF_A_PERSON = "the cover sheet says that something is missing; data/missing.jsonl says what and why"
_SHOWN = 20  # pictures without a thumbnail that are named; --json names all


@click.command(cls=Command, short_help="Make pages of an export that a person can read, offline, in a browser.")
@click.argument("bag", cls=Argument, metavar="BAG", type=FilePath())
@option("--out", type=FilePath(), metavar="DIR", help="A new folder; by default BAG-report beside the export.")
@option("--copy", "only_copies", is_flag=True, help="Copy the pictures; by default they are linked where possible.")
@option("--contact", metavar="TEXT", help="On the cover sheet for a data subject: whom to ask.")
@option(
    "--zip",
    "packed",
    type=FilePath(),
    metavar="FILE",
    help="Write the site as one file, instead of a folder; with --out, both.",
)
@lang_option
@output_options
def report(  # noqa: PLR0913 - one for each option
    bag: "Path",
    *,
    out: "Path | None",
    only_copies: bool,
    contact: str | None,
    packed: "Path | None",
    lang: str,
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> int:
    """Make pages of an export that a person can read, offline, in any browser.

    They show what was exported and what is missing, each project, its iterations, and each picture with its tags,
    boxes and full record. The export is verified first, and never changed. Needs cv-gdpr[report].

    An export of what selectors took (--tag, --metadata, --image-id, --predicted-tag) gets a cover sheet for the data
    subject instead: only her pictures, what is kept with each, which models were trained on them, her rights.

    Exits 0 if everything is shown, 3 if a picture could not be shown or the export is not complete, 4 if it does not
    verify.
    """
    output = OutputOptions(quiet, verbose, as_json)
    from cv_gdpr.archive.new_folder import beside, check_free
    from cv_gdpr.archive.placing import Placer
    from cv_gdpr.errors import UsageError
    from cv_gdpr.languages import language
    from cv_gdpr.report.cover import is_for_a_person
    from cv_gdpr.report.site import Report
    from cv_gdpr.report.thumbnails import check_extra
    from cv_gdpr.report.zipping import check_free as check_free_file
    from cv_gdpr.verify.verified import verified

    target = out or (None if packed else beside(bag, "report"))
    if target:
        check_free(target, bag)
    if packed:
        check_free_file(packed, bag, target)
    check_extra()
    checked, incomplete = verified(bag)
    for_a_person = is_for_a_person(checked)
    if contact and not for_a_person:
        hint = "leave it out, or report an export made with --tag, --metadata, --image-id or --predicted-tag"
        raise UsageError("--contact is for a cover sheet, and this export is not one of a data subject", hint)
    result = Report(bag, target, language(lang), incomplete, packed, for_a_person, Placer(only_copies=only_copies))
    _run(result, contact or "", quiet=quiet)
    if_interrupted(f"{result.written} was written")
    _report(result, output)
    return result.exit_code


def _run(result: "Report", contact: str, *, quiet: bool) -> None:
    from cv_gdpr.archive.bag import Bag
    from cv_gdpr.cli.progress import counting
    from cv_gdpr.report.cover import make_cover
    from cv_gdpr.report.site import THUMBNAILS, make
    from cv_gdpr.report.zipping import pack, removed_if_failing, site_folder

    with (
        counting(THUMBNAILS, quiet=quiet) as progress,
        removed_if_failing() as written,
        site_folder(result.out, result.packed) as folder,
    ):
        if result.for_a_person:
            make_cover(Bag(result.bag), result, folder, progress, contact)
        else:
            make(Bag(result.bag), result, folder, progress)
        if result.packed:
            pack(folder, result.packed)
            written.append(result.packed)


def _report(result: "Report", output: OutputOptions) -> None:
    if output.as_json:
        from cv_gdpr.cli.report_documents import of_report

        print_json(of_report(result))
    elif not output.quiet:
        _print(result)
    not_shown = (
        f"Not shown: project {one.project}, picture {printable(one.id)}: {printable(one.reason)}"
        for one in result.not_shown
    )
    in_all = f"Not shown: {plural(len(result.not_shown), 'picture')} in all; --json names each"
    print_some(not_shown, _SHOWN, in_all)
    if result.for_a_person and result.counts and not output.quiet:
        to_do(["before you send it, look at each picture: it may show other people"])
    if reasons := "; ".join(_reasons(result)):
        click.echo(f"Error: {reasons}", err=True)


def _reasons(result: "Report") -> "Iterator[str]":
    """Yield what the site does not show."""
    if result.not_shown:
        yield f"{plural(len(result.not_shown), 'picture')} could not be shown; everything else of them is there"
    if result.incomplete:
        yield f"the export is not complete: {_OF_A_PERSON if result.for_a_person else _OF_ALL}"


def _print(result: "Report") -> None:
    headings = ("project", "workspace", "tagged", "iterations only", "predictions", "boxes", "no file", "id")
    rows = [
        (printable(result.names.get(id_, "")), *(f"{count:,}" for count in one), id_)
        for id_, one in result.counts.items()
    ]
    if rows:
        print_table(f"pictures in {absolute(result.written)}", headings, rows, numbers=set(range(1, 7)))
    click.echo(f"{plural(result.pages, 'page')}, the largest has {size(result.largest)}")
    placed = result.placer.counts
    if files := ", ".join(f"{count} {how}" for how, count in placed.items() if result.out):
        click.echo(f"pictures: {files}")
    if result.packed:
        pictures = plural(placed.total(), "picture")
        click.echo(f"one file: {printable(absolute(result.packed))}, with {pictures}")
        click.echo("unpack it, and open index.html in a browser")
    if result.out:
        click.echo(f"open {printable(absolute(result.start))} in a browser")
    click.echo("the pages hold personal data: keep them like the export itself")
