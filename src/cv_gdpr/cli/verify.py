"""`cv-gdpr verify DIR|FILE`: an export, or the evidence of an erasure."""

from typing import TYPE_CHECKING

import click

from cv_gdpr.cli.arguments import OutputOptions
from cv_gdpr.cli.groups import Command
from cv_gdpr.cli.option_types import FilePath
from cv_gdpr.cli.options import Argument, output_options
from cv_gdpr.cli.output import plural, print_json, printable, size
from cv_gdpr.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.evidence.records import Evidence
    from cv_gdpr.verify import Verification

_PROVED = {
    False: "evidence, ledger, certificate and hashes agree",
    True: "the ledger is intact; only its evidence shows whether lines are missing at its end",
}


@click.command(cls=Command)
@click.argument("path", cls=Argument, metavar="DIR|FILE", type=FilePath())
@output_options
def verify(path: "Path", *, quiet: bool, verbose: int, as_json: bool) -> int:
    """Check an export, or the evidence of an erasure, without the service.

    DIR: an export; checks hashes, the file of every record, and counts. FILE: evidence (NAME.json), checked with its
    ledger, certificate and hashes, or a ledger alone (NAME.jsonl). Exits 0 if nothing differs, 4 if something does
    (each difference is named), 3 if an export says that it is not complete.
    """
    output = OutputOptions(quiet, verbose, as_json)
    if path.is_file():
        return _verify_evidence(path, output)
    from cv_gdpr.verify import verify as check

    result = check(path)
    report(result, output)
    return result.exit_code


def _verify_evidence(path: "Path", output: OutputOptions) -> int:
    from cv_gdpr.evidence.checking import check

    if (path.parent / "bagit.txt").is_file() and not path.with_suffix(".jsonl").exists():
        raise UsageError(f"{path} is a file of the export {path.parent}", "verify the folder")
    differences = check(path)
    code = 4 if differences else 0
    proved = _evidence_of(path) if not differences else None
    if output.as_json:
        from cv_gdpr.cli.documents import of_evidence

        print_json(of_evidence(path, differences, code, proved))
        return code
    for difference in differences:
        click.echo(f"differs: {printable(difference)}")
    if differences:
        click.echo(f"Error: {plural(len(differences), 'difference')} in {path}", err=True)
    elif not output.quiet:
        click.echo(f"verified: {path}; {_PROVED[path.suffix == '.jsonl']}")
        for line in _lines_of(proved) if proved else ():
            click.echo(f"  {printable(line)}")
    return code


def _evidence_of(path: "Path") -> "Evidence | None":
    """Return what proved evidence says, also for a file beside it; None for a ledger alone."""
    from cv_gdpr.evidence.proven import read

    evidence = path.with_suffix(".json")
    return None if path.suffix == ".jsonl" or not evidence.is_file() else read(evidence.read_bytes())


def _lines_of(evidence: "Evidence") -> list[str]:
    """Return what evidence says of the people behind it, and which evidence it looked at again."""
    said = {
        "Reference": evidence.reference,
        "Operator": evidence.operator,
        "Recheck of the evidence with SHA-256": evidence.recheck_of,
    }
    return [f"{name}: {value}" for name, value in said.items() if value]


def report(result: "Verification", output: OutputOptions) -> None:
    """Print the result of a verification: a line for each difference, or JSON."""
    if output.as_json:
        from cv_gdpr.cli.documents import of_verification

        print_json(of_verification(result))
        return
    print_found(result, output)
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
