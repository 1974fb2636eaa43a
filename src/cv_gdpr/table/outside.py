"""Containers and queues of the customer to which the service writes: copies that its API neither lists nor deletes."""

from typing import NamedTuple

from cv_gdpr.links import address_without_credentials
from cv_gdpr.masking import masked
from cv_gdpr.verbatim import Json

SETTINGS = {
    "exportModelContainerUri": "writes copies of its exported models to the container",
    "notificationQueueUri": "sends messages about its trainings and exports to the queue",
}
"""Settings of a project -> what the service does with the address in them (Microsoft's page on storage integration)."""


class CopiesOutside(NamedTuple):
    """A container or queue that a project's settings name, without credentials."""

    project: str
    setting: str
    address: str

    def words(self, verb: str) -> str:
        """Return what a person must do; `verb` says what with: export, or delete."""
        what = SETTINGS.get(self.setting, "writes to")
        return (
            f"project {self.project} {what} {self.address} ({self.setting}): "
            f"outside this API, so {verb} what is there yourself"
        )


def copies_outside(entry: Json) -> list[CopiesOutside]:
    """Return the container and the queue that the service writes to for a project, as listed."""
    settings = entry.get("settings")
    found = [(name, settings.get(name)) for name in SETTINGS] if isinstance(settings, dict) else []
    return [
        CopiesOutside(entry["id"], name, masked(address_without_credentials(uri)))
        for name, uri in found
        if isinstance(uri, str) and uri
    ]
