"""Groups of commands: all are listed in full in --help, and an unknown name is answered with the near ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cv_gdpr.errors import UsageError, similar

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem


class Command(click.Command):
    """A command whose --help groups its options, and ends with examples."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, those of a purpose together."""
        from cv_gdpr.cli.help import write_options

        write_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        from cv_gdpr.cli.help import write_examples

        super().format_epilog(ctx, formatter)
        write_examples(ctx, formatter)


class Group(click.Group):
    """A group whose members have a common noun: commands, or the rows of the table, in the order of their making."""

    noun = "command"

    def list_commands(self, ctx: click.Context | None) -> list[str]:
        """Return the names of the members, in their order."""
        del ctx
        return list(self.summaries())

    def summaries(self) -> dict[str, str]:
        """Return what the list in --help says of each member."""
        return {name: command.short_help or "" for name, command in self.commands.items()}

    def sections(self) -> dict[str, list[str]]:
        """Return the headings in --help, each with its members."""
        return {f"{self.noun}s".capitalize(): self.list_commands(None)}

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Return what may come next: members, and options after a hyphen; no command is imported for it."""
        from click.shell_completion import CompletionItem

        if not incomplete or incomplete[0].isalnum():
            found = [CompletionItem(name, help=words) for name, words in self.summaries().items()]
            return [item for item in found if item.value.startswith(incomplete)]
        return click.Command.shell_complete(self, ctx, incomplete)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the members, then the options."""
        from cv_gdpr.cli.help import write_options

        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        from cv_gdpr.cli.help import write_examples

        super().format_epilog(ctx, formatter)
        write_examples(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of members in --help: none is imported for it, and no line is cut."""
        del ctx
        summaries = self.summaries()
        for heading, names in self.sections().items():
            with formatter.section(heading):
                formatter.write_dl([(name, summaries[name]) for name in names])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the member that the first word names; raise UsageError for a word that names none."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-") and not ctx.resilient_parsing:
            options = {word for parameter in self.get_params(ctx) for word in parameter.opts}
            raise UsageError(f"no such {self.noun}: {args[0]}", _hint(args[0], self.noun, known, options))
        return super().resolve_command(ctx, args)


class Rows(Group):
    """A command with a subcommand for each row of the table; each is made on use: it has fifty options."""

    noun = "row"

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._rows: dict[str, tuple[str, Callable[[], click.Command]]] = {}

    def add_row(self, name: str, summary: str, make: Callable[[], click.Command]) -> None:
        """Add a row, with what --help says of it and what makes its command."""
        self._rows[name] = summary, make

    def summaries(self) -> dict[str, str]:
        """Return what the list in --help says of each row, in the order of the table."""
        return {name: summary for name, (summary, _) in self._rows.items()}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a row, made at the first use; None if there is no such row."""
        if cmd_name in self._rows and cmd_name not in self.commands:
            self.commands[cmd_name] = self._rows[cmd_name][1]()
        return super().get_command(ctx, cmd_name)


def _hint(word: str, noun: str, known: list[str], options: set[str]) -> str:
    if found := similar(word, known):
        return found
    return f"perhaps you mean --{word}" if f"--{word}" in options else f"the {noun}s are {', '.join(known)}"
