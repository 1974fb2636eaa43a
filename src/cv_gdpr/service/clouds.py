"""The clouds of Azure: where each signs people in, which tokens its AI services take, and where Resource Manager is."""

from typing import NamedTuple


class Cloud(NamedTuple):
    """A cloud: its name here, its sign-in host, the audience of tokens for Azure AI services, and Resource Manager."""

    name: str
    authority: str
    audience: str
    resource_manager: str


CLOUDS = (
    # Authorities: azure.identity.AzureAuthorityHosts; the rest: Microsoft's pages on each cloud's endpoints.
    Cloud(
        "public",
        "login.microsoftonline.com",
        "https://cognitiveservices.azure.com",
        "https://management.azure.com",
    ),
    Cloud(
        "usgov",
        "login.microsoftonline.us",
        "https://cognitiveservices.azure.us",
        "https://management.usgovcloudapi.net",
    ),
    Cloud(
        "china",
        "login.chinacloudapi.cn",
        "https://cognitiveservices.azure.cn",
        "https://management.chinacloudapi.cn",
    ),
)


def cloud_named(name: str) -> Cloud:
    """Return the cloud of that name; raise StopIteration for another one."""
    return next(cloud for cloud in CLOUDS if cloud.name == name)
