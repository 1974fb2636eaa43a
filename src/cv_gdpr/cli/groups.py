"""Groups of commands: all are listed in full in --help, and an unknown name is answered with the near ones."""

from __future__ import annotations

import click

from cv_gdpr.errors import UsageError


class Group(click.Group):
    """A group whose members have a common noun: commands, or the rows of the table, in the order of their making."""

    noun = "command"

    def list_commands(self, ctx: click.Context | None) -> list[str]:
        """Return the names of the members, in their order."""
        del ctx
        return list(self.commands)

    def summaries(self) -> dict[str, str]:
        """Return what the list in --help says of each member."""
        return {name: command.short_help or "" for name, command in self.commands.items()}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of members in --help: none is imported for it, and no line is cut."""
        del ctx
        with formatter.section(f"{self.noun}s".capitalize()):
            formatter.write_dl(list(self.summaries().items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the member that the first word names; raise UsageError for a word that names none."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise UsageError(f"no such {self.noun}: {args[0]}", _hint(args[0], self.noun, known))
        return super().resolve_command(ctx, args)


class Rows(Group):
    """A command with a subcommand for each row of the table."""

    noun = "row"


def _hint(word: str, noun: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word.lower(), known)
    return f"similar: {', '.join(near)}" if near else f"the {noun}s are {', '.join(known)}"
