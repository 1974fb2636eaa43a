"""Options and arguments: they refuse empty values, and name the words near a mistyped one. Before and after ROW."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from cv_gdpr.cli.option_types import FromEnvironment
from cv_gdpr.errors import UsageError, similar

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
TYPED = "cv_gdpr.typed"  # in a context's `meta`: each option on the command line, with its value as typed


_CONNECTION = ("profile", "endpoint", "key_file", "key_command", "auth", "cloud")


def same_connection() -> str:
    """Return what a command must add to ask the same resource as this one: its options, each after a space.

    A --key-command may hold a secret: its place is shown, not its words.
    """
    from cv_gdpr.platforms.shells import quoted

    ctx = click.get_current_context(silent=True)
    typed = ctx.meta.get(TYPED, []) if ctx else []
    given = [(max(one.opts, key=len), one.name, str(value)) for one, value in typed if one.name in _CONNECTION]
    return "".join(f" {word} {'COMMAND' if name == 'key_command' else quoted(value)}" for word, name, value in given)


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
        if self.nargs == -1 and isinstance(value, (tuple, list)):  # paths
            from cv_gdpr.platforms.shells import expanded

            value = tuple(path for one in value for path in expanded(one))
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


def precedence(ctx: click.Context, name: str) -> int:
    """Return where a value comes from, as a number: 2 from the command line, 1 from a variable, 0 by default."""
    source = ctx.get_parameter_source(name)
    return 2 if source is ParameterSource.COMMANDLINE else int(source is ParameterSource.ENVIRONMENT)


def merged(ctx: click.Context) -> dict[str, Any]:
    """Return the options given before and after ROW as one: the command line beats a variable, a variable a default.

    If both come from the same source, the values of a repeatable option add up; of another option, the one after ROW
    counts.
    """
    parent = ctx.parent
    if parent is None or not isinstance(ctx.obj, dict):
        return dict(ctx.params)
    return {
        name: _merge_values(precedence(parent, name), ctx.obj[name], precedence(ctx, name), value)
        for name, value in ctx.params.items()
    }


def _merge_values(precedence_above: int, above: Any, precedence_here: int, here: Any) -> Any:
    if isinstance(here, tuple) and precedence_above == precedence_here:
        return tuple(dict.fromkeys((*above, *here)))
    return here if precedence_here >= precedence_above else above
