"""Links to blobs: without their signatures, and which of them are followed; and which hosts are this machine itself."""

import re

# Nothing that two programs may read in two ways: no user, no escapes, no letters beyond ASCII.
_ROOT = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?/?", re.IGNORECASE)


def without_query(uri: str) -> str:
    """Give a URI up to its query."""
    return uri.split("?", 1)[0].split("#", 1)[0]


def source_path(uri: str) -> str:
    """Give what identifies a blob whatever host serves it: the path of its URI."""
    bare = without_query(uri)
    return "/" + bare.split("://", 1)[-1].partition("/")[2] if "://" in bare else bare


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine itself."""
    import ipaddress  # on use: usage errors are told without it

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class UnsafeLink(Exception):
    """A link that is not to be followed; the message says what it is."""


class LinkRule:
    """Which links an endpoint may hand out: a service elsewhere must not lead requests into this machine or network.

    https alone; plain http only from an endpoint that is plain http itself (which only this machine's may be), to this
    machine. From any other endpoint no address of this machine, of a private network or of a link (169.254.169.254
    tells secrets about a virtual machine in every cloud), by whatever spelling, unless it is the endpoint's own host.
    A name is not looked up: a private endpoint's name rightly leads into a private network, and over https whoever
    answers there has to prove that name.
    """

    def __init__(self, endpoint: str) -> None:
        found = _ROOT.match(endpoint)
        self._plain = endpoint.startswith("http://")
        self._own = _host(found[2]) if found else ""
        self._here = is_loopback(self._own)

    def check(self, root: str) -> None:
        """Raise UnsafeLink unless a link that begins like this, up to its path, may be followed."""
        found = _ROOT.fullmatch(root)
        if not found:
            raise UnsafeLink("a link that is no address" if root else "no link")
        host = _host(found[2])
        if found[1].lower() != "https" and not (self._plain and is_loopback(host)):
            raise UnsafeLink("a link that is not https")
        if not self._here and host != self._own and _is_internal(host):
            raise UnsafeLink("a link into this machine or a private network")


def _host(written: str) -> str:
    """Give a host in one spelling: 127.1, 2130706433 and 0x7f.0.0.1 are all 127.0.0.1 to curl."""
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
