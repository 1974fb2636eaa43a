"""Checks of a connection and of this machine; they change nothing, at the service or in a folder.

Each check is a function that returns its findings; one that fails does not keep another from running.
"""

import os
import platform
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from cv_gdpr import __version__
from cv_gdpr.archive.durability import sync_file, sync_folder
from cv_gdpr.archive.locking import open_lock
from cv_gdpr.archive.ownership import keeps_modes
from cv_gdpr.errors import CvGdprError, StorageError, UsageError
from cv_gdpr.extras import install
from cv_gdpr.masking import masked
from cv_gdpr.service.client import Connection, Service
from cv_gdpr.service.environment import authorities, proxy_in_words

if TYPE_CHECKING:
    from cv_gdpr.service.azure_resource import AzureResource, Wanted
    from cv_gdpr.verbatim import Json

State: TypeAlias = Literal["ok", "warning", "failed", "unknown", "not installed"]
EXTRAS = ("azure", "find", "report", "evidence")
_PROGRAM = "cv-gdpr"
_SDK = "azure-cognitiveservices-vision-customvision"
_TO_CONNECT = 10.0  # seconds
_CLOCK_OFF = 300.0  # seconds: from there on, signed links and tokens may be refused
_LITTLE = 1 << 30  # bytes
_REQUIREMENT = re.compile(r"""([A-Za-z0-9._-]+).*\bextra\s*==\s*["']([^"']+)""")
_UNREACHABLE = 5  # exit code


class Check(NamedTuple):
    """What was checked and found; `exit_code` is 0 unless it failed."""

    name: str
    state: State
    words: str
    hint: str | None = None
    exit_code: int = 0
    retryable: bool = False


def checked(name: str, check: Callable[[], Iterator[Check]]) -> list[Check]:
    """Return the findings of a check; an error in it is the last one."""
    found = []
    try:
        for one in check():
            found.append(one)
    except CvGdprError as error:
        found.append(Check(name, "failed", masked(error.message), error.hint, error.exit_code, error.retryable))
    except OSError as error:
        found.append(Check(name, "failed", masked(error.strerror or str(error)), None, CvGdprError.exit_code))
    return found


def not_checked(name: str, why: str) -> Check:
    """Return the finding for what another failure kept from being checked."""
    return Check(name, "unknown", f"not checked: {why}")


# --- the connection -----------------------------------------------------------------------------------------------


def network(endpoint: str) -> Iterator[Check]:
    """Connect to the endpoint, with TLS where it has that."""
    if proxy := proxy_in_words(endpoint):
        yield not_checked("network", f"{proxy} makes the connection")
        return
    parts = urlsplit(endpoint)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    began = time.monotonic()
    try:
        with socket.create_connection((host, port), _TO_CONNECT) as connection:
            spoken = _tls_version(connection, host) if parts.scheme == "https" else "without TLS"
    except OSError as error:  # those of ssl too
        reason = error.strerror or str(error) or type(error).__name__
        yield Check("network", "failed", f"{host}:{port}: {reason}", _check_network(error), _UNREACHABLE, True)
        return
    yield Check("network", "ok", f"{host}:{port} in {(time.monotonic() - began) * 1000:.0f} ms, {spoken}")


def _tls_version(connection: socket.socket, host: str) -> str:
    import ssl

    place = authorities()
    folder = os.path.isdir(place)  # noqa: PTH112 - a name from the environment
    context = ssl.create_default_context(capath=place if folder else None, cafile=None if folder else place)
    with context.wrap_socket(connection, server_hostname=host) as tls:
        return tls.version() or "TLS"


def _check_network(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "check the endpoint's name; and whether this machine resolves names outside its network"
    if type(error).__name__ == "SSLCertVerificationError":
        return "set REQUESTS_CA_BUNDLE to the certificate of a private authority; check this machine's clock"
    return "check the endpoint, firewalls, and whether a proxy is needed (HTTPS_PROXY)"


def service(connection: Connection) -> Iterator[Check]:
    """Ask the service for its domains and its projects: whether it answers, as whom, what is allowed, and its clock."""
    with Service(connection) as opened:
        answer = opened.ask("get_domains")
        now = time.time()
        yield Check("service", "ok", f"{opened.endpoint} answers")
        yield Check("signed in", "ok", opened.sign_in.who)
        yield from _clock(answer.date, now)
        yield from checked("rights", lambda: _rights(opened))


def _rights(opened: Service) -> Iterator[Check]:
    opened.call("get_projects")
    yield Check("rights", "ok", "lists projects; whether it may delete is unknown, since nothing is tried")


def _clock(date: str, now: float) -> Iterator[Check]:
    """Compare the service's Date header (whole seconds) with the clock of this machine."""
    from email.utils import parsedate_to_datetime

    try:
        off = now - parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):  # the latter for a year or an offset that is too large
        yield Check("clock", "unknown", "the service sent no date")
        return
    words = f"{abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the service's"
    if abs(off) > _CLOCK_OFF:
        yield Check("clock", "warning", words, "set this machine's clock: signed links and tokens may be refused")
    else:
        yield Check("clock", "ok", words)


def azure_resource(wanted: "Wanted") -> Iterator[Check]:
    """Ask Resource Manager for the resource: as whom, its kind, whether its keys are switched off, its locks."""
    from cv_gdpr.service.azure_resource import AzureResource, naming_it

    with AzureResource(wanted) as azure:
        yield Check("Resource Manager", "ok", f"signed in as {azure.manager.who}")
        with naming_it():
            account = azure.required()
        found = f"{azure.place.name}, {account.get('kind')}, in {account.get('location')}"
        yield Check("Azure resource", "ok", found)
        yield _keys(account)
        yield from checked("locks of the resource", lambda: _locks_of(azure))


def _keys(account: "Json") -> Check:
    from cv_gdpr.service.resource_manager import properties_of

    if properties_of(account).get("disableLocalAuth") is True:
        return Check("keys", "warning", "switched off (disableLocalAuth)", "sign in with --auth entra")
    return Check("keys", "ok", "switched on")


def _locks_of(azure: "AzureResource") -> Iterator[Check]:
    names = [str(lock.get("name")) for lock in azure.manager.locks(azure.place)]
    yield Check("locks of the resource", "ok", f"{', '.join(names)}: delete account is refused" if names else "none")


# --- this machine -------------------------------------------------------------------------------------------------


def machine(out: Path | None) -> list[Check]:
    """Return the findings about the disk of the folder where an export would be written, and about the extras."""
    return [*checked("disk", lambda: _place(out)), *checked("extras", extras)]


def _place(out: Path | None) -> Iterator[Check]:
    try:
        whole = (out or Path()).absolute()
        folder = next(one for one in (whole, *whole.parents) if one.is_dir())
    except OSError as error:  # a name that is too long; the current folder was deleted
        raise UsageError(f"{out or 'the current folder'}: {error.strerror}", "name another --out") from None
    yield from disk(folder)
    yield from checked("file system", lambda: file_system(folder))


def disk(folder: Path) -> Iterator[Check]:
    """Tell how much room there is."""
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e9:,.1f} GB free in {folder}"
    if free < _LITTLE:
        yield Check("disk", "warning", words, "an export needs as much room as the images take; name another --out")
    else:
        yield Check("disk", "ok", words)


def file_system(folder: Path) -> Iterator[Check]:
    """Try in a temporary folder, which is removed, what an export needs: fsync, locks, modes."""
    try:
        place = tempfile.TemporaryDirectory(prefix=".cv-gdpr-doctor-", dir=folder)
    except OSError as error:
        reason = error.strerror or str(error)
        yield Check("file system", "warning", f"{folder} cannot be written: {reason}", "name another --out")
        return
    with place as name:
        lacking = [one for one in (_fsync(Path(name)), _locks(Path(name)), _modes(Path(name))) if one]
    yield from lacking or [Check("file system", "ok", "keeps files safe, closed to others, and to one run at a time")]


def _fsync(folder: Path) -> Check | None:
    with (folder / "file").open("wb") as file:
        durable = sync_file(file.fileno())
    if durable and sync_folder(folder):
        return None
    return Check("fsync", "warning", "files written just before a power failure may be lost", "name another --out")


def _locks(folder: Path) -> Check | None:
    try:
        os.close(open_lock(folder / "lock"))
    except StorageError as error:
        return Check("file locks", "failed", error.message, error.hint, 2)
    return None


def _modes(folder: Path) -> Check | None:
    if keeps_modes(folder):
        return None
    return Check("modes", "warning", "others may be able to read an export here", "name another --out")


def extras() -> Iterator[Check]:
    """Tell of each extra of this version whether what it needs is installed."""
    needs: dict[str, list[str]] = {}
    for line in metadata.requires(_PROGRAM) or ():
        if found := _REQUIREMENT.match(line):
            needs.setdefault(found[2], []).append(found[1])
    for extra in EXTRAS:
        if extra not in needs:
            continue
        lacking = [name for name in needs[extra] if not _version_of(name)]
        if lacking:
            yield Check(f"extra {extra}", "not installed", f"it needs {', '.join(lacking)}", install(extra))
        else:
            yield Check(f"extra {extra}", "ok", "installed")


def versions() -> dict[str, str]:
    """Return the versions of this program, of what it is built on, and of the system."""
    import pycurl

    return {
        _PROGRAM: __version__,
        "Python": platform.python_version(),
        _SDK: _version_of(_SDK),
        "msrest": _version_of("msrest"),
        "curl": " ".join(pycurl.version.split()[:3]),  # itself, its library, and that for TLS
        "system": platform.platform(),
    }


def _version_of(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
