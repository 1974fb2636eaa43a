"""What --help shows in full and in words, and what an unknown name is answered with."""

import pytest

from cv_gdpr.cli import cli as program
from cv_gdpr.table.categories import CATEGORIES, ROWS


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("exprot", "no such command: exprot", "similar: export"),
        ("VERIFY", "no such command: VERIFY", "similar: verify, certify"),
        (
            "erase",
            "no such command: erase",
            f"the commands are {', '.join(program.list_commands(None))}",
        ),
        ("export image", "no such row: image", "similar: images"),
        ("delete --all --dry-run iteration", "no such row: iteration", "similar: iterations"),
        ("delete everything", "no such row: everything", f"the rows are {', '.join(ROWS)}"),
        ("export --tags x", "--tags", "cv-gdpr export --help"),
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["", "json"])
def test_an_unknown_name_is_answered_with_near_ones(cli, words, message, hint, form):
    ran = cli(*words.split(), *form)
    assert ran.code == 2
    first, second = ran.err.splitlines()
    assert message in first
    assert second == f"Hint: {hint}"
    if form:
        assert (ran.json["message"], ran.json["hint"]) == (first.removeprefix("Error: "), hint)


def test_an_unknown_option_is_answered_with_a_near_one(cli):
    assert "'--tag'" in cli("export", "--tags", "x").err


def _section(text, heading):
    """Return what stands below a heading of a help."""
    return text.partition(f"\n{heading}:\n")[2].partition("\n\n")[0]


@pytest.mark.parametrize("words", ["", "list", "export", "delete"])
def test_lists_in_help_are_not_cut(cli, words):
    listed = _section(cli(*words.split(), "--help").out, "Rows" if words else "At the service")
    assert listed
    assert "..." not in listed


@pytest.mark.parametrize("command", ["list", "export", "delete"])
def test_help_lists_the_rows_in_the_order_of_the_table(cli, command):
    listed = _section(cli(command, "--help").out, "Rows")
    assert [line.split()[0] for line in listed.splitlines() if line[2:3].strip()] == list(ROWS)
    text = " ".join(listed.split())
    assert all(row.data in text for row in CATEGORIES)
    assert text.count("deleted outside the API") == 2 * (command == "delete")


RANGES = {
    "export": {
        "--read-timeout SECONDS": "[default: 60; 0.1 to 10000000]",
        "--connections N": "[default: 32; 1 to 256]",
        "--calls-per-second N": "[default: 10; 0 to 10000]",
    },
    "delete": {"--max-delete N": "[0 or more]", "--wait SECONDS": "[default: 600; 0 to 10000000]"},
    "simulate": {"--port N": "[0 to 65535]", "--image-bytes N": "[default: 20000; 100 or more]"},
}


@pytest.mark.parametrize("command", RANGES)
def test_ranges_are_shown_in_words(cli, command):
    text = " ".join(cli(command, "--help").out.split())
    for option, words in RANGES[command].items():
        assert words in text.partition(option)[2].partition(" --")[0], option


@pytest.mark.parametrize("name", program.list_commands(None))
def test_no_help_shows_a_type_of_python(cli, name):
    out = cli(name, "--help").out
    assert "RANGE" not in out
    assert "<=x" not in out


def test_a_blank_variable_of_simulate_is_an_error(cli):
    ran = cli("simulate", CV_GDPR_SIMULATE_FAULT=" ")
    assert ran.code == 2
    assert "CV_GDPR_SIMULATE_FAULT is blank" in ran.err
