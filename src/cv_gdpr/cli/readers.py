"""Who else can read a file that an option names."""

from pathlib import Path

import click

from cv_gdpr.cli.output import printable
from cv_gdpr.platforms.access import how_to_close, mode_lets_others_read, others_who_read
from cv_gdpr.platforms.shells import quoted


def warn_of_readers(path: str, what: str) -> None:
    """Say that other users of this machine can read a file, if they can; `what` is it in words, before its name."""
    name = printable(path)
    if readers := others_who_read(Path(path)):
        words = f"{', '.join(readers)} can read {what} {name}: {how_to_close(name)}"
    elif mode_lets_others_read(Path(path)):
        words = f"other users can read {what} {name}: chmod 600 {quoted(name)}"
    else:
        return
    click.echo(f"Warning: {words}", err=True)
