"""The options that several commands share, and how those before and after ROW are merged."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from cv_gdpr.cli import inputs
from cv_gdpr.cli.arguments import ScopeOptions
from cv_gdpr.cli.groups import Command, Rows
from cv_gdpr.cli.option_types import (
    Age,
    ChoiceOfConnection,
    FilePath,
    FromEnvironment,
    ImageId,
    MetadataPair,
    Moment,
    OfConnection,
    OneLanguage,
    OnePerLine,
    Probability,
    Rate,
    Seconds,
    Words,
)
from cv_gdpr.cli.screen import Quiet
from cv_gdpr.errors import UsageError, similar
from cv_gdpr.table.categories import ACCOUNT, CATEGORIES, Category
from cv_gdpr.table.scope import Scope
from cv_gdpr.table.selection import Selection, selection_of

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
TYPED = "cv_gdpr.typed"  # in a context's `meta`: each option on the command line, with its value as typed
_OUT = "cv_gdpr.out"
AUTH = ("key", "entra")
CLOUDS = ("public", "usgov", "china")


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
        return FromEnvironment(value) if value else None

    def consume_value(self, ctx: click.Context, opts: Any) -> tuple[Any, ParameterSource]:
        """Return the value and where it comes from; fail for an empty one."""
        value, source = super().consume_value(ctx, opts)
        _refuse_empty(self, ctx, value, source)
        if source is ParameterSource.COMMANDLINE:
            ctx.meta.setdefault(TYPED, []).append((self, value))
        return value, source

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the value in its type; a mistyped word is answered with the near ones."""
        with _near_choices(self, value):
            return super().type_cast_value(ctx, value)

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

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the value in its type; a mistyped word is answered with the near ones."""
        with _near_choices(self, value):
            return super().type_cast_value(ctx, value)

    def consume_value(self, ctx: click.Context, opts: Any) -> tuple[Any, ParameterSource]:
        """Return the value and where it comes from; fail for an empty one."""
        value, source = super().consume_value(ctx, opts)
        _refuse_empty(self, ctx, value, source)
        return value, source


@contextmanager
def _near_choices(parameter: click.Parameter, value: Any) -> Iterator[None]:
    """Turn the error for a word that is not one of the choices into one that names the near ones."""
    try:
        yield
    except click.BadParameter as error:
        if not isinstance(parameter.type, click.Choice) or not isinstance(value, str):
            raise
        near = similar(value, map(str, parameter.type.choices))
        if not near:
            raise
        raise UsageError(error.format_message(), near) from None


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


def _be_quiet(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    Quiet.on = Quiet.on or (value and not ctx.resilient_parsing)
    return value


def _open_log(ctx: click.Context, _: click.Parameter, path: str | None) -> None:
    if path and not ctx.resilient_parsing:
        from cv_gdpr.cli.log_file import begin

        begin(ctx, path, ctx.meta.get(_OUT))


class _LogOption(Option):
    """--log-file, which is opened before the options that follow it are read: but for --out."""

    def consume_value(self, ctx: click.Context, opts: Any) -> tuple[Any, ParameterSource]:
        """Return the value and where it comes from; keep that of --out."""
        typed = [value for known, value in ctx.meta.get(TYPED, ()) if known.name == "out"]  # before the row
        ctx.meta[_OUT] = next(
            filter(None, [opts.get("out"), *typed, os.environ.get(f"{ctx.auto_envvar_prefix}_OUT")]), None
        )
        return super().consume_value(ctx, opts)


log_option = click.option(
    "--log-file",
    cls=_LogOption,
    metavar="FILE",
    expose_value=False,
    callback=_open_log,
    help="Append a line of JSON to FILE for each call: time, operation, status, request id; no contents, no keys.",
)
output_options = together(
    option("-q", "--quiet", is_flag=True, callback=_be_quiet, help="Print errors only."),
    option("-v", "--verbose", count=True, help="Print more detail; -vv: also the traceback of an error."),
    option("--json", "as_json", is_flag=True, help="Print the result as one JSON document."),
    log_option,
)

record_options = together(
    option(
        "--reference",
        type=Words(),
        metavar="TEXT",
        help="Your reference (a file number, a request), kept as it is with the result.",
    ),
    option("--operator", type=Words(), metavar="TEXT", help="Who does this, kept as it is with the result."),
)

_lang = partial(
    option,
    "--lang",
    type=OneLanguage(),
    default="en",
    show_default=True,
    metavar="en|de|es|pt|zh",
)
_annex_option = option("--annex", is_flag=True, help="The certificate also lists every id, on pages behind the first.")
certificate_options = together(
    _annex_option, _lang(help="The language of the certificate; the evidence itself is in English.")
)
later_certificate_options = together(
    option(
        "--names",
        type=FilePath(),
        metavar="FILE",
        help="A certificate that shows projects by their names, besides those that the one before it shows: CSV with "
        "the columns id and name, what cv-gdpr list projects --all --csv prints, or an export's data/projects.jsonl.",
    ),
    option("--no-names", is_flag=True, help="A certificate without the names that the one before it shows."),
    option(
        "--annex/--no-annex",
        default=None,
        help="A certificate that also lists every id, on pages behind the first; or none of them. "
        "Default: as the one before it.",
    ),
    _lang(default=None, show_default=False, help="A certificate in this language. Default: that of the erasure."),
    option(
        "--out",
        type=FilePath(),
        metavar="FOLDER",
        help="Write into this new folder, with a copy of the evidence and of all beside it; it stays as it is.",
    ),
)
lang_option = _lang(help="The language of what people read in the result.")

seal_options = together(
    option(
        "--sign",
        "sign_with",
        type=FilePath(),
        metavar="KEY",
        help="Sign the result with this SSH key: a private key, or a public one whose other half an agent or a "
        "hardware token holds.",
    ),
    option(
        "--timestamp",
        "timestamp_from",
        metavar="URL",
        help="Have the result time-stamped by this authority (RFC 3161; only a hash is sent; needs cv-gdpr[evidence]).",
    ),
)

_profile_option = option(
    "--profile",
    type=OfConnection(),
    metavar="NAME",
    help="Use this profile of config.toml: its endpoint and key, in place of those in the environment.",
)
_one_resource_options = together(
    option(
        "--endpoint",
        type=OfConnection(),
        metavar="URL",
        help="Endpoint of the training resource. Default: CV_GDPR_ENDPOINT, else VISION_TRAINING_ENDPOINT.",
    ),
    option(
        "--key-file",
        type=OfConnection(),
        metavar="PATH",
        help="Read the training key from this file (-: standard input). Default: the key in CV_GDPR_TRAINING_KEY, else "
        "in VISION_TRAINING_KEY. No option takes the key itself.",
    ),
    option(
        "--key-command",
        type=OfConnection(),
        metavar="COMMAND",
        help="Run this command, without a shell; its standard output is the training key.",
    ),
    option(
        "--auth",
        type=ChoiceOfConnection(AUTH),
        help="Sign in with the training key, or with Microsoft Entra ID (managed identity, az login, ...; needs "
        "cv-gdpr[azure]). Default: CV_GDPR_AUTH, else key.",
    ),
    option(
        "--cloud",
        type=ChoiceOfConnection(CLOUDS),
        help="The cloud to sign in to. Default: CV_GDPR_CLOUD, else public.",
    ),
    option(
        "--resource-id",
        type=OfConnection(),
        metavar="ID",
        help="The Azure resource, for the row account: its id as the portal shows it under Properties. Signs in with "
        "Microsoft Entra ID (needs cv-gdpr[azure]). Default: CV_GDPR_RESOURCE_ID.",
    ),
    option(
        "--subscription",
        type=OfConnection(),
        metavar="ID",
        help="In place of --resource-id: find the resource in this subscription by its endpoint. Default: "
        "CV_GDPR_SUBSCRIPTION.",
    ),
    option(
        "--resource-manager",
        type=OfConnection(),
        metavar="URL",
        help="Address of Azure Resource Manager. Default: CV_GDPR_RESOURCE_MANAGER, else that of the cloud.",
    ),
)
resource_options = together(
    _profile_option,
    only_typed(
        "--all-profiles", is_flag=True, help="Run this for each profile of config.toml: a result for each of them."
    ),
    _one_resource_options,
)

_pace_options = together(
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
connection_options = together(resource_options, _pace_options)
one_connection_options = together(_profile_option, _one_resource_options, _pace_options)

scope_options = together(
    only_typed("--all", "all_projects", is_flag=True, help="Every project of the resource."),
    only_typed(
        "--project", "projects", multiple=True, type=OnePerLine(), metavar="P", help="Project name or id; repeats."
    ),
)

selector_options = together(
    only_typed(
        "--tag",
        "tags",
        multiple=True,
        type=OnePerLine(),
        metavar="NAME",
        help="Only images with this tag, and the tag; repeats.",
    ),
    only_typed(
        "--metadata",
        multiple=True,
        type=MetadataPair(),
        metavar="KEY=VALUE",
        help="Only images with this metadata; repeats.",
    ),
    only_typed(
        "--image-id",
        "image_ids",
        multiple=True,
        type=ImageId(),
        metavar="ID",
        help="Only this image or stored prediction; repeats.",
    ),
    only_typed(
        "--image-ids-file",
        metavar="FILE",
        help="Only the images and stored predictions listed in this file, one id per line (-: standard input).",
    ),
    only_typed(
        "--except-ids-file",
        metavar="FILE",
        help="Never the images and stored predictions listed in this file: what a legal hold keeps.",
    ),
    only_typed(
        "--predicted-tag",
        "predicted_tags",
        multiple=True,
        type=OnePerLine(),
        metavar="NAME",
        help="Only stored predictions of this tag: where it is the most probable one; repeats.",
    ),
    only_typed(
        "--min-probability",
        type=Probability(),
        metavar="P",
        help="With --predicted-tag: wherever the tag was predicted with at least this probability.",
    ),
    only_typed(
        "--iteration",
        "iterations",
        multiple=True,
        type=OnePerLine(),
        metavar="NAME",
        help="Only this iteration (name or id), with its performance and exported models; repeats.",
    ),
    only_typed(
        "--before",
        type=Moment(),
        metavar="DATE",
        help="Only images, stored predictions and iterations created before this (ISO 8601; without an offset: UTC).",
    ),
    only_typed(
        "--older-than",
        type=Age(),
        metavar="AGE",
        help="Only images, stored predictions and iterations of at least this age: 90d, 6m, 2y.",
    ),
    only_typed(
        "--with-copies-from",
        type=FilePath(),
        metavar="BAG",
        help="Beside another selector: also the images and stored predictions that this export shows to be copies of "
        "what was selected. delete --yes takes identical bytes only.",
    ),
    option(
        "--missing-ok",
        is_flag=True,
        help="End with 0 also where a selector matches nothing.",
    ),
)


def add_rows(
    group: Rows,
    options: Callable[[Any], Any],
    run: Callable[[dict[str, Any], tuple[str, ...]], int],
    help_of: Callable[[Category], str],
    summary_of: Callable[[Category], str] = lambda category: category.data,
) -> None:
    """Add one subcommand for each row of the table, with the command's own options."""
    for category in CATEGORIES:
        make = partial(_row_command, category, options, run, help_of)
        group.add_row(category.name, summary_of(category), make)


def _row_command(
    category: Category,
    options: Callable[[Any], Any],
    run: Callable[[dict[str, Any], tuple[str, ...]], int],
    help_of: Callable[[Category], str],
) -> click.Command:
    @click.command(category.name, cls=Command, help=help_of(category))
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


def for_all_profiles(parameters: Mapping[str, Any]) -> bool:
    """Return whether a command runs for all profiles; raise UsageError for options that cannot stand beside that."""
    if not parameters["all_profiles"]:
        return False
    from cv_gdpr.cli.connecting import may_run_for_all

    return may_run_for_all(click.get_current_context())


def scope(given: ScopeOptions, rows: tuple[str, ...], key_file: str | None) -> Scope:
    """Return the scope of a command; raise UsageError unless exactly one of --all and --project is given."""
    alone = rows == (ACCOUNT,) and not given.projects
    if given.all_projects == bool(given.projects) and not alone:
        raise UsageError("give either --all or --project NAME", "--project repeats, and takes a name or an id")
    return Scope(given.projects, rows, _selection(given, key_file), given.missing_ok)


def _selection(given: ScopeOptions, key_file: str | None) -> Selection:
    """Return the selection; raise UsageError for a file that holds no ids, and for options that contradict."""
    named = {
        "--key-file": key_file,
        "--image-ids-file": given.image_ids_file,
        "--except-ids-file": given.except_ids_file,
    }
    if len(both := [name for name, place in named.items() if place == "-"]) > 1:
        raise UsageError(f"standard input cannot be both {both[0]} and {both[1]}")
    if given.before and given.older_than:
        raise UsageError("give either --before or --older-than", "both say how old something must be")
    if given.min_probability is not None and not given.predicted_tags:
        raise UsageError("--min-probability needs --predicted-tag", "it is the probability of that tag")
    image_ids = set(given.image_ids)
    if given.image_ids_file:
        image_ids |= inputs.read_ids(given.image_ids_file)
    if given.with_copies_from and not given.with_copies_from.is_dir():
        raise UsageError(f"--with-copies-from {given.with_copies_from} is not a folder", "name a finished export")
    chosen = selection_of(given.tags, given.metadata, image_ids, given.predicted_tags, given.iterations)
    before = inputs.moment_of(given.older_than) if given.older_than else given.before
    excepted = inputs.read_ids(given.except_ids_file, "--except-ids-file") if given.except_ids_file else ()
    return chosen._replace(
        min_probability=given.min_probability,
        before=before or "",
        older_than=given.older_than or "",
        except_ids=frozenset(excepted),
    )
