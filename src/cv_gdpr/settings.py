"""Profiles: named connections in the user's config.toml. The file names where a key is, and never holds one.

A command in this file is run, and its endpoint receives a key: so nobody but its owner (or root) may write to it.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

from cv_gdpr.errors import Lines, UsageError, similar
from cv_gdpr.links import host_of
from cv_gdpr.masking import RUN
from cv_gdpr.patterns import lines_of, pattern
from cv_gdpr.platforms.access import how_to_close, others_who_write
from cv_gdpr.platforms.files import KEEPS_MODES, NO_WAIT, reason_of, user_id
from cv_gdpr.platforms.processes import split_words

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "CV_GDPR_CONFIG"
_LONGEST = 1 << 16  # bytes
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
_NAME = pattern(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)  # it names a folder and a file
_A_KEY = pattern(  # Azure's keys of today, and the longer ones of 2024
    "(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{32}|[0-9A-Za-z]{84})(?![0-9A-Za-z])", re.ASCII
)
_SECRETS = pattern(r".*(?:key|keys|secret|token|password)[-_ ]?\d?", re.IGNORECASE)
_LONG_QUOTES = pattern(r"'[^']{4,}'|\"[^\"]{4,}\"")
_HOW_TO_KEEP_A_KEY = "keep the key elsewhere: key-file names a file with it, key-command a command that prints it"
EXAMPLE = (
    "[profiles.{name}]",
    'endpoint = "https://NAME.cognitiveservices.azure.com"',
    'key-command = "az cognitiveservices account keys list -g GROUP -n NAME --query key1 -o tsv"',
)
Auth: TypeAlias = Literal["key", "entra"]
Cloud: TypeAlias = Literal["public", "usgov", "china"]


class Profile(NamedTuple):
    """A named connection; what the file does not set is None, empty or False. Paths are complete."""

    name: str
    endpoint: str | None = None
    auth: Auth | None = None
    key_file: str | None = None
    key_command: str | None = None
    resource_id: str | None = None
    resource_manager: str | None = None
    cloud: Cloud | None = None
    protect: tuple[str, ...] = ()
    unattended_delete: bool = False


def config_path() -> "Path":
    """Return the path of the user's configuration: CV_GDPR_CONFIG, else config.toml in the configuration folder."""
    from pathlib import Path

    if given := os.environ.get(VARIABLE, ""):
        if not given.strip():
            raise UsageError(f"{VARIABLE} is blank: unset it, or give it a value")
        return Path(_from_home(given, VARIABLE))
    from platformdirs import user_config_path

    return user_config_path("cv-gdpr", appauthor=False) / "config.toml"


def profile(name: str) -> Profile:
    """Return a profile of the user's configuration; raise UsageError if the file or the profile is not there."""
    path = config_path()
    found = _read(path, name)
    if name not in found:
        raise UsageError(f"{path} has no profile {name!r}", _similar(name, list(found), "its profiles are"))
    return found[name]


def profiles() -> dict[str, Profile]:
    """Return all profiles of the user's configuration, in its order; raise UsageError if there are none."""
    path = config_path()
    found = _read(path, "NAME")
    if not found:
        raise UsageError(f"{path} has no profile", _example("NAME"))
    return found


def _example(name: str, begin: str = "for example:") -> Lines:
    lines = [line.format(name=name if _NAME.fullmatch(name) else "NAME") for line in EXAMPLE]
    return Lines("\n    ".join([begin, *lines]))


def _similar(word: str, known: list[str], these_are: str) -> str:
    if not known:
        return "it has none yet"
    return similar(word, known) or f"{these_are} {', '.join(known)}"


# --- the file -----------------------------------------------------------------------------------------------------


def _read(path: "Path", name: str) -> dict[str, Profile]:
    try:
        content = _content(path)
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist", _example(name, "create it, with for example:")) from None
    except OSError as error:
        raise UsageError(f"{path}: {reason_of(error, path)}") from error
    return parse(content, path)


def _content(path: "Path") -> bytes:
    """Return the content of a regular file that only its owner can write; raise UsageError for another."""
    handle = os.open(path, os.O_RDONLY | NO_WAIT)  # it may be a pipe
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{path} is not a regular file")
        _refuse_shared(path, found)
        # Who can rename in one of them can replace the file.
        for folder in dict.fromkeys((*path.absolute().parents, *path.resolve().parents)):
            _refuse_shared(folder, folder.stat())
        content = file.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise UsageError(f"{path} is larger than {_LONGEST >> 10} KiB")
    return content


def _refuse_shared(path: "Path", found: os.stat_result) -> None:
    """Raise UsageError if others can write to a file or folder; a sticky folder (/tmp) protects what is in it."""
    if writers := others_who_write(path) if stat.S_ISREG(found.st_mode) else ():
        closing = f"take that right from them: {how_to_close(path)}"
        raise UsageError(f"{path} can be written by {', '.join(writers)}, who could name commands to run", closing)
    if not KEEPS_MODES:
        return
    if found.st_uid not in {user_id(), 0}:
        raise UsageError(
            f"{path} belongs to another user, who could name commands to run in it",
            f"{VARIABLE} can name a file of your own",
        )
    if found.st_mode & _OTHERS_MAY_WRITE and not (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX):
        mode = stat.S_IMODE(found.st_mode)
        raise UsageError(
            f"others can write to {path} (mode {mode:04o}), and name commands to run", f"chmod go-w {path}"
        )


def parse(content: bytes, path: "Path") -> dict[str, Profile]:
    """Return the profiles in the content of a file; raise UsageError for a key, and for anything invalid."""
    top = _toml(content, path)
    for name in top:
        if name != "profiles":
            raise UsageError(f"{path}: unknown setting {_shown(name)}", "all settings are below [profiles.NAME]")
    tables = top.get("profiles", {})
    if not isinstance(tables, dict):
        raise UsageError(f"{path}: profiles is not a table", _example("NAME"))
    _check_names(list(tables), path)
    return {name: _profile(name, table, path) for name, table in tables.items()}


def _toml(content: bytes, path: "Path") -> dict[str, Any]:
    import tomllib

    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path}: it is not text in UTF-8", "save it as UTF-8") from None
    try:
        for key in _A_KEY.findall(text):
            RUN.know_key(key)
        found = tomllib.loads(text)
        _refuse_keys(found, str(path))
        _refuse_keys_in_comments(text, path)
    except RecursionError:
        raise UsageError(f"{path} is not valid TOML: it is nested too deeply") from None
    except ValueError as error:
        # The parser may quote what it read: only short quotations, such as of a sign, are repeated.
        place = re.search(r"\(at (line \d+, column \d+|end of document)\)", str(error))
        where = f"{place[1]}: " if place else ""
        what = _LONG_QUOTES.sub("...", re.sub(r" \(at .*", "", str(error)))
        raise UsageError(f"{path}: {where}not valid TOML: {what[:1].lower()}{what[1:]}", _toml_hint(text)) from None
    return found


def looks_like_key(text: str) -> bool:
    """Return whether a text has the form of one of Azure's keys, and is nothing else."""
    return _A_KEY.fullmatch(text.strip()) is not None


def _toml_hint(text: str) -> str:
    if "\0" in text:
        return "it is not text, or UTF-16 without a mark: save it as UTF-8"
    return "texts stand in quotes; in double quotes a backslash is written twice, in single ones once"


# --- no keys ------------------------------------------------------------------------------------------------------


def _refuse_keys(value: Any, where: str, name: str = "") -> None:
    """Raise UsageError for a setting that is named like a secret, and for a text that looks like a key, unquoted."""
    if isinstance(value, dict):
        for inner, part in value.items():
            _refuse_keys(inner, f"{where}: the name of a setting")
            _refuse_keys(part, where, f"{name}.{inner}" if name else inner)
    elif isinstance(value, list):
        for part in value:
            _refuse_keys(part, where, name)
    elif isinstance(value, str):
        looks = _A_KEY.search(value) is not None
        if looks or (name and _SECRETS.fullmatch(name)):
            setting = f"{where}: {name}" if name else where
            raise UsageError(f"{setting} {'looks like' if looks else 'would hold'} a key", _hint_on(name))


def _refuse_keys_in_comments(text: str, path: "Path") -> None:
    """Raise UsageError for a key outside of settings and their values."""
    for number, line in enumerate(lines_of(text), 1):
        if _A_KEY.search(line):
            raise UsageError(f"{path}: line {number} holds what looks like a key", _HOW_TO_KEEP_A_KEY)


def _hint_on(name: str) -> str:
    if name.endswith("protect"):
        return "write the id of a project with its dashes"
    return _HOW_TO_KEEP_A_KEY


def _shown(name: str) -> str:
    return repr(name) if name.isprintable() and len(name) <= 64 else "(unprintable or long)"


# --- the settings -------------------------------------------------------------------------------------------------


def _check_names(names: list[str], path: "Path") -> None:
    """Raise UsageError unless each name can be that of a folder, also where case does not count."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{path}: a profile cannot be named {_shown(name)}",
                "letters, digits, - and _, at most 64, the first one a letter or digit: it also names a folder",
            )
    lower = [name.lower() for name in names]
    if twice := next((name for name in names if lower.count(name.lower()) > 1), None):
        raise UsageError(f"{path}: two profiles are named {twice!r}, but for upper and lower case")


def _profile(name: str, table: Any, path: "Path") -> Profile:
    where = f"{path}: [profiles.{name}]"
    if not isinstance(table, dict):
        raise UsageError(f"{where} is not a table", _example("NAME"))
    known = {field.replace("_", "-"): field for field in Profile._fields if field != "name"}
    for setting in table:
        if setting not in known:
            hint = _similar(setting, list(known), "the settings are")
            raise UsageError(f"{where}: unknown setting {_shown(setting)}", hint)
    if "key-file" in table and "key-command" in table:
        raise UsageError(f"{where}: both key-file and key-command are set", "keep one of them")
    for source in ("key-file", "key-command"):
        if source in table and table.get("auth") == "entra":
            raise UsageError(f"{where}: {source} is set, but auth is entra", "keep one of them")
    values = {known[setting]: _checked(f"{where} {setting}", setting, value) for setting, value in table.items()}
    return _with_full_paths(Profile(name=name, **values), path, where)


def _checked(where: str, setting: str, value: Any) -> Any:
    """Return a setting's value; raise UsageError, which does not quote it, if it has the wrong type or form."""
    if setting == "unattended-delete":
        if not isinstance(value, bool):
            raise UsageError(f"{where} is neither true nor false", "write it without quotes")
        return value
    if setting == "protect":
        if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
            raise UsageError(f"{where} is not a list of names or ids", 'for example: protect = ["Launch site"]')
        return tuple(value)
    if not isinstance(value, str):
        raise UsageError(f"{where} is not a text", "write it in quotes")
    if not value.strip() or not value.isprintable():
        raise UsageError(f"{where} is empty or holds a control character")
    choices = _CHOICES.get(setting)
    if choices and value not in choices:
        raise UsageError(f"{where} is not one of: {', '.join(choices)}", similar(value, choices) or None)
    return value


_CHOICES: Mapping[str, tuple[str, ...]] = {"auth": get_args(Auth), "cloud": get_args(Cloud)}


def _with_full_paths(made: Profile, path: "Path", where: str) -> Profile:
    """Return a profile whose paths are complete: relative ones start at the file's folder, ~ is the home folder."""
    from shlex import join

    folder = path.absolute().parent
    if made.key_file is not None:
        made = made._replace(key_file=str(folder / _from_home(made.key_file, where)))
    if made.key_command is not None:
        words = [_from_home(word, where) for word in words_of(made.key_command, f"{where} key-command")]
        if os.path.split(words[0])[0]:
            words[0] = str(folder / words[0])
        made = made._replace(key_command=join(words))
    return made


def _from_home(word: str, where: str) -> str:
    from pathlib import Path

    if not word.startswith("~"):
        return word
    try:
        return str(Path(word).expanduser())
    except RuntimeError:
        raise UsageError(f"{where}: the home folder for ~ is unknown", "write the whole path") from None


def words_of(command: str, where: str) -> list[str]:
    """Return the words of a command, split as a shell splits them; raise UsageError if there are none."""
    try:
        words = split_words(command)
    except ValueError as error:
        raise UsageError(f"{where}: {str(error).lower()}") from None
    if not words or not words[0]:
        raise UsageError(f"{where} is empty")
    return words


def address_of(endpoint: str | None) -> str:
    """Return an endpoint as it is compared with others: letters and a slash at the end make no other one."""
    return (endpoint or "").strip().rstrip("/").lower()


def doubled(found: Mapping[str, Profile]) -> Iterator[tuple[str, str]]:
    """Yield the names of two profiles that have one endpoint."""
    first: dict[str, str] = {}
    for name, one in found.items():
        address = address_of(one.endpoint)
        scheme, _, rest = address.partition("://")
        place = f"{scheme}://{host_of(address)}/{rest.partition('/')[2]}" if host_of(address) else address
        if place and place in first:
            yield first[place], name
        first.setdefault(place, name)
