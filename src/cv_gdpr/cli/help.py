"""What --help groups, and the examples that it ends with; imported only for --help."""

from collections.abc import Iterator

import click

_SECTIONS = {
    "Scope": ("--all", "--project"),
    "Selectors": (
        "--tag",
        "--metadata",
        "--image-id",
        "--image-ids-file",
        "--except-ids-file",
        "--predicted-tag",
        "--min-probability",
        "--iteration",
        "--before",
        "--older-than",
        "--with-copies-from",
        "--missing-ok",
    ),
    "Safety": (
        "--dry-run",
        "--save-plan",
        "--plan",
        "--approved-by",
        "--yes",
        "--confirm",
        "--purge",
        "--max-delete",
        "--protect",
        "--require-export",
        "--with-iterations",
        "--wait",
    ),
    "Evidence": (
        "--evidence",
        "--reference",
        "--operator",
        "--sign",
        "--timestamp",
        "--signer",
        "--tsa-certificate",
        "--names",
        "--no-names",
        "--annex",
        "--lang",
    ),
    "Connection": (
        "--profile",
        "--all-profiles",
        "--endpoint",
        "--key-file",
        "--key-command",
        "--auth",
        "--cloud",
        "--resource-id",
        "--subscription",
        "--resource-manager",
        "--calls-per-second",
        "--connections",
        "--patience",
        "--read-timeout",
    ),
    "Output": ("--quiet", "--verbose", "--json", "--csv", "--log-file", "--help", "--version"),
}
"""The headings of --help with their options; an option without one stands first, under its command's own."""

_WITHOUT_SERVICE = {"demo", "simulate", "completion"}  # their examples have nothing to do with a service
EXAMPLES = {
    "list": (
        "cv-gdpr list --all",
        "cv-gdpr list images --all --metadata subject=collins",
        "cv-gdpr list --all --estimate --sample 30",
    ),
    "export": (
        "cv-gdpr export --all --out everything",
        'cv-gdpr export --project "Launch site" --out launch-site',
        "cv-gdpr export images --all --metadata subject=collins --out answer",
    ),
    "delete": (
        "cv-gdpr delete --all --metadata subject=collins --dry-run",
        "cv-gdpr delete --all --metadata subject=collins --yes --evidence erasure.json",
        "cv-gdpr delete predictions --all --older-than 30d --dry-run",
    ),
    "recheck": ("cv-gdpr recheck erasure.json", "cv-gdpr recheck erasure.json --evidence after-30-days.json"),
    "verify": ("cv-gdpr verify everything", "cv-gdpr verify erasure.json"),
    "certify": ("cv-gdpr certify erasure.json", "cv-gdpr certify erasure.json --lang de --out certificate"),
    "find": ("cv-gdpr find everything photo.jpg --out found",),
    "convert": (
        "cv-gdpr convert everything --to csv --out table",
        "cv-gdpr convert everything --to coco --split 80/10/10 --seed 1 --out coco",
    ),
    "report": (
        "cv-gdpr report everything --lang de --out bericht",
        'cv-gdpr report answer --contact "privacy@example.com" --zip answer.zip',
    ),
    "redact": ("cv-gdpr redact erasure.json everything --out redacted",),
    "demo": ("cv-gdpr demo --out demo",),
    "simulate": ("cv-gdpr simulate --port 8080", "cv-gdpr simulate --fault throttled=5"),
    "doctor": ("cv-gdpr doctor", "cv-gdpr doctor --json"),
    "completion": (
        "mkdir -p ~/.local/share/bash-completion/completions",
        "cv-gdpr completion bash > ~/.local/share/bash-completion/completions/cv-gdpr",
        "cv-gdpr completion powershell >> $PROFILE    # in PowerShell",
    ),
}
"""Command: what may be typed while `cv-gdpr simulate` runs; a test runs each, in this order, in one folder."""


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the options under their headings, in the order of the headings."""
    section_of = {name: heading for heading, names in _SECTIONS.items() for name in names}
    found: dict[str, list[tuple[str, str]]] = {heading: [] for heading in ("Options", *_SECTIONS)}
    for parameter in (one for one in command.get_params(ctx) if isinstance(one, click.Option)):
        if record := parameter.get_help_record(ctx):
            found[next((section_of[name] for name in _names(parameter) if name in section_of), "Options")].append(
                record
            )
    for heading, records in found.items():
        if records:
            with formatter.section(heading):
                formatter.write_dl(records)


def _names(parameter: click.Parameter) -> Iterator[str]:
    yield from (*parameter.opts, *parameter.secondary_opts)


def examples_heading(command: str) -> str:
    """Return the heading above the examples of a command."""
    return "Examples" if command in _WITHOUT_SERVICE else "Examples, which also work beside cv-gdpr simulate"


def write_examples(ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the examples of a command; a row has those of its command."""
    command = ctx.command if ctx.parent is None or not isinstance(ctx.parent.obj, dict) else ctx.parent.command
    lines = EXAMPLES.get(str(command.name), ())
    if lines:
        with formatter.section(examples_heading(str(command.name))):
            for line in lines:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
