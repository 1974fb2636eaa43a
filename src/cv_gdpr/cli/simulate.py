"""`cv-gdpr simulate`."""

import signal
import threading
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from custom_vision_simulator import Fault


class FaultName(click.ParamType["list[Fault]"]):
    """A fault of the catalogue, and how often it happens, as the faults to arm."""

    name = "fault"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "list[Fault]":
        """Give the faults; fails for an unknown name with all known ones, and for what is no number of times."""
        from custom_vision_simulator.catalogue import CATALOGUE, faults

        name, equals, times = str(value).partition("=")
        if name not in CATALOGUE:
            self.fail(f"unknown fault {name!r}; known: {', '.join(CATALOGUE)}", param, ctx)
        if equals and (not times.isdecimal() or not int(times)):
            self.fail(f"{times!r} is not a number of times, 1 or more", param, ctx)
        return faults(name, times=int(times) if equals else None)


def _list_faults(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from custom_vision_simulator.catalogue import CATALOGUE

    width = max(map(len, CATALOGUE)) + 2
    for name, what, _faults in CATALOGUE.values():
        click.echo(f"{name:<{width}}{what}")
    ctx.exit()


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port to listen on; default: any free one.")
@click.option("--vnet", is_flag=True, help="Give relative paths for links, as a resource with the VNET feature does.")
@click.option("--account-info", is_flag=True, help="Answer GetAccountInfo, as API v1.2 did.")
@click.option("--images", type=click.IntRange(0), default=0, help="Add a project of so many made-up images.")
@click.option("--calls-per-second", type=click.IntRange(1), help="Answer 429 to what is beyond so many in a second.")
@click.option("--image-bytes", type=click.IntRange(100), default=20_000, show_default=True, help="The size of each.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    type=FaultName(),
    metavar="NAME[=TIMES]",
    help="Misbehave like this, always or so many times; repeats, the first one that fits counts.",
)
@click.option(
    "--faults",
    "listed",
    is_flag=True,
    callback=_list_faults,
    expose_value=False,
    is_eager=True,
    help="List the faults that --fault knows, and end.",
)
def simulate(  # noqa: PLR0913 - click's parameters
    *,
    port: int,
    vnet: bool,
    account_info: bool,
    images: int,
    image_bytes: int,
    calls_per_second: int | None,
    faults: "tuple[list[Fault], ...]",
) -> None:
    """Run a simulated Custom Vision training service on this machine, until Ctrl-C.

    It is filled with the demo's resource. Prints the two lines that point every other command at it.
    """
    from custom_vision_simulator import Options, Simulator
    from cv_gdpr.demo import fill
    from cv_gdpr.errors import UsageError

    simulator = Simulator(Options(port=port, vnet=vnet, account_info=account_info))
    try:
        simulator.start()
    except OSError as error:
        raise UsageError(f"port {port}: {error.strerror}", "name another, or none") from error
    try:
        fill(simulator.endpoint, simulator.training_key)
        if images:
            simulator.fill(projects=1, images=images, image_bytes=image_bytes)
        simulator.options.calls_per_second = calls_per_second  # not before: to fill it takes calls too
        for fault in (fault for named in faults for fault in named):  # nor these
            simulator.fault(fault)
        click.echo(f"export CV_GDPR_ENDPOINT={simulator.endpoint}")
        click.echo(f"export CV_GDPR_TRAINING_KEY={simulator.training_key}")
        more = f', "Project 1" (those {images} images)' if images else ""
        click.echo(
            f'A simulated service, not Azure. Its projects: "Visitors & pets", "Launch site"{more}; a data subject in '
            "it: --metadata subject=collins, or --tag person. Ctrl-C ends it.",
            err=True,
        )
        _until_stopped()
    finally:
        simulator.stop()


def _until_stopped() -> None:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.wait(3600):
        pass
