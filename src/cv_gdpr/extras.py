"""The command that installs an extra of this program."""

import sys
from typing import NamedTuple

from cv_gdpr.platforms.shells import command


def install(extras: str) -> str:
    """Return the command that installs an extra, or several (`azure,find`), where this program runs.

    pip gets the folder or the file that this program was installed from, for no index has it. Where that is gone, the
    words say where to run the command.
    """
    if not (source := _source()):
        return f"{pip_install(f'.[{extras}]')}, in a checkout of cv-gdpr"
    what = f"{source.place}[{extras}]"
    return pip_install("-e", what) if source.is_editable else pip_install(what)


def pip_install(*words: str) -> str:
    """Return the command with which pip installs something beside this program."""
    return command(sys.executable, "-m", "pip", "install", *words)


class _Source(NamedTuple):
    """What this program was installed from."""

    place: str
    is_editable: bool


def _source() -> _Source | None:
    """Return the folder or file of the installation, or its name in an index; None if it is not there any more.

    PEP 610: direct_url.json has the address of what was not installed from an index.
    """
    import json
    import os
    from importlib import metadata
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        text = metadata.distribution("cv-gdpr").read_text("direct_url.json")
        stated = json.loads(text) if text else None
    except (metadata.PackageNotFoundError, ValueError):
        return None
    if stated is None:
        return _Source("cv-gdpr", is_editable=False)
    place = url2pathname(urlsplit(str(stated.get("url"))).path)
    if not os.path.exists(place):  # noqa: PTH110 - pathlib is imported on use
        return None
    return _Source(place, is_editable=bool(stated.get("dir_info", {}).get("editable")))
