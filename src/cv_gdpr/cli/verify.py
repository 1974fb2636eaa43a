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

    from cv_gdpr.evidence.records import Evidence
    from cv_gdpr.evidence.vouching import Vouching
    from cv_gdpr.sealing.bags import BagVouching
    from cv_gdpr.sealing.checking import Anchors
    from cv_gdpr.verify import Verification

_PROVED = {
    False: "evidence, ledger, certificate and hashes agree",
    True: "the ledger is intact; only its evidence shows whether lines are missing at its end",
}


@click.command(cls=Command)
@click.argument("paths", cls=Argument, metavar="DIR|FILE ...", type=FilePath(), nargs=-1, required=True)
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
    differs, 4 if something does (each difference is named), 3 if an export says that it is not complete, or if
    something is not a file of cv-gdpr.
    """
    output = OutputOptions(quiet, verbose, as_json)
    if as_csv and as_json:
        raise UsageError("give either --json or --csv")
    anchors = anchors_of(signer or _signers_of_environment(), tsa_certificate)
    if len(paths) > 1 or as_csv:
        from cv_gdpr.cli.register import items_of, print_register

        return print_register(items_of(paths), anchors, output, as_csv=as_csv)
    (path,) = paths
    if path.is_file():
        return _verify_file(path, anchors, output)
    from cv_gdpr.cli.register import refuse_evidence_in

    refuse_evidence_in(path)
    from cv_gdpr.sealing.bags import vouched
    from cv_gdpr.verify import verify as check

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
    from cv_gdpr.cli.register import EVIDENCE, PLAN, item_of, print_register

    if (path.parent / "bagit.txt").is_file() and not path.with_suffix(".jsonl").exists():
        raise UsageError(f"{path} is a file of the export {path.parent}", "verify the folder")
    item = item_of(path)
    if item.kind == PLAN:
        if not (output.as_json or output.quiet):
            _show_plan(item.path)
        return print_register([item], anchors, output, as_csv=False)
    asked = anchors.signers or anchors.authorities
    is_of_evidence = item.kind == EVIDENCE and (path.suffix != ".jsonl" or asked)
    return _verify_evidence(item.path if is_of_evidence else path, anchors, output)


def _show_plan(path: "Path") -> None:
    """Print what a plan would delete; one that is not whole prints nothing: the register says why."""
    from cv_gdpr.cli.plan_view import show_saved
    from cv_gdpr.delete.plan import load_plan, plan_bytes

    try:
        plan = load_plan(path, plan_bytes(path))
    except UsageError:
        return
    show_saved(plan)
    click.echo()


def _verify_evidence(path: "Path", anchors: "Anchors", output: OutputOptions) -> int:
    from cv_gdpr.evidence.checking import check
    from cv_gdpr.evidence.vouching import checked

    if path.suffix == ".jsonl":
        differences, vouching = [*check(path), *_unvouched(anchors)], None
    else:
        differences, vouching = checked(path, anchors)
        differences += vouching.differences if vouching else ()
    proved = _evidence_of(path) if not differences else None
    if output.as_json:
        from cv_gdpr.cli.documents import of_evidence

        print_json(of_evidence(path, differences, proved, vouching))
        return 4 if differences else 0
    for difference in differences:
        click.echo(f"differs: {printable(difference)}")
    if differences:
        click.echo(f"Error: {plural(len(differences), 'difference')} in {path}", err=True)
    elif not output.quiet:
        click.echo(f"verified: {path}; {_PROVED[path.suffix == '.jsonl']}")
        for line in (*(_lines_of(proved) if proved else ()), *(_vouching_lines(vouching) if vouching else ())):
            click.echo(f"  {printable(line)}")
    return 4 if differences else 0


def _unvouched(anchors: "Anchors") -> list[str]:
    """Return what is asked for and cannot be shown of a ledger alone."""
    asked = (anchors.signers, "a signature"), (anchors.authorities, "a time-stamp")
    return [f"{what} covers evidence, not a ledger alone: verify NAME.json" for anchor, what in asked if anchor]


def _vouching_lines(vouching: "Vouching") -> list[str]:
    """Return who signed evidence, since when it exists, and since when its ledger does."""
    begun = [f"its ledger's first line: {vouching.begun.words}"] if vouching.begun.proof != "none" else []
    approved = [vouching.approved.words] if vouching.approved else []
    return [vouching.signed.words, vouching.existed.words, *begun, *approved]


def _evidence_of(path: "Path") -> "Evidence | None":
    """Return what proved evidence says, also for a file beside it; None for a ledger alone."""
    from cv_gdpr.evidence.proven import read

    evidence = path.with_suffix(".json")
    return None if path.suffix == ".jsonl" or not evidence.is_file() else read(evidence.read_bytes())


def _lines_of(evidence: "Evidence") -> list[str]:
    """Return what evidence says that it proves, of the people behind it, and which evidence it looked at again."""
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
