"""How the service is reached: an option beats the profile, the profile beats the environment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cv_gdpr.cli import inputs
from cv_gdpr.cli.arguments import ConnectionOptions
from cv_gdpr.cli.option_types import FromEnvironment
from cv_gdpr.cli.options import AUTH, CLOUDS
from cv_gdpr.cli.parameters import TYPED
from cv_gdpr.errors import UsageError, similar
from cv_gdpr.settings import Profile, config_path, profile

if TYPE_CHECKING:
    from cv_gdpr.service.azure_resource import Wanted
    from cv_gdpr.service.client import Connection

ENDPOINT_VARIABLES = ("CV_GDPR_ENDPOINT", "VISION_TRAINING_ENDPOINT")
KEY_VARIABLES = ("CV_GDPR_TRAINING_KEY", "VISION_TRAINING_KEY")
_KEY_SOURCES = ("key_file", "key_command")
_ENTRA = AUTH[1]
_SHARED = tuple(name for name in ConnectionOptions._fields if name in Profile._fields)  # what a profile may set too
_OF_ANY_RESOURCE = {"auth", "cloud", "resource_manager"}  # may stand beside --all-profiles


class _Needed(NamedTuple):
    """What a connection needs: its variables, the settings of a profile for it, the options for it."""

    variables: tuple[str, ...]
    settings: str
    options: str


_ENDPOINT = _Needed(ENDPOINT_VARIABLES, "endpoint", "--endpoint URL")
_KEY = _Needed(
    KEY_VARIABLES, 'key-file, key-command or auth = "entra"', "--key-file PATH, --key-command COMMAND or --auth entra"
)
_NAME_RESOURCE = "--resource-id ID, which needs neither endpoint nor key; or "


class Sources(NamedTuple):
    """The options with what the profile in use adds to them, and that profile."""

    given: ConnectionOptions
    profile: Profile | None

    @property
    def endpoint(self) -> str | None:
        """The endpoint, unchecked; with a profile never the environment's."""
        return self.given.endpoint or self._from_environment(ENDPOINT_VARIABLES)

    @property
    def entra(self) -> bool:
        """Whether to sign in with Microsoft Entra ID."""
        return _chosen(self.given.auth, "CV_GDPR_AUTH", AUTH) == _ENTRA

    @contextmanager
    def naming_profile(self, setting: str, value: str | None) -> Iterator[None]:
        """Add to an error about a value which profile set it, in which file: nobody gave an option."""
        try:
            yield
        except UsageError as error:
            if self.profile and value == getattr(self.profile, setting):
                error.message = f"profile {self.profile.name} of {config_path()}: {error.message}"
            raise

    def key(self) -> str | None:
        """Return the training key, from where the options or the profile say, else from the environment."""
        if self.given.key_command:
            return inputs.key_from_command(self.given.key_command)
        if self.given.key_file:
            with self.naming_profile("key_file", self.given.key_file):
                return inputs.read_key(self.given.key_file)
        return self._from_environment(KEY_VARIABLES)

    def key_source(self) -> str:
        """Return where the key comes from, in words."""
        if self.given.key_command:
            return "printed by the key command"
        return f"read from {self.given.key_file}" if self.given.key_file else "from the environment"

    def lacking(self, endpoint: str | None, key: str | None, instead: str = "") -> UsageError:
        """Return the error for what is not set; `instead` names an option that needs neither."""
        missing = [one for one, value in ((_ENDPOINT, endpoint), (_KEY, key)) if value is None]
        if self.profile:
            what = " and no ".join(one.settings for one in missing)
            hint = f"set it in {config_path()}: with a profile, those in the environment are not used"
            return UsageError(f"profile {self.profile.name} has no {what}", instead + hint)
        return UsageError(
            f"not set: {' and '.join(one.variables[0] for one in missing)}",
            f"{instead}set it in the environment, or give {' and '.join(one.options for one in missing)}, or --profile "
            "NAME; the Azure portal shows endpoint and key under Keys and Endpoint. Without an account: cv-gdpr "
            "simulate",
        )

    def of_azure(self, name: str, variable: str) -> str | None:
        """Return what names the Azure resource; with a profile never from the environment."""
        value: str | None = getattr(self.given, name)
        return value or self._from_environment((variable,))

    def _from_environment(self, names: tuple[str, ...]) -> str | None:
        return None if self.profile else _first_set(names)


def connection_of(given: ConnectionOptions, *, of_account: bool = False) -> "Connection":
    """Return the endpoint, the key or sign-in, and the limits; raise UsageError naming what is not set.

    `of_account`: the command is about the row account, for which Resource Manager needs neither.
    """
    sources = sources_of(given)
    endpoint = sources.endpoint
    key = "" if sources.entra else sources.key()
    if endpoint is None or key is None:
        raise sources.lacking(endpoint, key, _NAME_RESOURCE if of_account else "")
    return connected(sources, endpoint, key)


def connected(sources: Sources, endpoint: str, key: str) -> "Connection":
    """Return a connection; raise UsageError for an endpoint or a key that cannot be one."""
    from cv_gdpr.service.client import Connection
    from cv_gdpr.service.clouds import cloud_named
    from cv_gdpr.service.endpoint import checked_endpoint, checked_key

    given = sources.given
    if sources.entra:
        cloud = cloud_named(_chosen(given.cloud, "CV_GDPR_CLOUD", CLOUDS))
        return Connection(checked_endpoint(endpoint), "", *given.limits, entra=cloud)
    return Connection(checked_endpoint(endpoint), checked_key(key), *given.limits)


def azure_of(given: ConnectionOptions) -> "Wanted | None":
    """Return which Azure resource is meant for the row account, or None if none is named; raise UsageError."""
    from cv_gdpr.service.azure_resource import Wanted
    from cv_gdpr.service.clouds import cloud_named
    from cv_gdpr.service.endpoint import checked_manager
    from cv_gdpr.service.resource_manager import Address, resource_id_of

    sources = sources_of(given)
    named = sources.of_azure("resource_id", "CV_GDPR_RESOURCE_ID")
    subscription = sources.of_azure("subscription", "CV_GDPR_SUBSCRIPTION")
    if _is_typed(given.subscription) and not _is_typed(given.resource_id):
        named = None  # the id is that of a profile or of the environment, and of another subscription perhaps
    if not (named or subscription):
        return None
    cloud = cloud_named(_chosen(sources.given.cloud, "CV_GDPR_CLOUD", CLOUDS))
    url = sources.given.resource_manager or _first_set(("CV_GDPR_RESOURCE_MANAGER",)) or cloud.resource_manager
    with sources.naming_profile("resource_manager", url):
        address = Address(cloud, checked_manager(url), given.read_timeout, given.patience)
    if named:
        with sources.naming_profile("resource_id", named):
            place = resource_id_of(named)
        typed = sources.given.subscription
        if typed and not isinstance(typed, FromEnvironment) and typed.lower() != place.subscription.lower():
            raise UsageError("--subscription is another one than that of the resource id", "give one of them")
        return Wanted(address, place.subscription, place, sources.endpoint)
    if sources.endpoint is None:
        raise UsageError("--subscription finds the resource by its endpoint, which is not set", "give --endpoint URL")
    return Wanted(address, subscription or "", None, sources.endpoint)


def connection_for_account(
    given: ConnectionOptions, wanted: "Wanted | None", *, with_contents: bool = False
) -> "Connection":
    """Return the connection of a command about the row account alone: with Resource Manager, it needs no key.

    Without an endpoint, it is that of the resource, which is asked `with_contents` only: what it holds.
    """
    if wanted is None:
        return connection_of(given, of_account=True)
    from cv_gdpr.service.client import Connection
    from cv_gdpr.service.endpoint import checked_endpoint
    from cv_gdpr.service.signin import is_regional

    sources = sources_of(given)
    endpoint = sources.endpoint or _endpoint_of(wanted)
    asked = bool(sources.endpoint) or with_contents
    if asked and sources.entra and (sources.endpoint or not is_regional(endpoint)):
        return connected(sources, endpoint, "")
    if asked and not sources.entra and (key := sources.key()):  # read once: it may be on standard input
        return connected(sources, endpoint, key)
    return Connection(checked_endpoint(endpoint), "", *given.limits, unsigned=True)


def _endpoint_of(wanted: "Wanted") -> str:
    from cv_gdpr.errors import MalformedAnswer
    from cv_gdpr.service.azure_resource import AzureResource, naming_it
    from cv_gdpr.service.resource_manager import properties_of

    with AzureResource(wanted) as azure, naming_it():
        endpoint = properties_of(azure.required()).get("endpoint")
    if not isinstance(endpoint, str):
        raise MalformedAnswer("Accounts-Get: the resource has no endpoint")
    return endpoint


@contextmanager
def saying_that_it_is_deleted(azure: "Wanted | None") -> "Iterator[None]":
    """Add to a refusal that the Azure resource is deleted: its endpoint then refuses every key, with 401."""
    from cv_gdpr.errors import NotAuthorised

    try:
        yield
    except NotAuthorised as error:
        if azure and error.status == 401:
            from cv_gdpr.service.azure_resource import AzureResource

            with AzureResource(azure) as resource:
                error.hint = resource.deletion() or error.hint
        raise


def sources_of(given: ConnectionOptions) -> Sources:
    """Return the options with what the profile adds; raise UsageError for two places of the key, or a key beside Entra.

    With a profile, variables of options count only where the profile sets nothing; those of endpoint and key never.
    """
    found = Sources(_one_key_source(given), None) if given.profile is None else _with_profile(given, given.profile)
    for name in _KEY_SOURCES:
        if found.entra and getattr(found.given, name):
            raise UsageError(f"--auth entra and --{name.replace('_', '-')} contradict each other", "give one of them")
    return found


def _with_profile(given: ConnectionOptions, name: str) -> Sources:
    chosen = profile(name)
    typed = _one_key_source(_typed(given))
    keys = {name: getattr(chosen, name) for name in _KEY_SOURCES}
    if typed.key_file or typed.key_command or typed.auth == _ENTRA:
        keys = {name: getattr(typed, name) for name in _KEY_SOURCES}
    added: dict[str, Any] = {name: getattr(typed, name) or getattr(chosen, name) for name in _SHARED} | keys
    added["auth"] = added["auth"] or (AUTH[0] if any(keys.values()) else given.auth)
    added["cloud"] = added["cloud"] or given.cloud
    return Sources(_one_key_source(typed._replace(**added)), chosen)


def _is_typed(value: str | None) -> bool:
    return bool(value) and not isinstance(value, FromEnvironment)


def _typed(given: ConnectionOptions) -> ConnectionOptions:
    """Return the options without the values from the environment that a profile could set."""
    ignored: dict[str, Any] = {name: None for name in _SHARED if isinstance(getattr(given, name), FromEnvironment)}
    return given._replace(**ignored)


def _one_key_source(given: ConnectionOptions) -> ConnectionOptions:
    """Return the options with one place of the key at most: one on the command line beats one in the environment."""
    sources = {name: getattr(given, name) for name in _KEY_SOURCES if getattr(given, name)}
    typed = {name: value for name, value in sources.items() if not isinstance(value, FromEnvironment)}
    counting = typed or sources
    options = [f"--{name.replace('_', '-')}" for name in counting]
    if len(options) > 1:
        raise UsageError(f"give either {' or '.join(options)}", "both say where the training key is")
    return given._replace(key_file=counting.get("key_file"), key_command=counting.get("key_command"))


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
    for name in ("profile", *_SHARED):
        if name in typed and name not in _OF_ANY_RESOURCE:
            option = max(typed[name].opts, key=len)
            raise UsageError(f"give either --all-profiles or {option}", "each profile has its own endpoint and key")
    return True


def _chosen(given: str | None, variable: str, choices: tuple[str, ...]) -> str:
    """Return what was chosen by option or variable, or the first choice; raise UsageError for another value."""
    value = given or _first_set((variable,)) or choices[0]
    if value not in choices:
        raise UsageError(f"{variable} is not one of: {', '.join(choices)}", similar(value, choices) or None)
    return value


def _first_set(names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)
