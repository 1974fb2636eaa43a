"""The parts of the documentation that are generated from the code; cog calls these functions."""

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from cv_gdpr.cli import cli
from cv_gdpr.cli.account_documents import AccountPlanDocument
from cv_gdpr.cli.after_documents import RecheckDocument, RedactDocument
from cv_gdpr.cli.convert_documents import ConvertDocument
from cv_gdpr.cli.documents import DeleteDocument, DemoDocument, ExportDocument, PlanDocument, VerifyDocument
from cv_gdpr.cli.estimate_documents import EstimateDocument
from cv_gdpr.cli.failure import ErrorDocument
from cv_gdpr.cli.find_documents import FindDocument
from cv_gdpr.cli.help import examples_heading
from cv_gdpr.cli.list_documents import ListDocument
from cv_gdpr.cli.local_documents import CompletionDocument, FaultsDocument, SimulateDocument
from cv_gdpr.cli.report_documents import ReportDocument
from cv_gdpr.cli.setup_documents import DoctorDocument, ProfilesDocument
from cv_gdpr.cli.verify_documents import CertifyDocument, RegisterDocument
from cv_gdpr.evidence.events import Event
from cv_gdpr.evidence.records import FORMAT, Evidence
from cv_gdpr.table.categories import CATEGORIES, PAGE, Category
from cv_gdpr.verify.redactions import FORMAT as REDACTION
from cv_gdpr.verify.redactions import Redaction

_WIDTH = 110  # characters of a line of JSON

DOCUMENTS: tuple[type[msgspec.Struct], ...] = (
    ListDocument,
    EstimateDocument,
    ExportDocument,
    DeleteDocument,
    PlanDocument,
    AccountPlanDocument,
    RecheckDocument,
    VerifyDocument,
    RegisterDocument,
    CertifyDocument,
    FindDocument,
    ConvertDocument,
    ReportDocument,
    RedactDocument,
    DemoDocument,
    ProfilesDocument,
    DoctorDocument,
    SimulateDocument,
    FaultsDocument,
    CompletionDocument,
    ErrorDocument,
)
LEDGER = "A line of the ledger"
SHOWN: dict[str, Any] = {
    **{one.__struct_config__.tag: one for one in DOCUMENTS},
    FORMAT: Evidence,
    LEDGER: Event,
    REDACTION: Redaction,
}
"""The records on the page of JSON documents, by their headings."""
_RUN_ELSEWHERE = "<!-- not run: tests/face/test_examples.py runs each of them -->"
_ABOUT_LEDGER = "The ledger of an erasure (`NAME.jsonl`) has one event in each line; `event` says which."


def published_table() -> str:
    """Return Microsoft's table as Markdown, with the command that covers each of its rows."""
    rows = ["| data | export operation | delete operation | command |", "| --- | --- | --- | --- |"]
    rows += [
        f"| {one.data} | {', '.join(one.exported_by)} | {one.deleted_by} | `{row.name}` |"
        for row in CATEGORIES
        for one in row.covers
    ]
    return "\n".join([*rows, "", f"Microsoft's page: <{PAGE}>"])


def selectors_table() -> str:
    """Return which selector applies to which rows, as Markdown."""
    kinds = sorted({kind for row in CATEGORIES for kind in row.selectors})
    words = {"--before": "--before DATE, --older-than AGE", "--image-id": "--image-id ID, --image-ids-file FILE"}
    rows = ["| selector | rows |", "| --- | --- |"]
    for kind in kinds:
        names = ", ".join(row.name for row in CATEGORIES if kind in row.selectors)
        rows.append(f"| `{words.get(kind, kind)}` | {names} |")
    return "\n".join(rows)


def data_table() -> str:
    """Return the rows of the program as Markdown: what exports each, what deletes it, how, and the files it writes."""
    rows = ["| command | data | exported by | deleted by | kind of deletion | files |", "| --- |" + " --- |" * 5]
    for row in CATEGORIES:
        beyond = "" if row.covers else " *(not in Microsoft's table)*"
        operations, files = ", ".join(row.exported_by), ", ".join(f"`{name}`" for name in _names(row))
        cells = (f"`{row.name}`", row.data + beyond, operations, row.deleted_by, row.deletion.value, files)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _names(row: Category) -> list[str]:
    return [file.name for file in row.files] + [f"{folder}/" for folder in row.folders]


def by_hand() -> str:
    """Return what a person must do, for each row that the API cannot export or delete."""
    to_export = [f"- to export `{row.name}`: {row.export_by_hand}." for row in CATEGORIES if row.export_by_hand]
    to_delete = [f"- to delete `{row.name}`: {row.delete_by_hand}." for row in CATEGORIES if row.delete_by_hand]
    return "\n".join(to_export + to_delete)


def commands() -> str:
    """Return the help of every command; for a command with ROWs, one line about them."""
    pages = [_page(cli, "cv-gdpr")]
    for name, command in ((name, cli.get_command(None, name)) for name in cli.list_commands(None)):
        pages.append(_page(command, f"cv-gdpr {name}"))
        if isinstance(command, click.Group):
            first = command.list_commands(None)[0]
            pages.append(f"Each ROW takes the same options as `cv-gdpr {name}`, for instance `cv-gdpr {name} {first}`.")
    return "\n\n".join(pages)


def _page(command: click.Command, name: str) -> str:
    settings = cli.context_settings
    context = click.Context(
        command,
        info_name=name,
        max_content_width=100,
        terminal_width=100,
        help_option_names=settings["help_option_names"],
    )
    text, heading, examples = command.get_help(context).partition(f"{examples_heading(str(command.name))}:\n")
    if not heading:
        return f"## {name}\n\n```text\n{text}\n```"
    lines = inspect.cleandoc(f"\n{examples}")
    return f"## {name}\n\n```text\n{text.rstrip()}\n```\n\n{heading}\n{_RUN_ELSEWHERE}\n```sh\n{lines}\n```"


def documents() -> str:
    """Return every JSON document: its format, what it is for, and its JSON Schema."""
    return "\n\n".join(_document(name, record) for name, record in SHOWN.items())


def schema(record: Any) -> dict[str, Any]:
    """Return the JSON Schema of a document; its own description stands above it."""
    made = msgspec.json.schema(record)
    for part in made["$defs"].values():
        if {"start", "end"} <= part.get("properties", {}).keys():
            part["required"] = list(part["properties"])  # each document says when it was made
    for name, part in made["$defs"].items():
        words = inspect.cleandoc(part.pop("description", ""))
        if words and made.get("$ref") != f"#/$defs/{name}":
            part["description"] = words
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | made


def _document(name: str, record: Any) -> str:
    about = _ABOUT_LEDGER if name == LEDGER else inspect.getdoc(record)
    return f"## {name}\n\n{about}\n\n```json\n{_text(schema(record))}\n```"


def _text(value: Any, indent: str = "") -> str:
    """Return indented JSON in which whatever is short enough stands on one line."""
    line = json.dumps(value)
    if len(indent) + len(line) <= _WIDTH or not isinstance(value, dict | list):
        return line
    inner = indent + "  "
    if isinstance(value, list):
        parts, (first, last) = [_text(part, inner) for part in value], "[]"
    else:
        parts, (first, last) = [f"{json.dumps(name)}: {_text(part, inner)}" for name, part in value.items()], "{}"
    return f"{first}\n" + ",\n".join(inner + part for part in parts) + f"\n{indent}{last}"


def lacking(of: str) -> str:
    """Return the table of what tests need and Windows, or Wine in its place, lacks."""
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from tests import platforms

    reasons: dict[str, str] = {"Windows": platforms.LACKING, "Wine": platforms.WINE}[of]
    return "\n".join(["| what | reason |", "| --- | --- |", *(f"| {what} | {why} |" for what, why in reasons.items())])
