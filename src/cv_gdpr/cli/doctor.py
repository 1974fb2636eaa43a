"""`cv-gdpr doctor`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cv_gdpr.cli import options as shared
from cv_gdpr.cli.arguments import ConnectionOptions, OutputOptions, part_of
from cv_gdpr.cli.groups import Command
from cv_gdpr.cli.option_types import FilePath
from cv_gdpr.cli.output import print_json, print_table, printable, printable_hint
from cv_gdpr.cli.parameters import option
from cv_gdpr.cli.scoping import for_all_profiles
from cv_gdpr.errors import UsageError, worst
from cv_gdpr.table.categories import ACCOUNT

if TYPE_CHECKING:
    from cv_gdpr.cli.connecting import Sources
    from cv_gdpr.doctor import Check
    from cv_gdpr.service.azure_resource import Wanted
    from cv_gdpr.service.client import Connection

_AT_ONCE = 8  # profiles
_PACE = {"calls_per_second": 0.0, "patience": 5.0, "read_timeout": 15.0}  # it must not wait long
_LATER = ("network", "service", "signed in", "rights", "clock")
_WIDTH = 100  # columns without a terminal
_SHORT = 60  # characters of a failure that stand in the table too; a longer one stands in its Error line alone


class Examined(NamedTuple):
    """A connection and what was found; `profile` is None for the one that options and environment name."""

    profile: str | None
    checks: "list[Check]"


@click.command(cls=Command)
@shared.resource_options
@option(
    "--out",
    type=FilePath(),
    metavar="DIR",
    help="Check the disk of this folder, where an export would be written; default: the current one.",
)
@shared.output_options
@click.pass_context
def doctor(ctx: click.Context, /, **_: Any) -> int:
    """Check that everything is set up right, and change nothing.

    Checks settings, network, sign-in, what the role allows, clock, disk, extras and versions. Put its --json into the
    report of a fault: it holds no key.
    """
    parameters = ctx.params | _PACE
    given, output = part_of(parameters, ConnectionOptions), part_of(parameters, OutputOptions)
    from cv_gdpr.doctor import machine

    examined = _examine_all(given) if for_all_profiles(parameters) else [_examine(given)]
    of_machine = machine(parameters["out"])
    code = worst(one.exit_code for one in (*of_machine, *(check for each in examined for check in each.checks)))
    _report(examined, of_machine, code, output)
    return code


def _examine_all(given: ConnectionOptions) -> list[Examined]:
    from concurrent.futures import ThreadPoolExecutor

    from cv_gdpr.doctor import Check
    from cv_gdpr.platforms.waiting import results
    from cv_gdpr.settings import profiles

    try:
        names = list(profiles())
    except UsageError as error:
        wrong = Check("settings", "failed", error.message, error.hint, error.exit_code)
        return [Examined(None, _with_the_rest([wrong]))]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return results(pool.submit(_examine, given._replace(profile=name)) for name in names)


class _Settled:
    """What the settings resulted in, as far as they are valid."""

    endpoint: str | None = None
    key: str | None = None  # None: not set; empty: not needed, or wrong
    connection: "Connection | None" = None
    azure: "Wanted | None" = None


def _examine(given: ConnectionOptions) -> Examined:
    """Check one connection; what depends on a failed check is not checked."""
    from cv_gdpr.doctor import azure_resource, checked, network, service

    settled = _Settled()
    checks = checked("settings", lambda: _settings(given, settled))
    reached = True
    if endpoint := settled.endpoint:
        checks += checked("network", lambda: network(endpoint))
        reached = checks[-1].state != "failed"
    if reached and (connection := settled.connection):
        checks += checked("service", lambda: service(connection))
    checks = _with_the_rest(checks)
    if wanted := settled.azure:
        checks += checked("Azure resource", lambda: azure_resource(wanted))
    return Examined(given.profile, checks)


def _with_the_rest(checks: "list[Check]") -> "list[Check]":
    """Return the checks, and that those which depend on a failed one were not made."""
    from cv_gdpr.doctor import not_checked

    failed = next((one.name for one in checks if one.state == "failed"), "")
    names = {one.name for one in checks}
    why = f"{failed} failed" if failed else "endpoint or key is not set"
    return [*checks, *(not_checked(name, why) for name in _LATER if name not in names)]


def _settings(given: ConnectionOptions, settled: _Settled) -> "Iterator[Check]":
    """Check where the settings come from, the endpoint, the key and the Azure resource; keep what is valid.

    Each is checked whatever is wrong with the others, and all that is not set is one finding.
    """
    from cv_gdpr.cli.connecting import sources_of
    from cv_gdpr.doctor import Check, checked
    from cv_gdpr.settings import config_path

    sources = sources_of(given)
    where = f"profile {given.profile} of {config_path()}" if sources.profile else "options and environment, no profile"
    azure = checked("Azure resource", lambda: _azure(given, settled))
    found = checked("endpoint", lambda: _endpoint(sources, settled)) + checked("key", lambda: _key(sources, settled))
    if sources.endpoint is not None and settled.key is not None:
        yield Check("settings", "ok", where)
    else:
        yield from _not_set(sources.lacking(sources.endpoint, settled.key), where, settled)
    yield from found
    yield from azure


def _azure(given: ConnectionOptions, settled: _Settled) -> "Iterator[Check]":
    from cv_gdpr.cli.connecting import azure_of

    settled.azure = azure_of(given)
    yield from ()


def _endpoint(sources: "Sources", settled: _Settled) -> "Iterator[Check]":
    from cv_gdpr.doctor import Check
    from cv_gdpr.service.endpoint import checked_endpoint

    if sources.endpoint is not None:
        settled.endpoint = checked_endpoint(sources.endpoint)
        yield Check("endpoint", "ok", settled.endpoint)


def _key(sources: "Sources", settled: _Settled) -> "Iterator[Check]":
    from cv_gdpr.cli.connecting import connected
    from cv_gdpr.doctor import Check
    from cv_gdpr.service.endpoint import checked_key

    settled.key = ""
    key = "" if sources.entra else sources.key()
    settled.key = key
    if key is None:
        return
    if not sources.entra:
        checked_key(key)
    yield Check("key", "ok", "none: Microsoft Entra ID" if sources.entra else sources.key_source())
    if settled.endpoint:
        settled.connection = connected(sources, settled.endpoint, key)


def _not_set(lacking: UsageError, where: str, settled: _Settled) -> "Iterator[Check]":
    """Yield the finding for what is not set; the row account needs none of it."""
    from cv_gdpr.doctor import Check

    if settled.azure is None:
        yield Check("settings", "failed", lacking.message, lacking.hint, lacking.exit_code)
        return
    yield Check("settings", "ok", where)
    only = f"of all rows, only {ACCOUNT} can be exported and deleted"
    yield Check("training API", "warning", lacking.message, only)


def _report(examined: list[Examined], machine: "list[Check]", code: int, output: OutputOptions) -> None:
    """Print everything that was found, and each failure to standard error too."""
    from cv_gdpr.doctor import versions
    from cv_gdpr.extras import install

    if output.as_json:
        from cv_gdpr.cli.setup_documents import of_doctor

        print_json(of_doctor(examined, machine, versions(), code))
    elif not output.quiet:
        for one in examined:
            _print_checks(f"profile {one.profile}" if one.profile else "connection", one.checks)
        _print_checks("this machine", machine)
        if lacking := [one.name.removeprefix("extra ") for one in machine if one.state == "not installed"]:
            click.echo(f"to install what is not: {install(','.join(lacking))}\n")
        print_table("versions", ("of", "version"), list(versions().items()), numbers=set(), piped=_WIDTH)
    everything = [
        *((one.profile, check) for one in examined for check in one.checks),
        *((None, one) for one in machine),
    ]
    for profile, check in everything:
        if check.state == "failed":
            place = f"{profile}: {check.name}" if profile else check.name
            click.echo(f"Error: {printable(f'{place}: {check.words}')}", err=True)
            if check.hint:
                click.echo(f"Hint: {printable_hint(check.hint)}", err=True)


def _print_checks(title: str, checks: "list[Check]") -> None:
    rows = [(one.name, one.state, _found(one)) for one in checks]
    print_table(title, ("check", "state", "found"), rows, numbers=set(), piped=_WIDTH)


def _found(check: "Check") -> str:
    """Return what was found, with what to do about it; of a failure, which has lines of its own, only a short text."""
    if check.state == "not installed":  # one command below installs them all
        return check.words
    if check.state == "failed":
        return check.words if len(check.words) <= _SHORT else "its Error line says what"
    return f"{check.words}; {check.hint}" if check.hint else check.words
