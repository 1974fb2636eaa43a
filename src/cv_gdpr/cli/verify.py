"""`cv-gdpr verify DIR|FILE`: an export, or the evidence of an erasure."""

import os
from typing import TYPE_CHECKING

import click

from cv_gdpr.cli.arguments import OutputOptions
from cv_gdpr.cli.groups import Command
from cv_gdpr.cli.option_types import FilePath
from cv_gdpr.cli.options import output_options
from cv_gdpr.cli.output import plural, print_json, printable, size
from cv_gdpr.cli.parameters import Argument, option, refuse_blank
from cv_gdpr.cli.sealing import anchors_of
from cv_gdpr.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.cli.register import Entry
    from cv_gdpr.cli.register_items import Item
    from cv_gdpr.evidence.records import Evidence
    from cv_gdpr.evidence.vouching import Verified, Vouching
    from cv_gdpr.sealing.bags import BagVouching
    from cv_gdpr.sealing.checking import Anchors
    from cv_gdpr.verify import Verification

_PROVED = {
    False: "evidence, ledger, certificate and hashes agree",
    True: "the ledger is intact; only its evidence shows whether lines are missing at its end",
}
_COMPARED = "it agrees with itself, as far as this version can tell"


@click.command(cls=Command)
@click.argument("paths", cls=Argument, metavar="DIR|FILE ...", type=FilePath(readable=False), nargs=-1, required=True)
@option(
    "--signer",
    type=FilePath(),
    metavar="FILE",
    help="Require a signature of someone in this list (allowed signers of OpenSSH). Default: CV_GDPR_SIGNERS.",
)
@option(
    "--tsa-certificate",
    type=FilePath(),
    metavar="FILE",
    help="Require a time-stamp of an authority whose root certificate is in this file (PEM; needs cv-gdpr[evidence]).",
)
@option("--csv", "as_csv", is_flag=True, help="Print the register as CSV, one line for each thing.")
@output_options
def verify(  # noqa: PLR0913 - its options
    paths: "tuple[Path, ...]",
    *,
    signer: "Path | None",
    tsa_certificate: "Path | None",
    as_csv: bool,
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> int:
    """Check exports, and the evidence of erasures, without the service.

    DIR: an export; checks hashes, the file of every record, and counts. FILE: evidence (NAME.json), checked with its
    ledger, certificate and hashes, or a ledger alone (NAME.jsonl). It says who signed it and since when it exists, and
    with --signer and --tsa-certificate proves that. Of many it prints a register: one line each. Exits 0 if nothing
    differs, 4 if something does (each difference is named), 3 if an export says that it is not complete, if
    something is not a file of cv-gdpr, or if another version worded a certificate that nobody is proven to have signed.
    """
    output = OutputOptions(quiet, verbose, as_json)
    if as_csv and as_json:
        raise UsageError("give either --json or --csv")
    anchors = anchors_of(signer or _signers_of_environment(), tsa_certificate)
    if len(paths) > 1 or as_csv:
        from cv_gdpr.cli.register import print_register
        from cv_gdpr.cli.register_items import items_of

        return print_register(items_of(paths), anchors, output, as_csv=as_csv)
    (path,) = paths
    return _verify_file(path, anchors, output) if _is_file(path) else _verify_export(path, anchors, output)


def _is_file(path: "Path") -> bool:
    from cv_gdpr.archive.reading import reading

    with reading(path):
        return path.is_file()


def _verify_export(path: "Path", anchors: "Anchors", output: OutputOptions) -> int:
    from cv_gdpr.archive.reading import reading
    from cv_gdpr.cli.register_items import refuse_evidence_in

    with reading(path):
        refuse_evidence_in(path)
    from cv_gdpr.sealing.bags import vouched
    from cv_gdpr.verify import verify as check

    with reading(path):
        result, vouching = check(path), vouched(path, anchors)
    result.differences += vouching.differences
    report(result, output, vouching)
    return result.exit_code


def _signers_of_environment() -> "Path | None":
    refuse_blank("CV_GDPR_SIGNERS")
    if not (named := os.environ.get("CV_GDPR_SIGNERS")):
        return None
    from pathlib import Path

    return Path(named)


def _verify_file(path: "Path", anchors: "Anchors", output: OutputOptions) -> int:
    from cv_gdpr.cli.register_items import EVIDENCE, EXPORT, PLAN, item_of

    item = item_of(path)
    if item.kind == EXPORT:
        raise UsageError(f"{path} is a file of the export {item.path}", "verify the folder")
    if item.kind == PLAN:
        return _verify_plan(item, anchors, output)
    asked = anchors.signers or anchors.authorities
    is_of_evidence = item.kind == EVIDENCE and (path.suffix != ".jsonl" or asked)
    return _verify_evidence(item.path if is_of_evidence else path, anchors, output)


def _verify_plan(item: "Item", anchors: "Anchors", output: OutputOptions) -> int:
    """Print a plan, what differs, and who signed it; as JSON, a register of one line."""
    from cv_gdpr.cli.register import entry_of, print_register

    if output.as_json:
        return print_register([item], anchors, output, as_csv=False)
    entry = entry_of(item, anchors)
    if not output.quiet:
        _show_plan(item.path, with_ids=bool(output.verbose))
    _print_plan(entry, quiet=output.quiet)
    return entry.exit_code


def _print_plan(entry: "Entry", *, quiet: bool) -> None:
    """Print each difference of a plan, or why it could not be checked; else that it is whole, and who signed it."""
    path = printable(str(entry.item.path))
    for difference in entry.differences:
        click.echo(f"differs: {printable(difference)}")
    if entry.differences:
        click.echo(f"Error: {plural(len(entry.differences), 'difference')} in {path}", err=True)
    elif entry.whole is None:
        click.echo(f"Error: {path}: {printable(entry.outcome)}", err=True)
    elif not quiet:
        click.echo(f"verified: {path}; its content and its hash agree\n  {printable(entry.signed.words)}")


def _show_plan(path: "Path", *, with_ids: bool) -> None:
    """Print what a plan would delete; one that is not whole prints nothing: the difference says why."""
    from cv_gdpr.cli.plan_view import show_saved
    from cv_gdpr.delete.plan import load_plan, plan_bytes

    try:
        plan = load_plan(path, plan_bytes(path))
    except UsageError:
        return
    show_saved(plan, with_ids=with_ids)
    click.echo()


def _verify_evidence(path: "Path", anchors: "Anchors", output: OutputOptions) -> int:
    from cv_gdpr.evidence.vouching import verified, verified_ledger

    done = (verified_ledger if path.suffix == ".jsonl" else verified)(path, anchors)
    proved = None if done.differences else _evidence_of(path)
    if output.as_json:
        from cv_gdpr.cli.documents import of_evidence

        print_json(of_evidence(path, done, proved))
    else:
        _print_verified(path, done, proved, quiet=output.quiet)
    return done.exit_code


def _print_verified(path: "Path", done: "Verified", proved: "Evidence | None", *, quiet: bool) -> None:
    """Print each difference; if there is none, what was verified, and what could not be compared."""
    from cv_gdpr.cli.register import hint_at_resuming

    for difference in done.differences:
        click.echo(f"differs: {printable(difference)}")
    if done.differences:
        click.echo(f"Error: {plural(len(done.differences), 'difference')} in {path}", err=True)
        hint_at_resuming(path)
        return
    if not quiet:
        compared = _PROVED[path.suffix == ".jsonl"] if not done.found.uncompared else _COMPARED
        click.echo(f"{'verified' if not done.unproven else 'in part'}: {path}; {compared}")
        for line in (*_uncompared_lines(done), *_lines_of(proved), *_vouching_lines(done.vouching)):
            click.echo(f"  {printable(line)}")
    if done.unproven:
        click.echo(f"Error: words in {path} could not be compared, and nobody is proven to have signed them", err=True)


def _uncompared_lines(done: "Verified") -> list[str]:
    """Return what another version worded otherwise, and who vouches for it."""
    by = "" if done.unproven or not done.vouching else f"; {done.vouching.signed.by} vouches for it"
    return [f"not compared: {one}{by}" for one in done.found.uncompared]


def _vouching_lines(vouching: "Vouching | None") -> list[str]:
    """Return who signed evidence, since when it exists, and since when its ledger does."""
    if vouching is None:
        return []
    begun = [f"its ledger's first line: {vouching.begun.words}"] if vouching.begun.proof != "none" else []
    approved = [vouching.approved.words] if vouching.approved else []
    return [vouching.signed.words, vouching.existed.words, *begun, *approved]


def _evidence_of(path: "Path") -> "Evidence | None":
    """Return what proved evidence says, also for a file beside it; None for a ledger alone."""
    from cv_gdpr.evidence.proven import read

    evidence = path.with_suffix(".json")
    return None if path.suffix == ".jsonl" or not evidence.is_file() else read(evidence.read_bytes())


def _lines_of(evidence: "Evidence | None") -> list[str]:
    """Return what evidence says that it proves, of the people behind it, and which evidence it looked at again."""
    if evidence is None:
        return []
    from cv_gdpr.cli.register import scope_of

    first = evidence.runs[0].started if evidence.runs else ""
    said = {
        "Verdict": evidence.verdict,
        "Scope": scope_of(evidence),
        "Period": f"{first} to {evidence.finished}",
        "Exit code of the run": str(evidence.exit_code),
        "Reference": evidence.reference,
        "Operator": evidence.operator,
        "Recheck of the evidence with SHA-256": evidence.recheck_of,
        "Reference of that evidence": evidence.rechecked.reference if evidence.rechecked else "",
    }
    return [f"{name}: {value}" for name, value in said.items() if value]


def report(result: "Verification", output: OutputOptions, vouching: "BagVouching | None" = None) -> None:
    """Print the result of a verification: a line for each difference, or JSON."""
    if output.as_json:
        from cv_gdpr.cli.documents import of_verification

        print_json(of_verification(result, vouching))
        return
    print_found(result, output)
    if vouching and not (result.differences or output.quiet):
        click.echo(f"  {printable(vouching.signed.words)}\n  {printable(vouching.existed.words)}")
    if result.differences:
        click.echo(f"Error: {plural(len(result.differences), 'difference')} in {result.folder}", err=True)
    elif result.incomplete:
        click.echo("Error: the export is not complete: data/missing.jsonl names what is missing", err=True)


def print_found(result: "Verification", output: OutputOptions) -> None:
    """Print the differences, or what was verified and what the export says of itself."""
    for difference in result.differences:
        click.echo(f"differs: {printable(difference)}")
    if result.differences or output.quiet:
        return
    found = f"{plural(result.files, 'file')}, {size(result.bytes)}"
    if result.incomplete:
        click.echo(f"not complete: {plural(result.missing, 'item')} missing; what it holds is verified: {found}")
    else:
        click.echo(f"verified: {found}; nothing differs")
    if result.redacted:
        words = f"{plural(result.redacted, 'item')} taken out of it after erasures"
        click.echo(f"  Redacted export: {words}; redactions.jsonl says which, when, by which evidence")
    if result.flagged:
        click.echo(f"  Flagged: {plural(result.flagged, 'file')} kept though unusual; files.jsonl says why")
    for label, value in result.bag_info:
        click.echo(f"  {label}: {printable(value)}")
