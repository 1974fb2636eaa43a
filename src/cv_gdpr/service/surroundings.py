"""What the environment says of proxies and certificates: checked before it is used, and named by its variable.

The address of a proxy may hold a password, so that no message quotes one.
"""

import os
import re
from functools import lru_cache

from cv_gdpr.errors import UsageError

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # as requests looks them up
_FORM = re.compile(  # strict, for requests and libcurl do not agree on where a password ends that holds an @ or a #
    r"(?:(?P<scheme>https?|socks4a?|socks5h?)://)?(?:[^\s/?#@:]*(?::[^\s/?#@:]*)?@)?"
    r"(?:[^\s/?#@:\[\]]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?(?:/[^\s?#@]*)?",
    re.IGNORECASE,
)
_HOW = (
    "its form is http://HOST:PORT, with USER:PASSWORD@ before HOST where the proxy asks for them; in both, "
    "@ is written as %40, : as %3A, / as %2F, # as %23, ? as %3F, % as %25"
)


def proxy_for(uri: str) -> str:
    """Give the address of the proxy that the usual variables name for a URI, as requests reads them; empty: none.

    Raises UsageError for an address that cannot be one.
    """
    from requests.utils import get_environ_proxies, select_proxy

    address = select_proxy(uri, get_environ_proxies(uri)) or ""
    if address:
        _check(address)
    return address


@lru_cache(maxsize=64)
def _check(address: str) -> None:
    form = _FORM.fullmatch(address)
    if not form or not 0 < int(form["port"] or 1) < 1 << 16 or not _may_be_sent(address):
        raise UsageError(f"{variable_of(address)} holds no address of a proxy", _HOW)
    from importlib.util import find_spec

    if (form["scheme"] or "").lower().startswith("socks") and not find_spec("socks"):
        raise UsageError(
            f"{variable_of(address)} names a SOCKS proxy, for which PySocks is needed", "pip install pysocks"
        )


def _may_be_sent(address: str) -> bool:
    try:
        address.rpartition("@")[2].encode("idna")
    except UnicodeError:
        return False
    return address.isprintable() and address.rpartition("@")[0].isascii()


def variable_of(address: str) -> str:
    """Give the name of the variable that holds a proxy's address."""
    names = [name for name, value in os.environ.items() if name.lower().endswith("_proxy") and value == address]
    names.sort(key=lambda name: (name.lower() == "all_proxy", name.isupper()))  # the first one that is looked up
    return names[0] if names else "the system's proxy setting"


def proxy_in_words(uri: str) -> str:
    """Say which proxy stands before a URI, without its address; an empty text if none does."""
    try:
        address = proxy_for(uri)
    except UsageError as error:
        return error.message
    return f"the proxy that {variable_of(address)} names" if address else ""


def authorities() -> str:
    """Give the file or folder with the authorities that REQUESTS_CA_BUNDLE names, or else certifi's.

    Raises UsageError, naming the variable, if it cannot be used.
    """
    variable = next((name for name in _BUNDLES if os.environ.get(name)), "")
    if not variable:
        import certifi

        return certifi.where()
    path = os.environ[variable]
    try:
        _load(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no certificates are in it"
        raise UsageError(f"{variable} names {path}, which cannot be used: {reason}", "name a PEM file") from error
    return path


def _load(path: str) -> None:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if os.path.isdir(path):  # noqa: PTH112 - requests and libcurl take a folder, too
        os.listdir(path)  # noqa: PTH208 - readable or not
        context.load_verify_locations(capath=path)
    else:
        os.stat(path)  # noqa: PTH116 - for what is not there, ssl has other words
        context.load_verify_locations(cafile=path)
