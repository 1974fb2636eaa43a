"""Containers and queues of the customer to which the service writes: copies that its API neither lists nor deletes."""

from typing import NamedTuple

from cv_gdpr.languages import message
from cv_gdpr.links import address_without_credentials
from cv_gdpr.masking import masked
from cv_gdpr.verbatim import Json

SETTINGS = ("exportModelContainerUri", "notificationQueueUri")
"""Settings of a project with the address of what the service writes to (Microsoft's page on storage integration)."""
_WORDS = {
    ("exportModelContainerUri", "export"): message(
        "project %(project)s writes copies of its exported models to the container %(address)s "
        "(exportModelContainerUri): outside this API, so export what is there yourself"
    ),
    ("exportModelContainerUri", "delete"): message(
        "project %(project)s writes copies of its exported models to the container %(address)s "
        "(exportModelContainerUri): outside this API, so delete what is there yourself"
    ),
    ("notificationQueueUri", "export"): message(
        "project %(project)s sends messages about its trainings and exports to the queue %(address)s "
        "(notificationQueueUri): outside this API, so export what is there yourself"
    ),
    ("notificationQueueUri", "delete"): message(
        "project %(project)s sends messages about its trainings and exports to the queue %(address)s "
        "(notificationQueueUri): outside this API, so delete what is there yourself"
    ),
}
_ANOTHER_SETTING = (  # the service has none today, so it is in English only
    "project %(project)s writes to %(address)s (%(setting)s): outside this API, so %(verb)s what is there yourself"
)
PATTERNS = tuple(_WORDS.values())
"""What a person must do about each of them."""


class CopiesOutside(NamedTuple):
    """A container or queue that a project's settings name, without credentials."""

    project: str
    setting: str
    address: str

    def words(self, verb: str) -> str:
        """Return what a person must do; `verb` says what with: export, or delete."""
        pattern = _WORDS.get((self.setting, verb), _ANOTHER_SETTING)
        return pattern % {"project": self.project, "address": self.address, "setting": self.setting, "verb": verb}


def copies_outside(entry: Json) -> list[CopiesOutside]:
    """Return the container and the queue that the service writes to for a project, as listed."""
    settings = entry.get("settings")
    found = [(name, settings.get(name)) for name in SETTINGS] if isinstance(settings, dict) else []
    return [
        CopiesOutside(entry["id"], name, masked(address_without_credentials(uri)))
        for name, uri in found
        if isinstance(uri, str) and uri
    ]
