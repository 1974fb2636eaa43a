"""click's messages of wrong usage, in one line and in words."""

import re

import click

from cv_gdpr.patterns import pattern

_NOT_A_NUMBER = pattern(r"(.*) is not (?:a valid (?:float|integer)(?: range)?\.|in the range .*)", re.DOTALL)


def in_words(error: click.ClickException) -> str:
    """Return the message of a usage error, with what a number may be in words."""
    message = error.format_message()
    if isinstance(error, click.BadParameter) and (found := _NOT_A_NUMBER.fullmatch(error.message)):
        message = message.replace(error.message, f"must be {_number(error.param)}, not {found[1]}")
    return re.sub(r"\s*\n\s*", " ", message)  # click lists choices on lines of their own


def _number(parameter: click.Parameter | None) -> str:
    """Return what a number may be: from where on, or between what."""
    wanted = parameter.type if parameter else None
    kind = "a whole number" if isinstance(wanted, (click.IntRange, type(click.INT))) else "a number"
    if not isinstance(wanted, (click.IntRange, click.FloatRange)) or wanted.min is None:
        return kind
    if wanted.max is None:
        return f"{kind}, {wanted.min:,} or more"
    return f"{kind} from {wanted.min:,} to {wanted.max:,.0f}"
