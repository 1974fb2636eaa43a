"""Commands, rows and options beside what scripts depend on: what is named here stays."""

import click
import pytest

from cv_gdpr.cli import cli as program
from cv_gdpr.table.categories import ROWS

words = str.split  # a list of options, as one reads it
RESOURCE = words(
    "--endpoint --key-file --key-command --auth --resource-id --subscription --cloud --resource-manager --profile"
)
CONNECTION = [*RESOURCE, "--calls-per-second", "--patience", "--read-timeout"]
SCOPE = words("--all --project")
SELECTORS = words(
    "--tag --metadata --image-id --image-ids-file --except-ids-file --predicted-tag --min-probability --iteration "
    "--before --older-than --with-copies-from --missing-ok"
)
SAFETY = words(
    "--yes --dry-run --save-plan --plan --max-delete --protect --require-export --wait --approved-by --with-iterations"
)
EVIDENCE = words("--evidence --reference --operator --lang --sign --timestamp")
EVERYWHERE = words("-q --quiet -v --verbose --json --log-file -h --help")
COMMANDS = {
    "list": [*SCOPE, *SELECTORS, *CONNECTION, "--all-profiles", "--values", "--csv"],
    "export": [
        *(*SCOPE, *SELECTORS, *CONNECTION, "--all-profiles", "--out", "--reuse", "--trust-listings", "--recheck"),
        *("--include-keys", "--accept-missing", "--connections", "--reference", "--operator"),
    ],
    "delete": [*SCOPE, *SELECTORS, *SAFETY, *EVIDENCE, *CONNECTION, "--all-profiles"],
    "recheck": CONNECTION,
    "verify": ["--signer", "--tsa-certificate", "--csv"],
    "certify": ["--sign", "--timestamp"],
    "find": ["--out"],
    "convert": words("--to --out --project --iteration --split --seed --image-url-prefix"),
    "report": words("--out --lang --contact --zip"),
    "redact": ["--out"],
    "demo": ["--out"],
    "simulate": ["--fault"],
    "doctor": RESOURCE,
    "completion": [],
}
OF_ACCOUNT = ["--confirm", "--purge"]  # of `delete account` alone


def options_of(*path):
    """Return the names of the options that a command takes, those for its help too."""
    context, command = click.Context(program, info_name="cv-gdpr", **program.context_settings), program
    for word in path:
        command = command.get_command(context, word)
        context = click.Context(command, parent=context)
    return {name for one in command.get_params(context) if one.param_type_name == "option" for name in one.opts}


def test_these_are_the_commands():
    assert program.list_commands(None) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_takes_what_scripts_give_it(name):
    assert {*COMMANDS[name], *EVERYWHERE} <= options_of(name)


@pytest.mark.parametrize("name", ["list", "export", "delete"])
@pytest.mark.parametrize("row", ROWS)
def test_a_row_takes_what_its_command_takes(name, row):
    extra = OF_ACCOUNT if (name, row) == ("delete", "account") else []
    assert {*COMMANDS[name], *EVERYWHERE, *extra} <= options_of(name, row)


def test_no_option_takes_the_key_itself():
    assert all("--key" not in options_of(name) and "--training-key" not in options_of(name) for name in COMMANDS)


@pytest.mark.parametrize("word", ["-V", "--version"])
def test_the_version_is_printed(cli, word):
    ran = cli(word)
    assert (ran.code, ran.out.split()[0]) == (0, "cv-gdpr")
