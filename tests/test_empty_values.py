"""An option with an empty value is an error: `--image-ids-file "$IDS"` with IDS unset must not select everything."""

import click
import pytest

from cv_gdpr.cli import cli as program
from tests.delete.erasing import calls, state, stock

BLANKS = ["", " ", "\t", "\n", " \r\n "]


def commands():
    """Yield every command with its words: `export`, `export images`, `verify`, ..."""
    context = click.Context(program)
    for name in program.list_commands(context):
        command = program.get_command(context, name)
        yield (name,), command
        if isinstance(command, click.Group):
            yield from (((name, row), command.get_command(context, row)) for row in command.list_commands(context))


def valued(command):
    """Return the longest names of a command's options that take a value."""
    options = [one for one in command.params if isinstance(one, click.Option) and not (one.is_flag or one.count)]
    return [max(one.opts, key=len) for one in options]


def variable(words, option):
    return "_".join(("CV_GDPR", *words, option.lstrip("-").replace("-", "_"))).upper()


COMMANDS = {" ".join(words): (words, command) for words, command in commands()}
DELETIONS = [name for name in COMMANDS if name.startswith("delete")]
TYPED = ["--all", "--project", "--tag", "--metadata", "--image-id", "--image-ids-file", "--plan", "--yes"]
KEEPING = ["--protect", "--max-delete", "--require-export", "--dry-run"]


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_takes_an_empty_value(sim, cli, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words, command = COMMANDS[name]
    scope = ["--all", "--yes"] if words[0] == "delete" else ["--all"] * (words[0] in {"list", "export"})
    for option in valued(command):
        for blank in BLANKS if len(words) == 1 else BLANKS[:2]:
            ran = cli(*words, *scope, option, blank)
            assert ran.code == 2, (option, blank, ran.err)
            assert option.lstrip("-") in ran.err
    assert not sim.calls
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("blank", BLANKS)
def test_verify_takes_no_empty_path(cli, blank):
    assert cli("verify", blank).code == 2


@pytest.mark.parametrize("name", DELETIONS)
def test_delete_never_reads_scope_or_yes_from_a_variable(sim, cli, name):
    words, _ = COMMANDS[name]
    given = {"--all": ["--all"], "--project": ["--project", "p"], "--yes": ["--yes"]}
    for option in TYPED:
        others = [word for one, typed in given.items() if one not in {option, "--project"} for word in typed]
        for value in (" ", "1", "subject=bob"):
            ran = cli(*words, *others, **{variable(words, option): value})
            assert ran.code == 2, (option, value, ran.out)
            assert variable(words, option) in ran.err
    assert not sim.calls


@pytest.mark.parametrize("name", DELETIONS)
def test_an_empty_variable_counts_as_not_set(cli, name):
    words, _ = COMMANDS[name]
    unset = cli(*words, "--all")
    assert unset.code in {2, 3}
    for option in TYPED:
        ran = cli(*words, "--all", **{variable(words, option): ""})
        assert (ran.code, ran.err) == (unset.code, unset.err), option


@pytest.mark.parametrize("name", DELETIONS)
def test_a_blank_variable_of_a_safety_option_is_an_error(sim, cli, name):
    words, _ = COMMANDS[name]
    for option in KEEPING:
        for blank in BLANKS[1:]:
            ran = cli(*words, "--all", "--yes", **{variable(words, option): blank})
            assert ran.code == 2, (option, blank, ran.out)
            assert variable(words, option) in ran.err
    assert cli(*words, "--all", "--yes", CV_GDPR_PROTECT=" ").code == 2
    assert not sim.calls


@pytest.mark.parametrize("pair", ["subject=", "=bob", " =bob", "subject= ", "=", "subject"])
@pytest.mark.parametrize("command", ["list", "export", "delete"])
def test_metadata_needs_a_key_and_a_value(sim, cli, command, pair):
    assert cli(command, "--all", "--metadata", pair).code == 2
    assert not sim.calls


@pytest.mark.parametrize("ids", ["", "\n\n", "# nobody\n", "  \n#\n"])
def test_a_list_without_an_id_is_an_error(sim, cli, ids, tmp_path):
    stock(sim)
    before = state(sim)
    listed = tmp_path / "ids.txt"
    listed.write_text(ids)

    for place, stdin in ((listed, ""), ("-", ids)):
        assert cli("delete", "--all", "--yes", "--image-ids-file", place, stdin=stdin).code == 2

    assert state(sim) == before
    assert not calls(sim)


def test_an_empty_variable_of_an_export_counts_as_not_set(sim, cli, tmp_path):
    stock(sim)
    empty = {variable(("export",), option): "" for option in valued(COMMANDS["export"][1])}

    assert cli("export", "--all", "--out", tmp_path / "out", **(empty | {"CV_GDPR_EXPORT_PATIENCE": "2"})).code == 0


def test_a_blank_variable_of_an_export_is_an_error(sim, cli, tmp_path):
    for option in valued(COMMANDS["export"][1]):
        ran = cli("export", "--out", tmp_path / "out", **{variable(("export",), option): "  "})
        assert ran.code == 2, option
    assert not sim.calls
