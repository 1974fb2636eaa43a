"""Links to blobs: cut to their path, and checked before they are followed; and which hosts are this machine."""

import re

from cv_gdpr.patterns import pattern

# Only what all programs read alike: no user, no escapes, ASCII letters.
_ROOT = pattern(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?/?", re.IGNORECASE)
_EXPIRY = pattern("[?&]se=([^&#]*)")


def without_query(uri: str) -> str:
    """Return a URI without its query and fragment."""
    return uri.split("?", 1)[0].split("#", 1)[0]


def address_without_credentials(uri: str) -> str:
    """Return a URI without its query, fragment, user and password."""
    scheme, between, rest = without_query(uri).rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{between}{host.rpartition('@')[2]}{slash}{path}"


def host_of(address: str) -> str:
    """Return host and port of an address in lower case, without the port that its scheme implies; empty for none."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(address.strip())
        implied = parts.port == {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return ""
    return (parts.netloc.rpartition(":")[0] if implied else parts.netloc).lower()


def source_path(uri: str) -> str:
    """Return the path of a blob's URI, which identifies it on any host."""
    bare = without_query(uri)
    return "/" + bare.split("://", 1)[-1].partition("/")[2] if "://" in bare else bare


def has_expired(uri: str) -> bool:
    """Return whether a link says that its time is over, by this machine's clock (`se`: signed expiry of a SAS)."""
    from datetime import UTC, datetime
    from urllib.parse import unquote

    found = _EXPIRY.search(uri)
    try:
        until = datetime.fromisoformat(unquote(found[1])) if found else None
    except ValueError:
        return False
    return until is not None and (until if until.tzinfo else until.replace(tzinfo=UTC)) <= datetime.now(UTC)


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    import ipaddress  # imported on use, so that usage errors stay fast

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class UnsafeLink(Exception):
    """A link that must not be followed; the message says why."""


class LinkRule:
    """Which links from an endpoint are followed: a remote service must not send us into this machine or network.

    Links must be https; plain http only to this machine, from an endpoint that is plain http itself (only loopback may
    be). A remote endpoint's links must not hold an address of this machine, of a private network or link-local
    (169.254.169.254 reveals a virtual machine's secrets in every cloud), in any spelling, except the endpoint's own.
    Names are not resolved: a private endpoint's name rightly resolves to a private address, and with https the server
    has to prove its name.
    """

    def __init__(self, endpoint: str) -> None:
        found = _ROOT.match(endpoint)
        self._plain = endpoint.startswith("http://")
        self._own = _host(found[2]) if found else ""
        self._here = is_loopback(self._own)

    def check(self, root: str) -> None:
        """Raise UnsafeLink unless links with this scheme and host may be followed; `root` is a link up to its path."""
        found = _ROOT.fullmatch(root)
        if not found:
            raise UnsafeLink("a link that is not an address" if root else "an empty link")
        host = _host(found[2])
        if found[1].lower() != "https" and not (self._plain and is_loopback(host)):
            raise UnsafeLink("a link that is not https")
        if not self._here and host != self._own and _is_internal(host):
            raise UnsafeLink("a link into this machine or a private network")


def _host(written: str) -> str:
    """Return a host in its normal spelling: 127.1, 2130706433 and 0x7f.0.0.1 are all 127.0.0.1 to curl."""
    import socket

    host = written.lower().strip("[]").rstrip(".")
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return host


def _is_internal(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    import ipaddress

    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False  # a name
    return not (getattr(address, "ipv4_mapped", None) or address).is_global or address.is_multicast
