"""The options that several commands share, how those before and after ROW are merged, and the types that check them."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from cv_gdpr.cli import inputs
from cv_gdpr.cli.arguments import ConnectionOptions, ScopeOptions
from cv_gdpr.errors import UsageError
from cv_gdpr.table.categories import CATEGORIES, Category
from cv_gdpr.table.scope import Scope, selection_of

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.service.client import Connection

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
ENDPOINT_VARIABLES = ("CV_GDPR_ENDPOINT", "VISION_TRAINING_ENDPOINT")
AUTH = ("key", "entra")
CLOUDS = ("public", "usgov", "china")
KEY_VARIABLES = ("CV_GDPR_TRAINING_KEY", "VISION_TRAINING_KEY")


class OnePerLine(click.ParamType[Any]):
    """Text; a variable for a repeatable option holds one value per line, since names may contain blanks."""

    name = "text"

    def split_envvar_value(self, rv: str) -> list[str]:
        """Return the lines that are not blank."""
        return [line for line in rv.splitlines() if line.strip()]


class MetadataPair(OnePerLine):
    """KEY=VALUE, as a pair."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return (key, value); fail unless there is text on both sides of an equals sign."""
        if isinstance(value, tuple):
            return value
        key, equals, rest = str(value).partition("=")
        if not equals or not key.strip() or not rest.strip():
            self.fail("not KEY=VALUE with text on both sides", param, ctx)
        return key, rest


class ImageId(OnePerLine):
    """An image id in its canonical form."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the id in lower case with dashes; fail if it is not a UUID."""
        try:
            return inputs.uuid_of(str(value).strip())
        except ValueError:
            self.fail(f"{value!r} is not an id (32 hexadecimal digits)", param, ctx)


class Rate(click.FloatRange):
    """Calls a second; 0: no limit."""

    def __init__(self) -> None:
        super().__init__(0, 10_000)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the rate; fail for NaN, and for a rate so low that the next call would never come."""
        rate = float(super().convert(value, param, ctx))
        if rate != rate or 0 < rate < 0.001:  # noqa: PLR0124 - NaN differs from itself
            self.fail("not a rate: 0, or at least 0.001", param, ctx)
        return rate


class FilePath(click.Path):
    """A path as a Path; pathlib is imported on use, so that usage errors stay fast."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "Path":
        """Return the path."""
        from pathlib import Path

        return Path(str(super().convert(value, param, ctx)))


class Seconds(click.FloatRange):
    """A time in seconds, short enough for the system's timers."""

    def __init__(self, least: float = 0) -> None:
        super().__init__(least, 1e7)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds; fail for NaN."""
        seconds = float(super().convert(value, param, ctx))
        if seconds != seconds:  # noqa: PLR0124 - NaN differs from itself
            self.fail("not a number of seconds", param, ctx)
        return seconds


def _refuse_empty(parameter: click.Parameter, ctx: click.Context, value: Any, source: ParameterSource) -> None:
    """Fail for an empty value: `--image-ids-file "$IDS"` with IDS unset must not widen the scope."""
    values = value if isinstance(value, (list, tuple)) else [value]
    if source is ParameterSource.COMMANDLINE and any(isinstance(one, str) and not one.strip() for one in values):
        raise click.BadParameter("the value is empty", ctx, parameter)


class Option(click.Option):
    """An option that refuses an empty value; its variable has its longest name: CV_GDPR_EXPORT_TAG for --tag.

    `only_typed`: the option decides what is deleted, so `delete` reads it from the command line only.
    """

    def __init__(self, *names: Any, only_typed: bool = False, **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.only_typed = only_typed

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return the variable's value; an empty one counts as not set, a blank one is an error."""
        word = max(self.opts, key=len).lstrip("-").replace("-", "_").upper()
        name = f"{ctx.auto_envvar_prefix}_{word}"
        value = os.environ.get(name)
        if value and self.only_typed and f"{ctx.auto_envvar_prefix}_".startswith("CV_GDPR_DELETE_"):
            raise click.UsageError(f"{name} is set, but delete reads {self.opts[0]} from the command line only", ctx)
        refuse_blank(name)
        return value or None

    def consume_value(self, ctx: click.Context, opts: Any) -> tuple[Any, ParameterSource]:
        """Return the value and where it comes from; fail for an empty one."""
        value, source = super().consume_value(ctx, opts)
        _refuse_empty(self, ctx, value, source)
        return value, source

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Return what --help shows in brackets: the default and the range, in words."""
        extra = super().get_help_extra(ctx)
        if "default" in extra and isinstance(self.default, float):
            extra["default"] = _number(self.default)
        if "range" in extra and isinstance(self.type, (click.IntRange, click.FloatRange)):
            least, most = self.type.min or 0, self.type.max
            extra["range"] = f"{_number(least)} or more" if most is None else f"{_number(least)} to {_number(most)}"
        return extra


def _number(value: float) -> str:
    return str(int(value) if value == int(value) else value)


class Argument(click.Argument):
    """An argument that refuses an empty value."""

    def consume_value(self, ctx: click.Context, opts: Any) -> tuple[Any, ParameterSource]:
        """Return the value and where it comes from; fail for an empty one."""
        value, source = super().consume_value(ctx, opts)
        _refuse_empty(self, ctx, value, source)
        return value, source


def refuse_blank(variable: str) -> None:
    """Raise UsageError for a variable that contains only blanks: a value was intended."""
    if (value := os.environ.get(variable)) and not value.strip():
        raise click.UsageError(f"{variable} is blank: unset it, or give it a value")


def option(*names: str, **settings: Any) -> Callable[[Decorated], Decorated]:
    """Declare an `Option`."""
    return click.option(*names, cls=Option, **settings)


def only_typed(*names: str, **settings: Any) -> Callable[[Decorated], Decorated]:
    """Declare an option that `delete` never reads from the environment."""
    return option(*names, only_typed=True, **settings)


def together(*options: Callable[[Any], Any]) -> Callable[[Decorated], Decorated]:
    """Return one decorator that adds several options in this order."""

    def decorate(function: Decorated) -> Decorated:
        for add in reversed(options):
            function = add(function)
        return function

    return decorate


output_options = together(
    option("-q", "--quiet", is_flag=True, help="Print errors only."),
    option("-v", "--verbose", count=True, help="Print more detail; -vv: also the traceback of an error."),
    option("--json", "as_json", is_flag=True, help="Print the result as one JSON document."),
)

connection_options = together(
    option(
        "--endpoint",
        metavar="URL",
        help="Endpoint of the training resource. Default: CV_GDPR_ENDPOINT, else VISION_TRAINING_ENDPOINT.",
    ),
    option(
        "--key-file",
        metavar="PATH",
        help="Read the training key from this file (-: standard input). Default: the key in CV_GDPR_TRAINING_KEY, else "
        "in VISION_TRAINING_KEY. No option takes the key itself.",
    ),
    option(
        "--auth",
        type=click.Choice(AUTH),
        help="Sign in with the training key, or with Microsoft Entra ID (managed identity, az login, ...; needs "
        "cv-gdpr[azure]). Default: CV_GDPR_AUTH, else key.",
    ),
    option("--cloud", type=click.Choice(CLOUDS), help="The cloud to sign in to. Default: CV_GDPR_CLOUD, else public."),
    option(
        "--calls-per-second",
        type=Rate(),
        default=10.0,
        show_default=True,
        metavar="N",
        help="Send at most this many API calls a second; 0: no limit.",
    ),
    option(
        "--patience",
        type=Seconds(),
        default=120.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to retry a failing call or download.",
    ),
    option(
        "--read-timeout",
        type=Seconds(0.1),
        default=60.0,
        show_default=True,
        metavar="SECONDS",
        help="How long an answer may stall before it is retried.",
    ),
)

scope_options = together(
    only_typed("--all", "all_projects", is_flag=True, help="Every project of the resource."),
    only_typed(
        "--project", "projects", multiple=True, type=OnePerLine(), metavar="P", help="Project name or id; repeats."
    ),
)

selector_options = together(
    only_typed(
        "--tag", "tags", multiple=True, type=OnePerLine(), metavar="NAME", help="Only what has this tag; repeats."
    ),
    only_typed(
        "--metadata",
        multiple=True,
        type=MetadataPair(),
        metavar="KEY=VALUE",
        help="Only images with this metadata; repeats.",
    ),
    only_typed(
        "--image-id", "image_ids", multiple=True, type=ImageId(), metavar="ID", help="Only this image; repeats."
    ),
    only_typed(
        "--image-ids-file",
        metavar="FILE",
        help="Only the images listed in this file, one id per line (-: standard input).",
    ),
)


def add_rows(
    group: click.Group,
    options: Callable[[Any], Any],
    run: Callable[[dict[str, Any], tuple[str, ...]], int],
    help_of: Callable[[Category], str],
    summary_of: Callable[[Category], str] = lambda category: category.data,
) -> None:
    """Add one subcommand for each row of the table, with the command's own options."""
    for category in CATEGORIES:
        command = _row_command(category, options, run, help_of(category))
        command.short_help = summary_of(category)
        group.add_command(command)


def _row_command(
    category: Category,
    options: Callable[[Any], Any],
    run: Callable[[dict[str, Any], tuple[str, ...]], int],
    words: str,
) -> click.Command:
    @click.command(category.name, help=words)
    @options
    @click.pass_context
    def command(ctx: click.Context, /, **_: Any) -> int:
        return run(merged(ctx), (category.name,))

    return command


def merged(ctx: click.Context) -> dict[str, Any]:
    """Return the options given before and after ROW as one: the command line beats a variable, a variable a default.

    If both come from the same source, the values of a repeatable option add up; of another option, the one after ROW
    counts.
    """
    parent = ctx.parent
    if parent is None or not isinstance(ctx.obj, dict):
        return dict(ctx.params)
    return {
        name: _merge_values(_precedence(parent, name), ctx.obj[name], _precedence(ctx, name), value)
        for name, value in ctx.params.items()
    }


def _precedence(ctx: click.Context, name: str) -> int:
    source = ctx.get_parameter_source(name)
    return 2 if source is ParameterSource.COMMANDLINE else int(source is ParameterSource.ENVIRONMENT)


def _merge_values(precedence_above: int, above: Any, precedence_here: int, here: Any) -> Any:
    if isinstance(here, tuple) and precedence_above == precedence_here:
        return tuple(dict.fromkeys((*above, *here)))
    return here if precedence_here >= precedence_above else above


def connection(given: ConnectionOptions) -> "Connection":
    """Return the endpoint, the key and the limits of a connection; raise UsageError naming what is not set."""
    from cv_gdpr.service.client import Connection
    from cv_gdpr.service.endpoint import checked_endpoint, checked_key

    if _chosen(given.auth, "CV_GDPR_AUTH", AUTH) == "entra":
        return _with_entra(given)
    endpoint = given.endpoint or _first_set(ENDPOINT_VARIABLES)
    key = inputs.read_key(given.key_file) if given.key_file else _first_set(KEY_VARIABLES)
    lacking = [names[0] for names, value in ((ENDPOINT_VARIABLES, endpoint), (KEY_VARIABLES, key)) if value is None]
    if lacking or endpoint is None or key is None:
        raise UsageError(
            f"not set: {' and '.join(lacking)}",
            "set it in the environment, or give --endpoint URL and --key-file PATH; the Azure portal shows both under "
            "Keys and Endpoint. Without an account: cv-gdpr simulate",
        )
    return Connection(
        checked_endpoint(endpoint),
        checked_key(key),
        given.calls_per_second,
        given.patience,
        given.read_timeout,
    )


def _with_entra(given: ConnectionOptions) -> "Connection":
    """Return a connection that signs in with Microsoft Entra ID; raise UsageError for a missing endpoint or a key."""
    from cv_gdpr.service.client import Connection
    from cv_gdpr.service.clouds import cloud_named
    from cv_gdpr.service.endpoint import checked_endpoint

    if given.key_file:
        raise UsageError("--auth entra and --key-file contradict each other", "give one of them")
    endpoint = given.endpoint or _first_set(ENDPOINT_VARIABLES)
    if endpoint is None:
        raise UsageError(f"not set: {ENDPOINT_VARIABLES[0]}", "set it in the environment, or give --endpoint URL")
    cloud = cloud_named(_chosen(given.cloud, "CV_GDPR_CLOUD", CLOUDS))
    limits = given.calls_per_second, given.patience, given.read_timeout
    return Connection(checked_endpoint(endpoint), "", *limits, entra=cloud)


def _chosen(given: str | None, variable: str, choices: tuple[str, ...]) -> str:
    """Return what was chosen by option or variable, or the first choice; raise UsageError for another value."""
    value = given or _first_set((variable,)) or choices[0]
    if value not in choices:
        raise UsageError(f"{variable} is none of {', '.join(choices)}")
    return value


def _first_set(names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


def scope(given: ScopeOptions, rows: tuple[str, ...], key_file: str | None) -> Scope:
    """Return the scope of a command; raise UsageError unless exactly one of --all and --project is given."""
    if given.all_projects == bool(given.projects):
        raise UsageError("give either --all or --project NAME", "--project repeats, and takes a name or an id")
    if key_file == "-" and given.image_ids_file == "-":
        raise UsageError("standard input cannot be both --key-file and --image-ids-file")
    image_ids = set(given.image_ids)
    if given.image_ids_file:
        image_ids |= inputs.read_ids(given.image_ids_file)
    selection = selection_of(given.tags, given.metadata, image_ids)
    return Scope(given.projects, rows, selection)
