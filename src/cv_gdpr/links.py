"""Links to blobs, without their signatures; and which hosts are this machine itself."""

import ipaddress


def without_query(uri: str) -> str:
    """Give a URI up to its query."""
    return uri.split("?", 1)[0].split("#", 1)[0]


def source_path(uri: str) -> str:
    """Give what identifies a blob whatever host serves it: the path of its URI."""
    bare = without_query(uri)
    return "/" + bare.split("://", 1)[-1].partition("/")[2] if "://" in bare else bare


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
