"""`cv-gdpr demo`: starts the simulator, fills it (cv_gdpr/demo.py), exports it and verifies the export."""

import shutil
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from cv_gdpr.cli.arguments import OutputOptions
from cv_gdpr.cli.groups import Command
from cv_gdpr.cli.interrupting import if_interrupted
from cv_gdpr.cli.option_types import FilePath
from cv_gdpr.cli.options import output_options
from cv_gdpr.cli.output import print_json, to_do
from cv_gdpr.cli.parameters import option
from cv_gdpr.errors import Interrupted
from cv_gdpr.extras import install
from cv_gdpr.platforms.shells import command, set_variable

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.export.result import ExportResult
    from cv_gdpr.verify import Verification

_NEXT = """\
  {verify}    # verify the folder again, at any time
  {simulate}    # run a simulated service to try every command on
  {endpoint}
  {key}
  {export}    # the same with your own resource"""


def _next(me: str, folder: object) -> str:
    endpoint = set_variable("CV_GDPR_ENDPOINT", "https://NAME.cognitiveservices.azure.com")
    return _NEXT.format(
        verify=command(me, "verify", str(folder)),
        simulate=command(me, "simulate"),
        export=command(me, "export", "--all"),
        endpoint=endpoint,
        key=set_variable("CV_GDPR_TRAINING_KEY", "..."),
    )


_WITHOUT_EXTRA = "the demo simulates it where the extra azure is installed"


@click.command(cls=Command)
@option("--out", type=FilePath(), metavar="DIR", help="Folder to write; default: a new one in the current folder.")
@output_options
def demo(out: "Path | None", *, quiet: bool, verbose: int, as_json: bool) -> int:
    """Fill, export and verify a simulated resource; no Azure account needed.

    The pictures are real photographs in the public domain.
    """
    from custom_vision_simulator import Simulator
    from cv_gdpr.archive.folder import refuse_existing
    from cv_gdpr.cli.progress import showing
    from cv_gdpr.demo import azure_resource, fill
    from cv_gdpr.export.resource import Options, export
    from cv_gdpr.service.client import Connection, Service
    from cv_gdpr.table.scope import Scope
    from cv_gdpr.verify import verify

    output = OutputOptions(quiet, verbose, as_json)
    say = _progress_printer(output)
    if out:
        refuse_existing(out)
    with Simulator() as simulator:
        say("Filling a simulated Custom Vision resource through Microsoft's SDK ...")
        fill(simulator.endpoint, simulator.training_key)
        say("Exporting all of it ...")
        with (
            Service(Connection(simulator.endpoint, simulator.training_key, 0)) as service,
            azure_resource(simulator) as azure,
            showing(quiet=quiet) as watch,
        ):
            options = Options(out, azure=azure, without_azure=_WITHOUT_EXTRA)
            result = _exported(lambda: export(service, Scope(), options, watch))
        if not azure:
            to_do([f"to simulate the row account too: {install('azure')}"])
        else:
            say("Its row account comes from a simulated Azure Resource Manager.")
    if_interrupted(f"the export is in {result.folder}; cv-gdpr verify checks it")
    checked = verify(result.folder)
    _report(result, checked, output)
    me = "cv-gdpr" if shutil.which("cv-gdpr") else sys.argv[0]
    say(f"\nLook into {result.folder}, then try:\n" + _next(me, result.folder))
    return result.exit_code or checked.exit_code


def _exported(export: "Callable[[], ExportResult]") -> "ExportResult":
    """Return the result of the export; after Ctrl-C nothing resumes it, for its service is gone."""
    try:
        return export()
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted("interrupted", "the demo starts again in a new folder; the unfinished one stays") from None


def _report(result: "ExportResult", checked: "Verification", output: OutputOptions) -> None:
    """Print both results, one after the other or as one document."""
    if output.as_json:
        from cv_gdpr.cli.documents import of_demo

        print_json(of_demo(result, checked))
        return
    from cv_gdpr.cli.export import report as report_export
    from cv_gdpr.cli.verify import print_found
    from cv_gdpr.cli.verify import report as report_verification

    report_export(result, output)
    show = print_found if result.exit_code else report_verification  # one line of error is enough
    show(checked, output)


def _progress_printer(output: OutputOptions) -> Callable[[str], None]:
    silent = output.quiet or output.as_json
    return (lambda _: None) if silent else click.echo
