"""What a profile adds to the options of a command: an option beats the profile, the profile beats the environment."""

from typing import Any

import click

from cv_gdpr.cli.given import ConnectionOptions
from cv_gdpr.cli.options import TYPED, FromEnvironment
from cv_gdpr.errors import UsageError
from cv_gdpr.settings import Profile, profile

_KEY_SOURCES = ("key_file", "key_command")


def with_profile(given: ConnectionOptions) -> tuple[ConnectionOptions, Profile | None]:
    """Return the options with what the profile sets, and the profile; raise UsageError for two places of the key."""
    if given.profile is None:
        return _one_key_source(given), None
    chosen = profile(given.profile)
    typed = _one_key_source(_typed(given))
    shared = {name for name in ConnectionOptions._fields if name in Profile._fields and getattr(typed, name) is None}
    if any(getattr(typed, name) for name in _KEY_SOURCES):
        shared -= set(_KEY_SOURCES)
    values: dict[str, Any] = {name: getattr(chosen, name) for name in shared}
    return typed._replace(**values), chosen


def _typed(given: ConnectionOptions) -> ConnectionOptions:
    """Return the options without values from the environment that a profile could set."""
    names = [name for name in ConnectionOptions._fields if name in Profile._fields]
    ignored: dict[str, Any] = {name: None for name in names if isinstance(getattr(given, name), FromEnvironment)}
    return given._replace(**ignored)


def _one_key_source(given: ConnectionOptions) -> ConnectionOptions:
    """Return the options with one place of the key at most: one on the command line beats one in the environment."""
    sources = {name: getattr(given, name) for name in _KEY_SOURCES if getattr(given, name)}
    typed = {name: value for name, value in sources.items() if not isinstance(value, FromEnvironment)}
    counting = typed or sources
    if len(counting) > 1:
        raise UsageError("give either --key-file or --key-command", "both say where the training key is")
    return given._replace(key_file=counting.get("key_file"), key_command=counting.get("key_command"))


def not_in_profile(chosen: Profile, endpoint: str | None) -> UsageError:
    """Return the error for a profile without an endpoint, or without a place of the key."""
    if chosen.auth == "entra":
        return UsageError(
            f"profile {chosen.name} signs in with Microsoft Entra ID, which this version cannot do",
            "set key-file or key-command in it, and auth to key",
        )
    lacking = "endpoint" if endpoint is None else "key-file or key-command"
    return UsageError(
        f"profile {chosen.name} has no {lacking}", "with a profile, those in the environment are not used: set it there"
    )


def protected_by(given: ConnectionOptions) -> tuple[str, ...]:
    """Return the projects that the profile in use protects."""
    return profile(given.profile).protect if given.profile is not None else ()


def may_run_for_all(ctx: click.Context) -> bool:
    """Return whether --all-profiles counts: a --profile on the command line beats it in the environment.

    Raise UsageError for options beside it that name one resource.
    """
    typed = {option.name: option for option, _ in ctx.meta.get(TYPED, [])}
    if "all_profiles" not in typed and "profile" in typed:
        return False
    for name in ConnectionOptions._fields:
        if name in typed and (name in Profile._fields or name == "profile"):
            option = max(typed[name].opts, key=len)
            raise UsageError(f"give either --all-profiles or {option}", "each profile has its own endpoint and key")
    return True
