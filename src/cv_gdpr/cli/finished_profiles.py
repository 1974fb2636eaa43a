"""Which exports of --all-profiles an earlier run of the same command has finished: it leaves these as they are."""

import json
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from cv_gdpr.cli.arguments import ScopeOptions, part_of
from cv_gdpr.errors import UsageError
from cv_gdpr.settings import address_of

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.settings import Profile

_BEGUN = ".cv-gdpr-profiles.json"  # in the folder of all exports: which command began there, as a salted hash
_ANOTHER = "name another folder; the command that began there finishes it"
_OF_OTHER_FILES = ("image_ids_file", "except_ids_file", "with_copies_from")  # which may have changed since


class Finished(NamedTuple):
    """The finished export of a profile: its folder, and 0 if it is complete, and signed as is asked; else 3."""

    folder: "Path"
    exit_code: int


def finished_before(
    base: "Path", profiles: Mapping[str, "Profile"], parameters: Mapping[str, Any], rows: tuple[str, ...]
) -> dict[str, Finished]:
    """Return what earlier runs of the same command have finished in a folder, by profile; note which command began.

    Where nothing is left to do, none counts, so that a new night in an old folder is refused. Raise UsageError if
    another command began there, StorageError.
    """
    scope, keys = part_of(parameters, ScopeOptions), parameters["include_keys"]
    asked = json.dumps([rows, scope, keys], default=str)
    folders = {name: base / name for name in profiles}
    if not any(folder.exists() for folder in folders.values()):
        _note(base, asked)
        return {}
    if not (base / _BEGUN).exists() or any(parameters[name] for name in _OF_OTHER_FILES):
        return {}
    if not _is_same(base / _BEGUN, asked):
        raise UsageError(f"--out {base} holds exports of another command, with other rows or selectors", _ANOTHER)
    done = {name: _finished(folder, profiles[name], parameters) for name, folder in folders.items()}
    found = {name: one for name, one in done.items() if one}
    return found if len(found) < len(folders) else {}


def _note(base: "Path", asked: str) -> None:
    from cv_gdpr.archive.writing import private_folder, storing, write_new
    from cv_gdpr.table.selection import salted

    salt = secrets.token_hex(16)
    with storing(base):
        private_folder(base)
        (base / _BEGUN).unlink(missing_ok=True)
        write_new(base / _BEGUN, json.dumps({"salt": salt, "sha256": salted(salt, asked)}).encode())


def _is_same(begun: "Path", asked: str) -> bool:
    from cv_gdpr.table.selection import salted

    try:
        stated = json.loads(begun.read_bytes())
        return bool(stated["sha256"] == salted(stated["salt"], asked))
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _finished(folder: "Path", profile: "Profile", parameters: Mapping[str, Any]) -> Finished | None:
    """Return the finished export of a profile, None if there is none of its endpoint.

    One that does not say that all was searched and is there, or is not signed as asked, counts as done in part.
    """
    from cv_gdpr.sealing.bags import SIGNATURE, SIGNED_AT, TOKEN

    signs, stamps = parameters["sign_with"], parameters["timestamp_from"]
    asked = {SIGNATURE: signs, TOKEN: stamps, SIGNED_AT: signs and stamps}
    try:
        told = json.loads((folder / "data" / "export.json").read_bytes())
        missing_ok = parameters["missing_ok"]
        found = all(one["matched"] is True or (missing_ok and one["matched"] is False) for one in told["selectors"])
        complete = told["complete"] is True and found and not told["predictionsNotSearched"]
        if not (folder / "bagit.txt").is_file() or address_of(told["endpoint"]) != address_of(profile.endpoint):
            return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    sealed = all((folder / name).is_file() for name, option in asked.items() if option)
    return Finished(folder, 0 if complete and sealed else 3)
