"""`cv-gdpr convert BAG --to FORMAT`: data sets for other tools from a verified export."""

from typing import TYPE_CHECKING

import click

from cv_gdpr.cli.arguments import OutputOptions
from cv_gdpr.cli.groups import Command
from cv_gdpr.cli.interrupting import if_interrupted
from cv_gdpr.cli.option_types import FilePath, OnePerLine, Shares
from cv_gdpr.cli.options import output_options
from cv_gdpr.cli.output import absolute, as_text, plural, print_json, print_some, printable
from cv_gdpr.cli.parameters import Argument, option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cv_gdpr.cli.convert_documents import ConvertDocument
    from cv_gdpr.convert.conversion import Conversion, Converted
    from cv_gdpr.convert.records import Note

_SHOWN = 20  # notes printed at once; --json and conversion.json have all
_DOCUMENT = "conversion.json"


@click.command(cls=Command, short_help="Make data sets for other tools of an export: COCO, YOLO, Azure AutoML, CSV.")
@click.argument("bag", cls=Argument, metavar="BAG", type=FilePath())
@option(
    "--to",
    type=click.Choice(["coco", "yolo", "automl", "csv"]),
    required=True,
    help="COCO; YOLO (Ultralytics); Azure AutoML for images (JSON Lines and MLTable); CSV, a line for each label.",
)
@option("--out", type=FilePath(), metavar="DIR", help="A new folder; by default BAG-FORMAT beside the export.")
@option(
    "--project",
    "projects",
    multiple=True,
    type=OnePerLine(),
    metavar="P",
    help="Only this project, by name or id; repeats. The data set of a single one lies in DIR itself.",
)
@option("--iteration", metavar="NAME|ID", help="What this iteration was trained on, in place of the workspace.")
@option(
    "--split",
    type=Shares(),
    metavar="N/N/N",
    help="Of a hundred images, how many are for training, validation and test; automl: 80/20 by default.",
)
@option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N", help="Chooses another split.")
@option(
    "--image-url-prefix",
    metavar="URL",
    help="Where the folder DIR will lie in a datastore (azureml://...), for automl.",
)
@option("--copy", "only_copies", is_flag=True, help="Copy the images; by default they are linked where possible.")
@output_options
def convert(  # noqa: PLR0913 - one for each option
    bag: "Path",
    *,
    to: str,
    out: "Path | None",
    projects: tuple[str, ...],
    iteration: str | None,
    split: tuple[int, int, int] | None,
    seed: int,
    image_url_prefix: str | None,
    only_copies: bool,
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> int:
    """Make a data set of each project of an export, for training elsewhere, without the service.

    The export is verified first; each data set is read back and compared with it: ids, labels, boxes to half a pixel.
    What a format cannot hold is named. DIR/conversion.json has all of it.

    Exits 0 if nothing was lost, 3 if something was (each is named), 4 if the export does not verify.
    """
    output = OutputOptions(quiet, verbose, as_json)
    from cv_gdpr.archive.new_folder import beside, check_free
    from cv_gdpr.convert.conversion import Conversion, Wanted, check_wanted
    from cv_gdpr.convert.records import Split
    from cv_gdpr.verify.verified import verified

    shares = Split(split, seed) if split else None
    wanted = check_wanted(Wanted(to, projects, iteration, shares, image_url_prefix, only_copies))
    if wanted.split:
        wanted = wanted._replace(split=wanted.split._replace(seed=seed))
    target = out or beside(bag, to)
    check_free(target, bag)
    _, incomplete = verified(bag)
    result = Conversion(bag, target, wanted, incomplete)
    _report(result, _run(result, quiet=quiet), output)
    return result.exit_code


def _run(result: "Conversion", *, quiet: bool) -> "ConvertDocument":
    """Make the data sets; return the document that is written beside them."""
    from cv_gdpr.archive.bag import Bag
    from cv_gdpr.archive.new_folder import new_folder, write_text
    from cv_gdpr.cli.convert_documents import of_conversion
    from cv_gdpr.cli.progress import counting
    from cv_gdpr.convert.conversion import PLACED
    from cv_gdpr.convert.conversion import convert as make

    with counting(PLACED, quiet=quiet) as progress, new_folder(result.out) as folder:
        make(Bag(result.bag), result, folder, progress)
        document = of_conversion(result)
        write_text(folder / _DOCUMENT, as_text(document))
    if_interrupted(f"{result.out} was written")
    return document


def _report(result: "Conversion", document: "ConvertDocument", output: OutputOptions) -> None:
    if output.as_json:
        print_json(document)
    elif not output.quiet:
        for one in result.sets:
            _print(one)
        click.echo(f"written: {printable(absolute(result.out))}")
    for one in result.sets:
        for warning in one.warnings:
            click.echo(f"Warning: project {_project(one)}: {warning}", err=True)
    print_some((f"Lost: {_words(note)}" for one in result.sets for note in one.lost), _SHOWN)
    for project in result.without:
        click.echo(f"Left out: project {project} has no such iteration", err=True)
    if result.wanted.format.addresses and not result.wanted.prefix and not output.quiet:
        click.echo("Note: image_url names files on this machine; for Azure give --image-url-prefix", err=True)
    if reasons := "; ".join(_reasons(result)):
        click.echo(f"Error: {reasons}", err=True)


def _reasons(result: "Conversion") -> "Iterator[str]":
    """Yield what is missing in the data sets."""
    if lost := sum(len(one.lost) for one in result.sets):
        yield f"{plural(lost, 'item')} lost: {_DOCUMENT} in {printable(str(result.out))} names each"
    if result.without:
        yield f"{plural(len(result.without), 'project')} left out"
    if result.incomplete:
        yield "the export is not complete: data/missing.jsonl names what is missing"


def _print(one: "Converted") -> None:
    of_part = ", ".join(f"{part} {count}" for part, count in one.images.items())
    images, labels = plural(one.images.total(), "image"), plural(one.labels.total(), "label")
    classes = f"{len(one.classes)} class" + ("" if len(one.classes) == 1 else "es")
    found = "something lost" if one.lost else "nothing lost"
    parts = f" ({of_part})" if len(one.images) > 1 else ""
    click.echo(f"project {_project(one)}, {one.data.task.value}: {images}{parts}, {labels}, {classes}; {found}")
    files = ", ".join(f"{count} {how}" for how, count in one.placed.items())
    if files:
        click.echo(f"  files: {files}")
    if one.placed["linked"]:
        click.echo("  a linked file is that of the export: changing it changes the export (--copy copies it)")
    if one.only_in_iterations:
        more = plural(sum(one.only_in_iterations.values()), "more image")
        names = ", ".join(f'"{printable(name)}"' for name in one.only_in_iterations)
        click.echo(f"  {more} only in iterations, not in this data set: --iteration {names}")
    if one.without_images:
        click.echo(f"  classes without images: {', '.join(printable(each.written) for each in one.without_images)}")
    for note in [note for note in one.notes if not note.lost][:_SHOWN]:
        click.echo(f"  Changed: {_words(note)}")


def _project(one: "Converted") -> str:
    return f'"{printable(one.data.name)}" ({one.data.project})' if one.data.name else one.data.project


def _words(note: "Note") -> str:
    ids = (("image", note.image), ("tag", note.tag), ("region", note.region))
    about = ", ".join(f"{kind} {printable(named)}" for kind, named in ids if named)
    return f"{about}: {printable(note.what)}" if about else printable(note.what)
