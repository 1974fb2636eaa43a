"""`cv-gdpr redact EVIDENCE BAG ...`: earlier exports follow an erasure."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cv_gdpr.cli import options as shared
from cv_gdpr.cli.arguments import OutputOptions, RecordOptions, part_of
from cv_gdpr.cli.groups import Command
from cv_gdpr.cli.interrupting import if_interrupted
from cv_gdpr.cli.option_types import FilePath
from cv_gdpr.cli.output import plural, print_json, print_table, printable, size, to_do
from cv_gdpr.cli.parameters import Argument, option
from cv_gdpr.errors import CvGdprError, StorageError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.redact.run import Redacted
    from cv_gdpr.redact.whole import Order


class Ended(NamedTuple):
    """A bag, and what was done with it or why nothing was."""

    bag: "Path"
    done: "Redacted | None" = None
    error: CvGdprError | None = None


@click.command(cls=Command)
@click.argument("evidence", cls=Argument, metavar="EVIDENCE", type=FilePath())
@click.argument("bags", cls=Argument, metavar="BAG...", nargs=-1, required=True, type=FilePath())
@option(
    "--out",
    type=FilePath(),
    metavar="DIR",
    help="The new export; of several, the folder that they are written into. Default: BAG-redacted, beside each.",
)
@option("--in-place", is_flag=True, help="Exchange BAG for the new export, and remove what was erased from the disk.")
@option(
    "--index",
    type=FilePath(),
    metavar="DIR",
    help="The folder in which find keeps features of pictures: those of erased ones are removed from it.",
)
@shared.record_options
@shared.output_options
@click.pass_context
def redact(ctx: click.Context, /, **_: Any) -> int:
    """Take what an erasure erased out of exports that were made before it.

    EVIDENCE is the evidence of the erasure (NAME.json), BAG an export of the same resource. Both are verified first.
    Files, records in every list, and whole projects that the evidence proves gone are left out of a new export, which
    cv-gdpr verify accepts. Its redactions.jsonl says which ids, when, and by which evidence.
    """
    given, output = ctx.params, part_of(ctx.params, OutputOptions)
    places = _places(given["bags"], given["out"], in_place=given["in_place"])
    record = part_of(given, RecordOptions)
    from cv_gdpr.errors import worst
    from cv_gdpr.evidence.proven import proven
    from cv_gdpr.redact.whole import Order

    order = Order(proven(given["evidence"]), record.reference or "", record.operator or "")
    index = given["index"]
    if_interrupted("the same command begins again: each export is whole, old or new")
    if len(places) == 1:
        ended = [_one(order, *places[0], index)]
        if error := ended[0].error:
            raise error
    else:
        ended = _each(order, places, given["out"], index)
    code = worst(one.error.exit_code if one.error else 0 for one in ended)
    _report(order, ended, code, output)
    return code


def _places(bags: "tuple[Path, ...]", out: "Path | None", *, in_place: bool) -> "Sequence[tuple[Path, Path | None]]":
    """Return where each new export is written; None: in place. Raise UsageError for two of the same name."""
    if in_place and out:
        raise UsageError("give either --out or --in-place")
    if in_place:
        return [(bag, None) for bag in bags]
    if len(bags) == 1 and out:
        return [(bags[0], out)]
    names = [(bag, _absolute(bag)) for bag in bags]
    found = [(bag, out / full.name if out else full.with_name(f"{full.name}-redacted")) for bag, full in names]
    if len({target for _, target in found}) < len(found):
        raise UsageError("two of the exports have the same name", "redact them one by one, each with its own --out")
    return found


def _absolute(bag: "Path") -> "Path":
    import os
    from pathlib import Path

    return Path(os.path.abspath(bag))  # noqa: PTH100 - `.` has a name, and a link keeps its own


def _one(order: "Order", bag: "Path", out: "Path | None", index: "Path | None") -> Ended:
    from cv_gdpr.redact.run import redact as work

    try:
        return Ended(bag, work(order, bag, out, index))
    except CvGdprError as error:
        return Ended(bag, error=error)


def _each(
    order: "Order", places: "Sequence[tuple[Path, Path | None]]", out: "Path | None", index: "Path | None"
) -> list[Ended]:
    """Redact each; an error costs its export, but one of the disk all that come after."""
    from cv_gdpr.archive.writing import private_folder, storing

    new = bool(out and not out.exists())
    if out:
        with storing(out):
            private_folder(out)
    ended: list[Ended] = []
    for bag, target in places:
        ended.append(_one(order, bag, target, index))
        if isinstance(ended[-1].error, StorageError):
            rest = places[len(ended) :]
            ended += [Ended(later, error=CvGdprError("not begun, since an error stopped the run")) for later, _ in rest]
            break
    if out and new:
        with suppress(OSError):
            out.rmdir()  # nothing had to be written
    return ended


# --- the result ---------------------------------------------------------------------------------------------------


def _report(order: "Order", ended: list[Ended], code: int, output: OutputOptions) -> None:
    if output.as_json:
        from cv_gdpr.cli.after_documents import of_redact

        print_json(of_redact(order, ended, code))
    elif not output.quiet:
        for one in ended:
            if one.done:
                _print_done(one.done, output.verbose)
        _print_copies(ended)
    failed = [one for one in ended if one.error]
    for one in failed if len(ended) > 1 else ():
        click.echo(f"Failed: {printable(str(one.bag))}: {printable(str(one.error))}", err=True)
    if failed and len(ended) > 1:
        click.echo(f"Error: {plural(len(failed), 'export')} of {len(ended)} not redacted", err=True)


def _print_done(done: "Redacted", verbose: int) -> None:
    taken = done.taken
    if done.made is None:
        click.echo(f"{printable(str(done.bag))} holds nothing of what was erased; nothing was written")
        return
    rows = [(row, str(count)) for row, count in taken.rows.items()]
    click.echo(f"{printable(str(done.bag))}:")
    print_table("taken out of it", ("row", "items"), rows, numbers={1})
    for named in taken.items if verbose else ():
        for identity in named.ids:
            click.echo(f"  {named.row} {printable(identity)}")
    files = f"{plural(taken.files, 'file')} ({size(taken.size)})"
    click.echo(f"{files} taken out, {plural(taken.changed, 'record')} changed")
    for line in _remarks(done):
        click.echo(printable(line))
    to_do(_to_do(done))


def _remarks(done: "Redacted") -> Iterator[str]:
    """Yield what a person should know of a redaction, the new export, and what the old one still holds."""
    taken = done.taken
    if taken.rows.get("iterations"):
        yield "with each iteration went what the export held of it alone: its exported models and its performance"
    if taken.forgotten:
        yield f"{plural(taken.forgotten, 'picture')} taken out of the index of find"
    for one in taken.signatures:
        yield f"signature dropped, as it was of the export before: {one.file} (SHA-256 {one.sha256})"
    for project, iteration in done.models:
        yield (
            f"the exported models of iteration {iteration} of project {project} stay: trained on what was erased, or "
            "with the name of an erased tag in their labels"
        )
    yield f"redacted: {done.made}"


def _to_do(done: "Redacted") -> Iterator[str]:
    """Yield what holds what was erased even now, and what to do about it."""
    if done.taken.linked_elsewhere:
        words = plural(done.taken.linked_elsewhere, "file")
        yield (
            f"{words} taken out had another name on this disk: in an export made with --reuse, a data set of "
            "convert, a report, or a redacted export. Redact those exports too; delete those data sets and reports"
        )
    if done.still_holds:
        held = plural(done.still_holds, "erased item")
        yield f"{done.bag} still holds {held}: remove it, or redact it with --in-place"


def _print_copies(ended: list[Ended]) -> None:
    from cv_gdpr.redact.copies import CANNOT_REACH

    if any(one.done for one in ended):
        click.echo(f"{CANNOT_REACH}.")
    seen = [copy for one in ended if one.done for copy in one.done.copies]
    for copy in seen:
        click.echo(f"seen beside it, not changed: {printable(str(copy))}")
    if seen:
        click.echo("only what lies beside the export and has its name in front is seen; other copies cannot be known")
