"""How many bytes a blob has, as storage announces it (HEAD), by the link rule and proxies of downloads."""

from cv_gdpr.downloads.curl import announced_size
from cv_gdpr.downloads.process import Proxies
from cv_gdpr.downloads.waits import BLOB
from cv_gdpr.links import LinkRule
from cv_gdpr.service import shortfalls
from cv_gdpr.service.environment import authorities
from cv_gdpr.watching import waiting_for


class Sizes:
    """Asks blob storage for sizes; `silence` is how many seconds an answer may take."""

    def __init__(self, endpoint: str, silence: float) -> None:
        self._proxy_of = Proxies(LinkRule(endpoint)).of
        self._authorities = authorities()
        self._silence = silence

    def of(self, uri: str) -> int:
        """Return the size of a blob; raise ServiceError."""
        with waiting_for(BLOB, shortfalls.STORAGE):
            return announced_size(uri, self._proxy_of(uri), self._authorities, self._silence)
