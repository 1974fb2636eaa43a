"""`cv-gdpr simulate`: runs the simulator, with the demo's projects and with faults, until it is interrupted."""

import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import click

from cv_gdpr.cli.groups import Command
from cv_gdpr.cli.options import output_options
from cv_gdpr.cli.output import print_json
from cv_gdpr.cli.parameters import option
from cv_gdpr.cli.screen import Quiet
from cv_gdpr.errors import UsageError, similar
from cv_gdpr.platforms.shells import set_variable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custom_vision_simulator import Fault, Simulator


_POLL = 0.2  # seconds
_WHAT_FOR = (
    "A training key needs the first two lines alone. CV_GDPR_RESOURCE_ID and CV_GDPR_RESOURCE_MANAGER name the Azure "
    "resource, for the row account; the last three sign in to it, and with --auth entra to the service."
)
_DELETED = (
    "The simulated Azure resource was deleted: the service refuses every call, as Azure does. Restart cv-gdpr simulate "
    "for a new one."
)


class FaultName(click.ParamType["list[Fault]"]):
    """NAME[=TIMES][@TEXT]: the faults of that name in the catalogue, for requests that contain TEXT."""

    name = "fault"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "list[Fault]":
        """Return the faults to arm; raise UsageError for an unknown name, and fail for invalid TIMES or no TEXT."""
        from custom_vision_simulator.catalogue import CATALOGUE, faults

        which, at, text = str(value).partition("@")
        name, equals, times = which.partition("=")
        if name not in CATALOGUE:
            raise _unknown_fault(name, CATALOGUE)
        if equals and (not times.isdecimal() or not int(times)):
            self.fail(f"{times!r} is not a whole number of 1 or more", param, ctx)
        if at and not text:
            self.fail(f"{value!r} has no text after the @", param, ctx)
        return faults(name, times=int(times) if equals else None, within=text)


def _unknown_fault(name: str, known: "Iterable[str]") -> UsageError:
    near = similar(name, known)
    return UsageError(f"unknown fault {name!r}", f"{near}{'; ' if near else ''}cv-gdpr simulate --faults lists all")


def _list_faults(*, as_json: bool) -> None:
    from custom_vision_simulator.catalogue import CATALOGUE

    known = {name: what for name, what, _faults in CATALOGUE.values()}
    if as_json:
        from cv_gdpr.cli.local_documents import FaultsDocument

        print_json(FaultsDocument(exit_code=0, retryable=False, faults=known))
        return
    width = max(map(len, known)) + 2
    for name, what in known.items():
        click.echo(f"{name:<{width}}{what}")


@click.command(cls=Command)
@option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Port to listen on; 0: any free one.")
@option("--vnet", is_flag=True, help="Return relative links, as a resource with the VNET feature does.")
@option("--account-info", is_flag=True, help="Answer GetAccountInfo, as API v1.2 did.")
@option("--images", type=click.IntRange(0), default=0, metavar="N", help="Add a project with N generated images.")
@option(
    "--image-bytes",
    type=click.IntRange(100),
    default=20_000,
    show_default=True,
    metavar="N",
    help="Make each of these images N bytes long.",
)
@option("--calls-per-second", type=click.IntRange(1), metavar="N", help="Answer 429 above N calls a second.")
@option(
    "--fault",
    "faults",
    multiple=True,
    type=FaultName(),
    metavar="NAME[=TIMES][@TEXT]",
    help="Inject this fault into every matching call, or into TIMES of them. With @TEXT, only calls whose path or "
    "query contains TEXT match: the id of a project or iteration, for instance. Repeats; the first match counts.",
)
@option(
    "--faults",
    "listed",
    is_flag=True,
    help="List the names for --fault and exit.",
)
@output_options
def simulate(  # noqa: PLR0913 - click's parameters
    *,
    port: int,
    vnet: bool,
    account_info: bool,
    images: int,
    image_bytes: int,
    calls_per_second: int | None,
    faults: "tuple[list[Fault], ...]",
    listed: bool,
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> None:
    """Run a simulated Custom Vision training service on this machine until Ctrl-C.

    Fills it with the demo's projects and prints lines to paste into a shell: two point all commands at it, the others
    at its Azure resource and at a managed identity that signs in. Ctrl-C, or SIGTERM, is how it ends: it exits 0.
    """
    del quiet, verbose  # `Quiet` leaves out the notes; the variables are the result
    if listed:
        _list_faults(as_json=as_json)
        return
    simulator = _started(port, vnet=vnet, account_info=account_info)
    try:
        _fill(simulator, images, image_bytes)
        simulator.options.calls_per_second = calls_per_second  # set after filling, which sends calls too
        for fault in (fault for named in faults for fault in named):  # armed after filling too
            simulator.fault(fault)
        stopped = _stopped_by_signal()  # before the lines: a script that reads them may end it at once
        if as_json:
            _print_document(simulator)
        else:
            _print_lines(simulator)
        _wait_for_stop(simulator, stopped)
    finally:
        simulator.stop()


def _started(port: int, *, vnet: bool, account_info: bool) -> "Simulator":
    """Return a simulator that listens; raise UsageError if the port is not free."""
    from custom_vision_simulator import Options, Simulator

    simulator = Simulator(Options(port=port, vnet=vnet, account_info=account_info))
    try:
        simulator.start()
    except OSError as error:
        raise UsageError(f"port {port}: {error.strerror}", "give another --port, or leave it out") from error
    return simulator


def _fill(simulator: "Simulator", images: int, image_bytes: int) -> None:
    from cv_gdpr.demo import fill

    fill(simulator.endpoint, simulator.training_key)
    if images:
        simulator.fill(projects=1, images=images, image_bytes=image_bytes)


def _print_document(simulator: "Simulator") -> None:
    """Print the one document now: a program that starts a simulator waits for it."""
    from cv_gdpr.cli.local_documents import SimulateDocument
    from cv_gdpr.demo import PHOTO

    print_json(
        SimulateDocument(
            exit_code=0,
            retryable=False,
            variables=_variables(simulator),
            projects=[project.name for project in simulator.store.projects.values()],
            photo=str(PHOTO),
        )
    )
    sys.stdout.flush()


def _print_lines(simulator: "Simulator") -> None:
    """Print lines to paste into a shell, and on standard error what is there to try."""
    from cv_gdpr.demo import PHOTO
    from cv_gdpr.service.signin import has_extra

    for name, value in _variables(simulator).items():
        usable = has_extra() or name in _OF_THE_KEY
        click.echo(f"{'' if usable else '# needs the extra azure: '}{set_variable(name, value)}")
    if Quiet.on:
        return
    names = ", ".join(f'"{project.name}"' for project in simulator.store.projects.values())
    click.echo(
        f"A simulated service, not Azure. Its projects: {names}. A data subject in "
        f"them: --metadata subject=collins finds one of four pictures of her; her photograph is {PHOTO}. The "
        "service needs no pauses between calls: export and delete are faster with --calls-per-second 0. Ctrl-C "
        "ends it.",
        err=True,
    )
    click.echo(_WHAT_FOR, err=True)


_OF_THE_KEY = {"CV_GDPR_ENDPOINT", "CV_GDPR_TRAINING_KEY"}


def _variables(simulator: "Simulator") -> dict[str, str]:
    """Return what points the commands, and azure-identity's managed identity, at the simulator."""
    return {
        "CV_GDPR_ENDPOINT": simulator.endpoint,
        "CV_GDPR_TRAINING_KEY": simulator.training_key,
        "CV_GDPR_RESOURCE_ID": simulator.resource_id,
        "CV_GDPR_RESOURCE_MANAGER": simulator.resource_manager,
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        "IDENTITY_ENDPOINT": simulator.identity_endpoint,
        "IDENTITY_HEADER": simulator.identity_header,
    }


def _stopped_by_signal() -> threading.Event:
    """Return an event that Ctrl-C and SIGTERM set."""
    stopped = threading.Event()
    for number in {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGBREAK", signal.SIGINT)}:
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def _wait_for_stop(simulator: "Simulator", stopped: threading.Event) -> None:
    """Wait for a signal; tell once that the Azure resource was deleted, since every call is refused from then on."""
    while not stopped.wait(_POLL):
        if simulator.is_deleted:
            click.echo(f"Warning: {_DELETED}", err=True)
            break
    while not stopped.wait(_POLL):  # on Windows no signal ends a longer wait
        pass
