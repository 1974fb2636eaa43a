"""Proxies and certificates from the environment variables, checked before use; messages name the variable.

The address of a proxy may hold a password, so messages never quote it.
"""

import os
import re
from functools import lru_cache

from cv_gdpr.errors import Unreachable, UsageError
from cv_gdpr.extras import pip_install
from cv_gdpr.platforms.files import AUTHORITIES_IN_A_FOLDER
from cv_gdpr.service import shortfalls

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # as requests looks them up
_FORM = re.compile(  # strict: requests and libcurl disagree where a password with @ or # ends
    r"(?:(?P<scheme>https?|socks4a?|socks5h?)://)?(?:[^\s/?#@:]*(?::[^\s/?#@:]*)?@)?"
    r"(?:[^\s/?#@:\[\]]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?(?:/[^\s?#@]*)?",
    re.IGNORECASE,
)
_HOW = (
    "its form is http://HOST:PORT, with USER:PASSWORD@ before HOST if the proxy requires them; in both, "
    "@ is written as %40, : as %3A, / as %2F, # as %23, ? as %3F, % as %25"
)

CHECK_PROXY = "check its address, user and password, or set NO_PROXY to connect without it"
SOCKS_NEEDS = f"install PySocks beside cv-gdpr: {pip_install('pysocks')} (with pipx: pipx inject cv-gdpr pysocks)"
_SOCKS_VERSION = "write which version it speaks: socks5h:// (mostly), socks4a://, or socks5:// to look names up here"


def proxy_for(uri: str) -> str:
    """Return the address of the proxy that the usual variables name for a URI, or an empty text.

    Raise UsageError for a malformed address. The variables are read as requests reads them.
    """
    address = _address_for(uri)
    if address:
        _check(address)
    return address


def _address_for(uri: str) -> str:
    from requests.utils import get_environ_proxies, select_proxy

    return select_proxy(uri, get_environ_proxies(uri)) or ""


def is_socks(uri: str) -> bool:
    """Return whether a SOCKS proxy serves a URI."""
    return bool(uri) and _address_for(uri).lower().startswith("socks")


@lru_cache(maxsize=64)
def _check(address: str) -> None:
    if address.lower().startswith("socks://"):  # desktops write it so; requests refuses it (psf/requests issue 3516)
        raise UsageError(f"{variable_of(address)} names a SOCKS proxy without its version", _SOCKS_VERSION)
    form = _FORM.fullmatch(address)
    if not form or not 0 < int(form["port"] or 1) < 1 << 16 or not _may_be_sent(address):
        raise UsageError(f"{variable_of(address)} does not hold the address of a proxy", _HOW)
    from importlib.util import find_spec

    if (form["scheme"] or "").lower().startswith("socks") and not find_spec("socks"):
        raise UsageError(f"{variable_of(address)} names a SOCKS proxy, which needs PySocks", SOCKS_NEEDS)


def _may_be_sent(address: str) -> bool:
    try:
        address.rpartition("@")[2].encode("idna")
    except UnicodeError:
        return False
    return address.isprintable() and address.rpartition("@")[0].isascii()


def variable_of(address: str) -> str:
    """Return the name of the variable that holds a proxy's address."""
    names = [name for name, value in os.environ.items() if name.lower().endswith("_proxy") and value == address]
    names.sort(key=lambda name: (name.lower() == "all_proxy", name.isupper()))  # in order of lookup
    return names[0] if names else "the system's proxy setting"


def proxy_in_words(uri: str) -> str:
    """Return which proxy serves a URI, in words without its address, or an empty text."""
    try:
        address = proxy_for(uri)
    except UsageError as error:
        return error.message
    return shortfalls.PROXY % {"variable": variable_of(address)} if address else ""


def refused_by_proxy(status: int, proxy: str, host: str, reason: str) -> Unreachable:
    """Return the error for a proxy that refuses to connect to a host (RFC 9110, section 9.3.6: CONNECT)."""
    if status == 407:
        return Unreachable(shortfalls.PROXY_ASKS % {"proxy": proxy, "reason": reason}, CHECK_PROXY)
    message = shortfalls.PROXY_REFUSES % {"proxy": proxy, "host": host, "reason": reason}
    if status >= 500:
        return Unreachable(message, "the proxy may not reach it either; --patience retries for longer", transient=True)
    return Unreachable(message, allow_host(host))


def allow_host(host: str) -> str:
    """Return the hint for a proxy whose rules exclude a host."""
    return f"have {host} allowed at the proxy, or name it in NO_PROXY if it can be reached without"


def authorities() -> str:
    """Return the file or folder of authorities that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names, else certifi's.

    Raise UsageError, naming the variable, if it cannot be used.
    """
    variable = next((name for name in _BUNDLES if os.environ.get(name)), "")
    if not variable:
        import certifi

        return certifi.where()
    path = os.environ[variable]
    if not AUTHORITIES_IN_A_FOLDER and os.path.isdir(path):  # noqa: PTH112
        raise UsageError(f"{variable} names {path}, a folder; on Windows it must be a file", "name a PEM file")
    try:
        _load(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it holds no certificates"
        raise UsageError(f"{variable} names {path}, which cannot be used: {reason}", "name a PEM file") from error
    return path


def _load(path: str) -> None:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if os.path.isdir(path):  # noqa: PTH112 - requests and libcurl take a folder, too
        os.listdir(path)  # noqa: PTH208 - readable or not
        context.load_verify_locations(capath=path)
    else:
        os.stat(path)  # noqa: PTH116 - its error for a missing file is clearer than ssl's
        context.load_verify_locations(cafile=path)
