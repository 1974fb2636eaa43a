"""`cv-gdpr certify EVIDENCE|PLAN|DIR`: sign and time-stamp what is there, without the service."""

from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

from cv_gdpr.cli import options as shared
from cv_gdpr.cli.arguments import OutputOptions
from cv_gdpr.cli.groups import Command
from cv_gdpr.cli.option_types import FilePath
from cv_gdpr.cli.output import absolute, plural, print_json, printable
from cv_gdpr.cli.parameters import Argument
from cv_gdpr.cli.sealing import seals_of
from cv_gdpr.errors import NotVerified, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.evidence.papers import Paper
    from cv_gdpr.evidence.records import LanguageCode
    from cv_gdpr.evidence.seals import Seals
    from cv_gdpr.sealing.checking import Signed, Stamped


class Done(NamedTuple):
    """What was certified: its kind, the files that were written, what vouches for it now, and what is lacking."""

    kind: Literal["evidence", "export", "plan"]
    path: "Path"
    written: "list[Path]"
    signed: "Signed"
    existed: "Stamped"
    lacking: list[str]


@click.command(cls=Command)
@click.argument("path", cls=Argument, metavar="EVIDENCE", type=FilePath())
@shared.seal_options
@shared.later_certificate_options
@shared.output_options
def certify(  # noqa: PLR0913 - its options
    path: "Path",
    *,
    sign_with: "Path | None",
    timestamp_from: str | None,
    names: "Path | None",
    annex: bool,
    lang: "LanguageCode | None",
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> int:
    """Complete, sign, time-stamp and print evidence, without the service.

    It may be done later, elsewhere, and by someone else. EVIDENCE is the evidence of an erasure or recheck
    (NAME.json), a saved plan that you approve by signing it, or the folder of an export. It is verified first. What is
    missing beside evidence is written from its ledger; what is there is kept. With --lang, --names or --annex, and
    where it adds a signature or time-stamp, it writes a further certificate to print, NAME.certificate.LANG.html.
    Exits with 0 if all that was asked for is there, with 3 if a signature or time-stamp is lacking.
    """
    del verbose
    from cv_gdpr.cli.register import EXPORT, FOREIGN, PLAN, item_of

    item = item_of(path)
    if item.kind == FOREIGN:
        raise UsageError(f"{path} is not evidence, a plan or an export: {item.why}")
    if item.kind == PLAN and (timestamp_from or not sign_with):
        raise UsageError("a plan is approved by signing it", "give --sign KEY, and no --timestamp")
    if item.kind in {PLAN, EXPORT} and (names or annex or lang):
        raise UsageError("--lang, --names and --annex are for evidence: it alone has a certificate")
    paper = _paper(names, lang, annex=annex)
    seals = seals_of(sign_with, timestamp_from)
    certifies = {PLAN: _plan, EXPORT: _export}.get(item.kind, partial(_evidence, paper=paper))
    return _report(certifies(item.path, seals), OutputOptions(quiet, 0, as_json))


def _paper(names: "Path | None", lang: "LanguageCode | None", *, annex: bool) -> "Paper":
    """Return the certificate that is asked for; raise UsageError for a file that is not a list of names."""
    from cv_gdpr.cli.inputs import read_names
    from cv_gdpr.evidence.papers import Paper

    return Paper(lang, read_names(str(names)) if names else None, annex)


def _evidence(path: "Path", seals: "Seals", paper: "Paper") -> Done:
    from cv_gdpr.evidence.certifying import certify as complete
    from cv_gdpr.evidence.papers import projects_in
    from cv_gdpr.evidence.proven import read

    evidence = path.with_suffix(".json")
    done = complete(evidence, seals, paper)
    if paper.names and (unused := len(paper.names.keys() - projects_in(read(evidence.read_bytes())))):
        words = f"{plural(unused, 'name')} in --names not used: of projects that this evidence does not hold"
        click.echo(f"Note: {words}", err=True)
    lacking = done.lacking or [f"announced, but {one}" for one in done.vouching.lacking]
    return Done("evidence", evidence, done.written, done.vouching.signed, done.vouching.existed, lacking)


def _export(folder: "Path", seals: "Seals") -> Done:
    from cv_gdpr.sealing.bags import SIGNATURE, SIGNED_AT, TOKEN, seal, vouched
    from cv_gdpr.sealing.checking import Anchors, refuse_another_key
    from cv_gdpr.verify import verify

    before = vouched(folder, Anchors())
    found = [*verify(folder).differences, *before.differences]
    if found:
        raise NotVerified(f"{folder} does not verify: {found[0]}", "cv-gdpr verify names every difference")
    refuse_another_key(folder / SIGNATURE, before.signed, seals.signer)
    places = [folder / TOKEN, folder / SIGNATURE, folder / SIGNED_AT]
    there = {place for place in places if place.exists()}
    lacking = seal(folder, seals.signer, seals.authority)
    vouching = vouched(folder, Anchors())
    written = [place for place in places if place.exists() and place not in there]
    return Done("export", folder, written, vouching.signed, vouching.existed, lacking)


def _plan(path: "Path", seals: "Seals") -> Done:
    from cv_gdpr.archive.writing import storing, write_new
    from cv_gdpr.delete.plan import load_plan, plan_bytes
    from cv_gdpr.sealing.checking import NONE, Anchors, Stamped, signature_on

    content, beside = plan_bytes(path), path.with_name(f"{path.name}.sig")
    plan = load_plan(path, content)
    if beside.exists():
        raise UsageError(f"{beside} exists", "a plan has one approval; move it away to sign again")
    words = f"approves the deletion of {plural(plan.total, 'item')} of {plan.endpoint}; plan {plan.hash}"
    click.echo(f"Note: the signature {printable(words)}", err=True)
    if seals.signer:
        with storing(beside):
            write_new(beside, seals.signer.sign(content))
    return Done("plan", path, [beside], signature_on(content, beside, Anchors(), None), Stamped(NONE), [])


def _report(done: Done, output: OutputOptions) -> int:
    code = 3 if done.lacking else 0
    if output.as_json:
        from cv_gdpr.cli.verify_documents import of_certified

        print_json(of_certified(done, code))
    elif not output.quiet:
        for place in done.written:
            click.echo(f"written: {printable(absolute(place))}")
        click.echo(f"{printable(str(done.path))}: {printable(done.signed.words)}")
        if done.kind != "plan":
            click.echo(f"{printable(str(done.path))}: {printable(done.existed.words)}")
    for one in done.lacking:
        click.echo(f"Error: {printable(one)}", err=True)
    if done.lacking:
        announced = any(one.startswith("announced") for one in done.lacking)
        how = "--sign KEY or --timestamp URL adds it" if announced else "the same command tries again"
        click.echo(f"Hint: what is there is kept; {how}", err=True)
    return code
