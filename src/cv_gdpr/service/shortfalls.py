"""Why the bytes of a blob did not arrive, in words that an export records and a report translates."""

from cv_gdpr.languages import message

STORAGE = message("blob storage")
ANSWERED = message("blob storage answered %(answer)s")
STILL_REFUSED = message(
    "%(reason)s, though the link is fresh: probably a clock is wrong, or a network rule refuses this machine"
)
NO_ADDRESS = message("the service sent a link that is not an address")
NOT_HTTP = message("blob storage: the answer is not HTTP")
BROKE_OFF = message("blob storage: the body broke off")
TOO_LATE = message("blob storage: it did not answer in time")
NO_HOST = message("blob storage: its name cannot be resolved (DNS)")
NO_PROXY = message("blob storage: the name of the proxy cannot be resolved (DNS)")
REFUSED = message("blob storage: it refused the connection")
NO_CONNECTION = message("blob storage: no connection can be made")
NO_TLS = message("blob storage: no encrypted connection can be made (TLS)")
UNTRUSTED = message("blob storage: its certificate is not trusted")
CUT = message("blob storage: the connection broke off")
FAILED = message("blob storage: the download failed (libcurl error %(number)s)")
THROUGH = message("%(reason)s (through the proxy that %(variable)s names)")
PROXY = message("the proxy that %(variable)s names")
PROXY_ASKS = message("%(proxy)s requires authentication: %(reason)s")
PROXY_REFUSES = message("%(proxy)s does not connect to %(host)s: %(reason)s")
TO_CONNECT = message("it answered %(number)s to CONNECT")

CODING = message("%(source)s sent a Content-Encoding that is not supported (%(coding)s)")
DAMAGED = message("%(source)s sent a compressed body that is damaged: %(how)s")
EMPTY = message("%(source)s sent an empty file")
OTHER_MD5 = message("%(source)s sent bytes that do not match their Content-MD5")
WITHOUT_LENGTH = message("%(source)s sent bytes without a length")
A_PART = message("%(source)s sent a part instead of the whole")
OTHER_LENGTH = message("%(source)s sent %(sent)s of %(announced)s bytes")
TOO_LONG = message("%(source)s sent or announced more than %(number)s MiB, more than any such item has")
NOT_A_FILE = message("%(source)s sent a page or a message (HTML, XML, JSON, text) instead of a file")

PATTERNS = (
    *(STILL_REFUSED, ANSWERED, CODING, DAMAGED, EMPTY, OTHER_MD5, WITHOUT_LENGTH, A_PART, TOO_LONG, OTHER_LENGTH),
    *(NOT_A_FILE, FAILED, PROXY_ASKS, PROXY_REFUSES, TO_CONNECT, THROUGH, PROXY),
)
