"""A command for each row, and the scope that its options ask for."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import click

from cv_gdpr.cli import inputs
from cv_gdpr.cli.arguments import ScopeOptions
from cv_gdpr.cli.groups import Command, Rows
from cv_gdpr.cli.parameters import merged
from cv_gdpr.errors import UsageError
from cv_gdpr.table.categories import ACCOUNT, CATEGORIES, Category
from cv_gdpr.table.scope import Scope
from cv_gdpr.table.selection import Selection, selection_of


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


def for_all_profiles(parameters: Mapping[str, Any]) -> bool:
    """Return whether a command runs for all profiles; raise UsageError for options that cannot stand beside that."""
    if not parameters["all_profiles"]:
        return False
    from cv_gdpr.cli.connecting import may_run_for_all

    return may_run_for_all(click.get_current_context())


def scope_of(given: ScopeOptions, rows: tuple[str, ...], key_file: str | None) -> Scope:
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
