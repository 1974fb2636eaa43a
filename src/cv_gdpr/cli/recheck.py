"""`cv-gdpr recheck EVIDENCE`: is what was erased still gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cv_gdpr.cli import options as shared
from cv_gdpr.cli.arguments import CertificateOptions, ConnectionOptions, OutputOptions, RecordOptions, part_of
from cv_gdpr.cli.connecting import azure_of, connection_of, sources_of
from cv_gdpr.cli.groups import Command
from cv_gdpr.cli.option_types import FilePath
from cv_gdpr.cli.output import plural, print_json, print_table, printable
from cv_gdpr.cli.parameters import Argument, option
from cv_gdpr.cli.sealing import print_lacking, seals_of
from cv_gdpr.errors import NotFound, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.delete.execute import Erased
    from cv_gdpr.delete.run import Terms
    from cv_gdpr.evidence.proven import Proven
    from cv_gdpr.evidence.records import Item
    from cv_gdpr.evidence.seals import Seals

_SHOWN = 20  # items


class Rechecked(NamedTuple):
    """What was looked for, what was found, and whether the evidence of that is kept."""

    proven: "Proven"
    erased: "Erased"
    kept: bool
    calls: dict[str, int]

    @property
    def there(self) -> "list[Item]":
        """What is there again."""
        return self.erased.evidence.residue

    @property
    def unknown(self) -> "list[Item]":
        """What could not be looked for."""
        return [one for one in self.erased.left if one not in self.there]


@click.command(cls=Command)
@click.argument("evidence", cls=Argument, metavar="EVIDENCE", type=FilePath())
@option(
    "--evidence",
    "kept",
    type=FilePath(),
    metavar="NAME.json",
    help="Keep the answer as evidence of its own, with ledger, page and hashes beside it, as delete does.",
)
@shared.record_options
@shared.seal_options
@shared.certificate_options
@shared.one_connection_options
@shared.output_options
@click.pass_context
def recheck(ctx: click.Context, /, **_: Any) -> int:
    """Ask the service again for everything that evidence says is gone.

    EVIDENCE is the evidence of an erasure (NAME.json), which is verified first: for instance after 30 days, or after
    a restore. Exits with 0 if all of it is still gone, with 4 if something is there again, with 3 if something could
    not be asked for. It says nothing of a picture that was uploaded anew: that has a new id. The endpoint must be that
    of the evidence; it is never taken from there, since the key is sent to it.
    """
    given, output = part_of(ctx.params, ConnectionOptions), part_of(ctx.params, OutputOptions)
    kept: Path | None = ctx.params["kept"]
    from cv_gdpr.evidence.files import check_free, check_name, ledger_of
    from cv_gdpr.evidence.proven import proven

    before = proven(ctx.params["evidence"])
    if kept:
        check_name(kept)
        if not ledger_of(kept).exists():
            check_free(kept)
    sealed = ctx.params["sign_with"], ctx.params["timestamp_from"]
    if any(sealed) and not kept:
        raise UsageError("--sign and --timestamp need --evidence: only what is kept can be signed", "nothing was sent")
    page = part_of(ctx.params, CertificateOptions)
    terms = _terms(before, part_of(ctx.params, RecordOptions), seals_of(*sealed), page)
    with _place(kept) as path:
        if before.evidence.endpoint.startswith("/"):
            done = Rechecked(before, _of_account(given, before, path, terms), bool(kept), {})
        else:
            done = _of_projects(given, before, path, terms)._replace(kept=bool(kept))
    _report(done, output)
    return done.erased.exit_code


@contextmanager
def _place(kept: "Path | None") -> "Iterator[Path]":
    """Yield where the evidence is written: where it is kept, or in a folder that is removed."""
    if kept:
        yield kept
        return
    from pathlib import Path
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="cv-gdpr-") as folder:
        yield Path(folder) / "recheck.json"


def _terms(before: "Proven", record: RecordOptions, seals: "Seals", page: CertificateOptions) -> "Terms":
    import json

    from cv_gdpr.delete.run import Terms

    return Terms(
        asked=json.dumps({"recheck": before.sha256}),
        reference=record.reference or "",
        operator=record.operator or "",
        seals=seals,
        language=page.lang,
        annex=page.annex,
        say=lambda text: click.echo(f"Warning: {printable(text)}", err=True),
    )


def _of_projects(given: ConnectionOptions, before: "Proven", path: "Path", terms: "Terms") -> Rechecked:
    from cv_gdpr.delete.recheck import recheck as look
    from cv_gdpr.service.client import Service
    from cv_gdpr.service.endpoint import checked_endpoint

    sources = sources_of(given)
    if sources.endpoint is None:
        raise sources.lacking(None, "")
    _require(before, checked_endpoint(sources.endpoint), "--endpoint")
    with Service(connection_of(given)) as service:
        erased = look(service, before, path, terms)
        return Rechecked(before, erased, kept=False, calls=dict(service.calls))


def _of_account(given: ConnectionOptions, before: "Proven", path: "Path", terms: "Terms") -> "Erased":
    from cv_gdpr.delete.recheck import recheck_account
    from cv_gdpr.service.azure_resource import AzureResource

    wanted = azure_of(given)
    if wanted is None:
        raise UsageError(
            f"the evidence is of an Azure resource: {before.evidence.endpoint}", "name it with --resource-id"
        )
    with AzureResource(wanted) as azure:
        try:
            place = str(azure.place)
        except NotFound as error:
            raise UsageError(error.message, error.hint) from None
        _require(before, place, "--resource-id")
        return recheck_account(azure, before, path, terms)


def _require(before: "Proven", named: str, option: str) -> None:
    """Raise UsageError unless the evidence is of the resource that was configured."""
    if named.lower() != before.evidence.endpoint.lower():
        words = f"the evidence is of another resource than {named}: {before.evidence.endpoint}"
        raise UsageError(words, f"nothing was sent; give that one with {option}, or its profile, if you trust it")


# --- the result ---------------------------------------------------------------------------------------------------


def _report(done: Rechecked, output: OutputOptions) -> None:
    from cv_gdpr.evidence.document import METHOD_OF_RECHECK

    evidence = done.erased.evidence
    if output.as_json:
        from cv_gdpr.cli.after_documents import of_recheck

        print_json(of_recheck(done))
    elif not output.quiet:
        click.echo(evidence.verdict)
        if METHOD_OF_RECHECK.note not in evidence.verdict:
            click.echo(METHOD_OF_RECHECK.note)
        gone = len(evidence.items) - len(done.erased.left)
        click.echo(f"still gone: {gone} of {plural(len(evidence.items), 'item')}")
        if done.kept:
            from cv_gdpr.cli.erasure_view import print_files

            print_files(done.erased.path)
        if output.verbose:
            calls = [(name, str(count)) for name, count in sorted(done.calls.items())]
            print_table("calls sent", ("operation", "calls"), calls, numbers={1})
    for word, items in (("There again", done.there), ("Not asked for", done.unknown)):
        for one in items[:_SHOWN]:
            reason = f": {one.reason}" if one.reason else ""
            click.echo(f"{word}: {printable(f'{one.row} {one.id} of project {one.project}{reason}')}", err=True)
    _print_error(done)


def _print_error(done: Rechecked) -> None:
    """Say in one line why the exit code is not 0, and what to do."""
    stopped = done.erased.stopped_by
    parts = [(done.there, "there again"), (done.unknown, "could not be looked for")]
    said = "; ".join(f"{plural(len(items), 'item')} {words}" for items, words in parts if items)
    if stopped and not done.there:
        said, hint = stopped.message, stopped.hint
    elif done.there:
        hint = "a restore may have brought it back: delete it again by its id"
    else:
        hint = "the same command asks again"
    if said:
        click.echo(f"Error: {printable(said)}", err=True)
        if hint:
            click.echo(f"Hint: {printable(hint)}", err=True)
    print_lacking(done.erased.lacking, done.erased.path)
