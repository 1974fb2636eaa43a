"""`cv-gdpr find BAG PHOTO...`: copies of a photograph in a verified export."""

from typing import TYPE_CHECKING

import click

from cv_gdpr.cli.arguments import OutputOptions
from cv_gdpr.cli.groups import Command
from cv_gdpr.cli.interrupting import if_interrupted
from cv_gdpr.cli.option_types import FilePath
from cv_gdpr.cli.options import output_options
from cv_gdpr.cli.output import absolute, as_text, plural, print_json, print_some, print_table, printable, to_do
from cv_gdpr.cli.parameters import Argument, option
from cv_gdpr.platforms.shells import quoted

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.archive.bag import Bag
    from cv_gdpr.cli.find_documents import FindDocument
    from cv_gdpr.find.result import Found

_SHOWN = 50  # matches printed at most; --json and --out have all
_NOTHING = "no copy of these photographs was found: try others of the person, and an export of everything"
_UNSEARCHED = 20


@click.command(cls=Command, short_help="Find copies of a photograph in an export, without the service.")
@click.argument("bag", cls=Argument, metavar="BAG", type=FilePath())
@click.argument("photos", cls=Argument, metavar="PHOTO...", type=FilePath(), nargs=-1, required=True)
@option(
    "--out",
    type=FilePath(),
    metavar="DIR",
    help="Write ids.txt (for --image-ids-file), review.html and matches.json into this folder.",
)
@option(
    "--index",
    type=FilePath(),
    metavar="DIR",
    help="Keep features of the pictures in this folder, so that the next search is faster. They are personal data.",
)
@output_options
def find(  # noqa: PLR0913 - one for each option
    bag: "Path",
    photos: "tuple[Path, ...]",
    *,
    out: "Path | None",
    index: "Path | None",
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> int:
    """Find copies of photographs in an export, without the service.

    Compares each PHOTO with the images of the workspace, those that only iterations hold, and the stored predictions:
    the same bytes, the whole picture though changed (copy), a part of it. The export is verified first. No face is
    compared. Copies and parts need cv-gdpr[find].

    Exits 0 whatever was found, 3 if a picture could not be searched (each is named), 4 if the export does not verify.
    """
    output = OutputOptions(quiet, verbose, as_json)
    from cv_gdpr.archive.new_folder import refuse_within
    from cv_gdpr.cli.progress import counting
    from cv_gdpr.find.same import read_photo
    from cv_gdpr.find.search import check, copies
    from cv_gdpr.find.writing import check_free
    from cv_gdpr.verify.verified import verified

    for name, folder in (("--out", out), ("--index", index)):
        if folder:
            refuse_within(name, folder, bag)
    if out:
        check_free(out)
    contents = {str(path): read_photo(path) for path in photos}
    check(contents)
    checked, incomplete = verified(bag)
    if index:
        if_interrupted("no result was written; the index keeps what was compared, and the same command goes on from it")
    with counting("pictures", quiet=quiet) as progress:
        found = copies(checked, contents, index=index, progress=progress)
    found.incomplete = incomplete
    from cv_gdpr.cli.find_documents import of_found

    document = of_found(found)
    if out:
        _write(out, document, found, checked, contents)
        if_interrupted(f"{out} was written")
    _report(found, document, output)
    if out and not (quiet or as_json):
        click.echo(f"written: {printable(absolute(out / 'review.html'))}, ids.txt, matches.json")
        to_do(_next(found, out))
    return found.exit_code


def _next(found: "Found", out: "Path") -> list[str]:
    """Return what to do with the result; no deletion while something was not searched."""
    look = f"look at {absolute(out / 'review.html')} first"
    if found.exit_code:
        return [look, "before you delete anything, search what was not searched: the lines above name it"]
    if not any(one.certain for one in found.matches):
        if not (found.matches or found.other_frames):
            return [_NOTHING]
        return [look, "nothing that was found is certain: in ids.txt, remove the # before each id that is right"]
    ids, export = (quoted(printable(str(path))) for path in (out / "ids.txt", found.bag))
    delete = f"cv-gdpr delete --all --image-ids-file {ids} --with-iterations --require-export {export}"
    return [look, f"then: {delete} --dry-run"]


def _write(out: "Path", document: "FindDocument", found: "Found", bag: "Bag", contents: dict[str, bytes]) -> None:
    from cv_gdpr.find.review import review
    from cv_gdpr.find.writing import write

    write(out, as_text(document).encode(), found, review(found, bag, contents))


def _report(found: "Found", document: "FindDocument", output: OutputOptions) -> None:
    if output.as_json:
        print_json(document)
    elif not output.quiet:
        _print(found)
    unsearched = (f"{one.row} {one.id}, {printable(one.file)}: {printable(one.reason)}" for one in found.unsearched)
    in_all = f"Not searched: {plural(len(found.unsearched), 'picture')} in all; --json names each"
    print_some((f"Not searched: {words}" for words in unsearched), _UNSEARCHED, in_all)
    if found.missing:
        click.echo(f"Not searched: {plural(found.missing, 'item')} without a file in the export", err=True)
    if found.incomplete:
        click.echo("Error: the export is not complete: data/missing.jsonl names what is missing", err=True)
    if found.only_same:
        from cv_gdpr.extras import install

        click.echo("Error: only equal bytes were searched: copies and parts need the extra find", err=True)
        click.echo(f"Hint: {install('find')}", err=True)


def _print(found: "Found") -> None:
    from cv_gdpr.find.result import COPY, PART, SAME

    rows = [
        (one.kind, "yes" if one.certain else "no", f"{one.score:.2f}", one.row, one.id, one.like)
        for one in found.matches[:_SHOWN]
    ]
    if rows:
        headings = ("kind", "certain", "score", "row", "id", "like")
        columns = len(headings) - (len(found.photos) == 1)  # of one photograph, each is like that
        title = f"matches in {found.bag}"
        print_table(title, headings[:columns], [row[:columns] for row in rows], numbers={2})
    if len(found.matches) > _SHOWN:
        click.echo(f"{len(found.matches) - _SHOWN} more: --json and --out have all")
    counts = f"{found.count(SAME)} same, {found.count(COPY)} copy, {found.count(PART)} part"
    if found.other_frames:
        frames = plural(len(found.other_frames), "picture")
        click.echo(f"{frames} with the same view and something else in it: not copies but frames of a fixed camera")
    certain = sum(one.certain for one in found.matches)
    searched, photos = plural(found.searched, "picture"), plural(len(found.photos), "photo")
    if found.only_same:
        compared = plural(found.by_bytes, "picture")
        click.echo(f"{compared} compared byte by byte with {photos}: {found.count(SAME)} same")
        click.echo("copies and parts not searched: that needs the extra find")
    else:
        click.echo(f"{searched} searched for {photos}: {counts}")
    if doubtful := len(found.matches) - certain:
        verb = "is" if doubtful == 1 else "are"
        click.echo(f"{doubtful} of these {verb} not certain: look at them (--out DIR writes review.html)")
