"""`cv-gdpr verify DIR`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cv_gdpr.cli.options import output_options
from cv_gdpr.cli.output import printable, size

if TYPE_CHECKING:
    from cv_gdpr.verify import Verification


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@output_options
def verify(folder: Path, **options: Any) -> int:
    """Prove an export without the service: the bag, the hashes, every record's file, the counts.

    Exits 0 if nothing differs, else 4 with each difference.
    """
    from cv_gdpr.verify import verify as check

    result = check(folder)
    report(result, options)
    return result.exit_code


def report(result: "Verification", options: dict[str, Any]) -> None:
    """Print what a verification came to: a line for each difference, or JSON."""
    if options["as_json"]:
        click.echo(json.dumps(as_json(result), ensure_ascii=False, indent=2))
        return
    for difference in result.differences:
        click.echo(f"differs: {printable(difference)}")
    if result.differences:
        click.echo(f"Error: {len(result.differences)} differences in {result.folder}", err=True)
    elif not options["quiet"]:
        click.echo(f"verified: {result.files} files, {size(result.bytes)}, {result.records} records; nothing differs")


def as_json(result: "Verification") -> dict[str, Any]:
    """Give the result as the document that --json prints."""
    return {
        "folder": str(result.folder),
        "verified": not result.differences,
        "exitCode": result.exit_code,
        "files": result.files,
        "bytes": result.bytes,
        "records": result.records,
        "differences": result.differences,
    }
