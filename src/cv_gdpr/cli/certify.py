"""`cv-gdpr certify EVIDENCE|PLAN|DIR`: sign and time-stamp what is there, without the service."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import click

from cv_gdpr.cli import options as shared
from cv_gdpr.cli.arguments import OutputOptions, part_of
from cv_gdpr.cli.groups import Command
from cv_gdpr.cli.option_types import FilePath
from cv_gdpr.cli.output import absolute, plural, print_json, printable
from cv_gdpr.cli.parameters import Argument
from cv_gdpr.cli.sealing import seals_of
from cv_gdpr.errors import NotVerified, UsageError
from cv_gdpr.platforms.shells import quoted

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.evidence.papers import Paper
    from cv_gdpr.evidence.records import LanguageCode
    from cv_gdpr.evidence.seals import Seals
    from cv_gdpr.sealing.checking import Signed, Stamped


class PageOptions(NamedTuple):
    """What the certificate is asked to be, and where it is written."""

    names: "Path | None" = None
    no_names: bool = False
    annex: bool | None = None
    lang: "LanguageCode | None" = None
    out: "Path | None" = None


class Done(NamedTuple):
    """What was certified: its kind, the files that were written, what vouches for it now, and what is lacking.

    `lacking`: what was asked for and is not there; `announced`: what the ledger says will be there; `unchanged`:
    the further certificates that stay as they were.
    """

    kind: Literal["evidence", "export", "plan"]
    path: "Path"
    written: "list[Path]"
    signed: "Signed"
    existed: "Stamped"
    lacking: list[str]
    announced: list[str] = []  # noqa: RUF012 - of a tuple: nobody changes it
    unchanged: "list[Path]" = []  # noqa: RUF012


@click.command(cls=Command)
@click.argument("path", cls=Argument, metavar="EVIDENCE", type=FilePath())
@shared.seal_options
@shared.later_certificate_options
@shared.output_options
@click.pass_context
def certify(ctx: click.Context, /, path: "Path", **_: Any) -> int:
    """Complete, sign, time-stamp and print evidence, without the service.

    It may be done later, elsewhere, and by someone else. EVIDENCE is the evidence of an erasure or recheck
    (NAME.json), a saved plan that you approve by signing it, or the folder of an export. It is verified first. What is
    missing beside evidence is written from its ledger; what is there is kept. With --lang, --names or --annex, and
    where it adds a signature or time-stamp, it writes a further certificate to print, NAME.certificate.LANG.html;
    made anew, that keeps its names and its annex.
    Exits with 0 if all that was asked for is there, with 3 if a signature or time-stamp is lacking.
    """
    from cv_gdpr.cli.register_items import EXPORT, FOREIGN, PLAN, item_of

    item, page = item_of(path), part_of(ctx.params, PageOptions)
    sign_with, timestamp_from = ctx.params["sign_with"], ctx.params["timestamp_from"]
    if item.kind == FOREIGN:
        raise UsageError(f"{path} is not evidence, a plan or an export: {item.why}")
    if item.kind == PLAN and (timestamp_from or not sign_with):
        raise UsageError("a plan is approved by signing it", "give --sign KEY, and no --timestamp")
    if item.kind in {PLAN, EXPORT} and page != PageOptions():
        raise UsageError("--lang, --names, --annex and --out are for evidence: it alone has a certificate")
    paper = _paper(page)
    seals = seals_of(sign_with, timestamp_from)
    certifies = {PLAN: _plan, EXPORT: _export}.get(item.kind, partial(_evidence, paper=paper, out=page.out))
    return _report(certifies(item.path, seals), part_of(ctx.params, OutputOptions), copied=page.out is not None)


def _paper(page: PageOptions) -> "Paper":
    """Return the certificate that is asked for; raise UsageError for a file that is not a list of names."""
    from cv_gdpr.cli.inputs import read_names
    from cv_gdpr.evidence.papers import Paper

    if page.names and page.no_names:
        raise UsageError("--names and --no-names contradict each other")
    names = read_names(str(page.names)) if page.names else {} if page.no_names else None
    return Paper(page.lang, names, page.annex)


def _evidence(path: "Path", seals: "Seals", paper: "Paper", out: "Path | None") -> Done:
    from cv_gdpr.evidence.certifying import certify as complete
    from cv_gdpr.evidence.files import papers_at
    from cv_gdpr.evidence.papers import projects_in
    from cv_gdpr.evidence.proven import read

    with _copied(path.with_suffix(".json"), out) as evidence:
        before = papers_at(evidence)
        done = complete(evidence, seals, paper)
    read_again = read(evidence.read_bytes())
    if paper.names and (unused := len(paper.names.keys() - projects_in(read_again))):
        words = f"{plural(unused, 'name')} in --names not used: of projects that this evidence does not hold"
        click.echo(f"Note: {words}", err=True)
    for page in before:
        _note_kept(page, paper, paper.language or read_again.language)
    unchanged = [page for page in before if page not in done.written]
    announced = [] if done.lacking else done.vouching.lacking
    signed, existed = done.vouching.signed, done.vouching.existed
    return Done("evidence", evidence, done.written, signed, existed, done.lacking, announced, unchanged)


def _note_kept(page: "Path", asked: "Paper", language: "LanguageCode") -> None:
    """Say what a page that was there before still shows although this command, for `language`, did not ask for it."""
    from cv_gdpr.evidence.shape import shape_in

    if (shape := shape_in(page.read_bytes())) is None:
        return
    is_asked = shape.language == language
    without = "" if is_asked else f"--lang {shape.language} "
    names = shape.names.keys() - (asked.names or {} if is_asked else {})
    annex = shape.annex and not (is_asked and asked.annex)
    kept = [
        *([f"it still shows the names of projects; {without}--no-names leaves them out"] if names else []),
        *([f"it still has the annex of every id; {without}--no-annex leaves it out"] if annex else []),
    ]
    for words in kept:
        click.echo(f"Note: {printable(page.name)}: {words}", err=True)


@contextmanager
def _copied(evidence: "Path", out: "Path | None") -> "Iterator[Path]":
    """Yield the evidence to certify: itself, or a copy in a new folder, which is removed if something fails."""
    if out is None:
        yield evidence
        return
    from cv_gdpr.evidence.certifying import copy_to, remove_copy

    made = not out.exists()
    copy = copy_to(out, evidence)
    try:
        yield copy
    except BaseException:
        remove_copy(copy, folder=made)
        raise


def _export(folder: "Path", seals: "Seals") -> Done:
    from cv_gdpr.sealing.bags import SIGNATURE, SIGNED_AT, TOKEN, seal, vouched
    from cv_gdpr.sealing.checking import Anchors, refuse_another_key
    from cv_gdpr.verify import verify

    before = vouched(folder, Anchors())
    _require_none([*verify(folder).differences, *before.differences], f"{folder} does not verify")
    refuse_another_key(folder / SIGNATURE, before.signed, seals.signer)
    places = [folder / TOKEN, folder / SIGNATURE, folder / SIGNED_AT]
    there = {place for place in places if place.exists()}
    lacking = seal(folder, seals.signer, seals.authority)
    vouching = vouched(folder, Anchors())
    _require_none(vouching.differences, f"{folder} was changed meanwhile")
    written = [place for place in places if place.exists() and place not in there]
    return Done("export", folder, written, vouching.signed, vouching.existed, lacking)


def _require_none(differences: list[str], words: str) -> None:
    """Raise NotVerified if there are differences; `words` say what of."""
    from cv_gdpr.evidence.certifying import NAMES_EACH

    if differences:
        raise NotVerified(f"{words}: {differences[0]}", NAMES_EACH)


def _plan(path: "Path", seals: "Seals") -> Done:
    from cv_gdpr.archive.writing import storing, write_new
    from cv_gdpr.delete.plan import load_plan, plan_bytes
    from cv_gdpr.sealing.checking import NONE, WRONG, Anchors, Stamped, signature_on

    content, beside = plan_bytes(path), path.with_name(f"{path.name}.sig")
    plan = load_plan(path, content)
    if beside.exists():
        raise UsageError(f"{beside} exists", "a plan has one approval; move it away to sign again")
    words = f"approves the deletion of {plural(plan.total, 'item')} of {plan.endpoint}; plan {plan.hash}"
    click.echo(f"Note: the signature {printable(words)}", err=True)
    if seals.signer:
        with storing(beside):
            write_new(beside, seals.signer.sign(content))
    signed = signature_on(plan_bytes(path), beside, Anchors(), None)
    _require_none([f"{beside.name}: {signed.why}"] if signed.proof == WRONG else [], f"{path} was changed meanwhile")
    return Done("plan", path, [beside], signed, Stamped(NONE), [])


def _report(done: Done, output: OutputOptions, *, copied: bool) -> int:
    code = 3 if done.lacking or done.announced else 0
    if output.as_json:
        from cv_gdpr.cli.verify_documents import of_certified

        print_json(of_certified(done, code))
    elif not output.quiet:
        for place in done.written:
            click.echo(f"written: {printable(absolute(place))}")
        for place in done.unchanged:
            click.echo(f"unchanged: {printable(absolute(place))}")
        click.echo(f"{printable(str(done.path))}: {printable(done.signed.words)}")
        if done.kind != "plan":
            click.echo(f"{printable(str(done.path))}: {printable(done.existed.words)}")
    for one in (*done.lacking, *(f"announced, but {one}" for one in done.announced)):
        click.echo(f"Error: {printable(one)}", err=True)
    if code:
        again = f"the same command for {quoted(str(done.path))}, without --out," if copied else "the same command"
        how = "--sign KEY or --timestamp URL adds it" if done.announced else f"{again} tries again"
        click.echo(f"Hint: what is there is kept; {how}", err=True)
    return code
