"""--all-profiles: the command of each profile, with files of its own; refused where that would be unsafe."""

import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

import click

from cv_gdpr.cli.arguments import ScopeOptions, part_of
from cv_gdpr.cli.finished_profiles import finished_before
from cv_gdpr.cli.parameters import TYPED
from cv_gdpr.cli.running_profiles import Job, run
from cv_gdpr.cli.scoping import scope_of
from cv_gdpr.errors import UsageError
from cv_gdpr.settings import Profile, doubled, profiles
from cv_gdpr.table.categories import ACCOUNT

if TYPE_CHECKING:
    from pathlib import Path

_OWN = frozenset({"all_profiles", "quiet", "as_json"})  # options that are not passed on


def export_each(parameters: Mapping[str, Any], rows: tuple[str, ...], out: "Path | None") -> int:
    """Export the resource of each profile into a folder of its name in `out`; return the worst exit code."""
    from cv_gdpr.archive.folder import new_folder, refuse_inside_export
    from cv_gdpr.export.result import resuming

    _check_scope(parameters, rows)
    names = chosen_profiles()
    if out:
        refuse_inside_export(out)
    base = out or new_folder()
    paths = {name: parameters[name] for name in _FOLDERS if parameters.get(name)}
    _check_earlier(parameters)
    words = command(rows, {"out", "reuse", "trust_listings", *paths})
    finished = finished_before(base, names, parameters, rows)
    jobs = [
        Job(name, (*words, f"--out={own}", *_own_paths(paths, name), *_earlier(parameters, name)), False, resuming(own))
        for name, own in ((name, base / name) for name in names if name not in finished)
    ]
    return run(jobs, parameters, resume=f"the same command with --out {base} resumes all", finished=finished)


def list_each(parameters: Mapping[str, Any], rows: tuple[str, ...], *, as_csv: bool) -> int:
    """List what the resource of each profile holds; return the worst exit code."""
    _check_scope(parameters, rows)
    paths = {name: parameters[name] for name in _FOLDERS if parameters.get(name)}
    words = command(rows, {"as_csv", *paths})
    jobs = [Job(name, (*words, *_own_paths(paths, name)), False) for name in chosen_profiles()]
    return run(jobs, parameters, as_csv=as_csv)


def delete_each(parameters: Mapping[str, Any], rows: tuple[str, ...]) -> int:
    """Erase in the resource of each profile; return the worst exit code.

    With --yes all at once; else a person confirms one after the other. Each profile has files of its own.
    """
    chosen = chosen_profiles()
    _refuse_unsafe(parameters, rows, chosen)
    _check_scope(parameters, rows)
    paths = {name: parameters[name] for name in ("evidence", "save_plan", *_FOLDERS) if parameters[name]}
    words = command(rows, set(paths))
    asks = not (parameters["yes"] or parameters["dry_run"])
    return run([Job(name, (*words, *_own_paths(paths, name)), asks) for name in chosen], parameters)


def _check_earlier(parameters: Mapping[str, Any]) -> None:
    """Raise UsageError for a --reuse that is one export, or no folder: each profile has its own in it."""
    for folder in parameters["reuse"]:
        if not folder.is_dir():
            raise UsageError(f"--reuse {folder} is not a folder", "name the --out of an earlier run for all profiles")
        if (folder / "bagit.txt").exists():
            words = f"--reuse {folder} is an export itself, but each profile has its own"
            raise UsageError(words, "name the --out of an earlier run for all profiles")


def _earlier(parameters: Mapping[str, Any], profile: str) -> Iterator[str]:
    """Yield the options that name a profile's earlier exports; a profile that is new has none."""
    found = [folder / profile for folder in parameters["reuse"] if (folder / profile).is_dir()]
    yield from (f"--reuse={folder}" for folder in found)
    if found and parameters["trust_listings"]:
        yield "--trust-listings"


_FOLDERS = ("require_export", "with_copies_from")
"""The options that name exports: a subfolder for each profile."""


def _own_paths(paths: Mapping[str, "Path"], profile: str) -> Iterator[str]:
    """Yield the options whose paths differ by profile: NAME.PROFILE.json; for exports, the subfolder PROFILE.

    Raise UsageError for a folder in place of a file.
    """
    for name, path in paths.items():
        if name not in _FOLDERS and (path.name in {"", ".."} or path.is_dir()):
            raise UsageError(
                f"--{name.replace('_', '-')} {path} is a folder", "name a file: each profile gets one beside it"
            )
        own = path / profile if name in _FOLDERS else path.with_name(f"{path.stem}.{profile}{path.suffix}")
        yield f"--{name.replace('_', '-')}={own}"


def _refuse_unsafe(parameters: Mapping[str, Any], rows: tuple[str, ...], chosen: Mapping[str, Profile]) -> None:
    """Raise UsageError for an erasure in all resources that nobody has asked for clearly enough."""
    if ACCOUNT in rows:
        raise UsageError(f"delete {ACCOUNT} never runs with --all-profiles", "name one resource with --profile")
    if parameters["plan_file"]:
        raise UsageError("--plan never runs with --all-profiles", "a plan belongs to one resource: use --profile")
    if not rows and not part_of(parameters, ScopeOptions).has_selector:
        raise UsageError(
            "delete --all-profiles needs a ROW or a selector", "to erase whole resources, run it for each --profile"
        )
    refusing = [name for name, one in chosen.items() if not one.unattended_delete]
    if parameters["yes"] and not parameters["dry_run"] and refusing:
        raise UsageError(
            f"--yes with --all-profiles needs unattended-delete = true in each profile; not so: {', '.join(refusing)}",
            "nothing was sent; without --yes, a person confirms each",
        )
    if not (parameters["yes"] or parameters["dry_run"] or (sys.stdin and sys.stdin.isatty())):
        raise UsageError("no terminal to confirm on", "give --yes in a script; --dry-run shows the plans")


def _check_scope(parameters: Mapping[str, Any], rows: tuple[str, ...]) -> None:
    given = part_of(parameters, ScopeOptions)
    if given.image_ids_file == "-":
        raise UsageError("--image-ids-file - cannot be read once for each profile", "name a file")
    scope_of(given, rows, None)


def chosen_profiles() -> dict[str, Profile]:
    """Return all profiles; raise UsageError if two of them are one resource."""
    found = profiles()
    for one, other in doubled(found):
        raise UsageError(
            f"the profiles {one} and {other} have the same endpoint", "name one of them with --profile, or remove one"
        )
    return found


def command(rows: Sequence[str], replaced: Set[str]) -> list[str]:
    """Return the words of the command that was given, without the options that --all-profiles replaces."""
    ctx = click.get_current_context()
    words = [ctx.command_path.split()[1], *rows]
    for option, value in ctx.meta.get(TYPED, []):
        if option.name not in _OWN and option.name not in replaced:
            words += _words(option, value)
    return words


def _words(option: click.Option, value: Any) -> Iterator[str]:
    longest = max(option.opts, key=len)
    if option.count:
        yield from [longest] * int(value)
    elif option.is_flag:
        yield longest
    else:
        values = value if option.multiple else [value]
        yield from (f"{longest}={one}" for one in values)
