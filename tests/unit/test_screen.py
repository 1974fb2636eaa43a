"""How lines are folded and coloured, and how tables get their widths."""

import io
import os
import shlex
import subprocess

import pytest

from cv_gdpr.cli import output
from cv_gdpr.cli.screen import Quiet, Stream, fold, paint, width_of
from cv_gdpr.platforms.shells import CONTINUES
from tests.platforms import posix, pty

LONG_PATH = "/subscriptions/5ca1ab1e-0000-4000-8000-000000000001/resourceGroups/simulated-group"
PROSE = "not searched: 2 stored predictions in project 410dc070-e356-4871-86fe-e1830ef5d82f: a prediction has no tag"
DELETE = "cv-gdpr delete iterations --project 410dc070-e356-4871-86fe-e1830ef5d82f --iteration 3a6e0692-ff54"


@pytest.mark.parametrize("columns", [20, 40, 60, 80])
@pytest.mark.parametrize(
    "line", [PROSE, f"Hint: then {DELETE} deletes it", f"  Azure-Resource: {LONG_PATH}", "", "a b"]
)
def test_folding_keeps_every_word_whole(line, columns):
    folded = fold(line, columns)
    assert [word for one in folded for word in one.split() if word != CONTINUES] == line.split()
    assert all(len(one) <= columns or len(one.split()) == 1 or one.endswith(f" {CONTINUES}") for one in folded)


@pytest.mark.parametrize(
    ("line", "folded"),
    [
        ("short", ["short"]),
        ("eins zwei drei vier fünf sechs", ["eins zwei drei vier", "  fünf sechs"]),
        ("    eins zwei drei vier fünf", ["    eins zwei drei", "      vier fünf"]),
        ("中文 中文 中文 中文 中文", ["中文 中文 中文 中文", "  中文"]),
        ("see now cv-gdpr verify --json", ["see now", f"  cv-gdpr verify {CONTINUES}", "    --json"]),
        ("first cv-gdpr demo, then", ["first cv-gdpr demo,", "  then"]),
        ("see 'my old site' it", ["see 'my old site' it"]),
        ("see this 'my old site' it", ["see this", "  'my old site' it"]),
        ("what the service's isn't here", ["what the service's", "  isn't here"]),
        ("then: cv-gdpr find BAG, and", ["then:", "  cv-gdpr find BAG,", "  and"]),
    ],
)
def test_a_line_is_folded_at_blanks(line, folded):
    assert fold(line, 20) == folded


def test_a_long_command_is_one_that_a_shell_joins():
    lines = fold(f"then {DELETE} deletes it", 60)
    command = " ".join(line.strip().removesuffix(f" {CONTINUES}") for line in lines[1:-1])
    assert DELETE.startswith(command)
    assert all(line.endswith(f" {CONTINUES}") for line in lines[1:-2])


PASTED = (  # what is printed for a shell, and the command that it must run
    "cv-gdpr delete iterations --project 'my old site' --iteration \"it's the first\"",
    "cv-gdpr delete --all --image-ids-file found/ids.txt --with-iterations --require-export everything --dry-run",
    "/home/her/checkout/.venv/bin/cv-gdpr verify cv-gdpr-export-20260102T030405Z",
    "/usr/bin/python3 -m pip install -e '/home/her/my checkout[azure]'",
)


@posix("shell")
@pytest.mark.parametrize("columns", [20, 40, 60])
@pytest.mark.parametrize("command", PASTED)
def test_a_shell_reads_a_folded_command_as_it_was(command, columns, tmp_path):
    lines = fold(f"  {command}    # and what it does, in words", columns)
    script = "\n".join(("show() { printf '%s\\n' \"$@\"; }", *lines)).replace(command.split()[0], "show")
    ran = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == shlex.split(command)[1:]
    assert not ran.stderr


@pytest.mark.parametrize(
    "line",
    [
        f"export CV_GDPR_RESOURCE_ID={LONG_PATH}",
        f"# needs the extra azure: export CV_GDPR_RESOURCE_ID={LONG_PATH}",
        "  # with your own resource, and with all that it holds",
    ],
)
def test_a_line_for_a_shell_stays_one_line(line):
    assert fold(line, 20) == [line]


PROJECT = "410dc070-e356-4871-86fe-e1830ef5d82f"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"of project {PROJECT}: x", f'of project "Visitors" ({PROJECT}): x'),
        (f"cv-gdpr delete --project {PROJECT}", f"cv-gdpr delete --project {PROJECT}"),
        (f"of iteration {PROJECT.replace('4', '5')}", f"of iteration {PROJECT.replace('4', '5')}"),
    ],
)
def test_only_a_terminal_shows_names_beside_ids(monkeypatch, line, shown):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("cv_gdpr.naming.NAMES", {PROJECT: "Visitors"})
    for stream, expected in ((Terminal(), shown), (io.StringIO(), line)):
        Stream(stream, mask=True).write(line)
        assert stream.getvalue() == expected


def test_a_terminal_without_a_size_has_80_columns(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    ours, theirs = pty.openpty()  # its size is 0 0 until a program sets it
    with os.fdopen(theirs, "w") as terminal:
        assert width_of(terminal) == 80
    os.close(ours)


def test_the_first_word_is_coloured():
    assert (
        paint("Error: a: b\nverified: c\nplain: d")
        == "\x1b[31mError:\x1b[0m a: b\n\x1b[32mverified:\x1b[0m c\nplain: d"
    )


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Say so."""
        return True


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colours_are_for_terminals_that_have_them(monkeypatch, variables, coloured):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        Stream(stream, mask=True).write("Error: wrong\n")
    assert ("\x1b[" in terminal.getvalue()) == coloured
    assert pipe.getvalue() == "Error: wrong\n"


def test_quiet_leaves_errors_and_hints(monkeypatch):
    monkeypatch.setattr(Quiet, "on", True)
    stream = io.StringIO()
    for line in ("Note: a\n", "Warning: b\n", "Error: c\n", "Hint: d\n", "Left: e\n"):
        Stream(stream, mask=True).write(line)
    assert stream.getvalue() == "Error: c\nHint: d\nLeft: e\n"


ROWS = [("images", "10", "not searched: it cannot be narrowed by a tag"), ("tags", "5", "complete")]


@pytest.mark.parametrize("columns", [30, 40, 60, 80])
def test_a_table_breaks_no_word(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    output.print_table("title", ("row", "held", "verdict"), ROWS, numbers={1})
    shown = terminal.getvalue()
    assert all(len(line) <= columns for line in shown.splitlines())
    assert {word for row in ROWS for cell in row for word in cell.split()} <= set(shown.split())


def test_a_cell_without_room_stands_below_its_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    row = ("rocket", "7", "0fd4075a-b1b1-4490-9181-a726dc2dc415")
    output.print_table("", ("name", "count", "id"), [row], numbers={1})
    assert terminal.getvalue().split("\n")[1:4] == ["  name    count", "  rocket      7", f"      id: {row[2]}"]


def printed(monkeypatch, columns, *table, numbers=frozenset()):
    """Return the lines of a table on a terminal with so many columns."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    output.print_table("", *table, numbers=set(numbers))
    return [line for line in terminal.getvalue().split("\n") if line]


def test_only_a_row_without_room_has_lines_below(monkeypatch):
    rows = [("Python", "3.11"), ("system", "Linux-6.18.44-x86_64-with-glibc2.36")]
    shown = printed(monkeypatch, 30, ("of", "version"), rows)
    assert shown == ["  of      version", "  Python  3.11", "  system", f"      version: {rows[1][1]}"]


def test_a_cell_whose_heading_has_no_room_stands_below(monkeypatch):
    rows = [("first.json", "yes", "no", "0fd4075a-b1b1"), ("second.json", "yes", "no", "0fd4075a")]
    shown = printed(monkeypatch, 26, ("name", "whole", "time-stamped", "id"), rows)
    assert shown[0] == "  name         whole"
    assert shown.count("      time-stamped: no") == 2


def test_numbers_without_room_stand_together(monkeypatch):
    row = ("Visitors", "8", "7", "6", "5", "0fd4075a-b1b1-4490-9181-a726dc2dc415")
    headings = ("project", "images", "predictions", "boxes", "no file", "id")
    shown = printed(monkeypatch, 44, headings, [row], numbers=range(1, 5))
    assert shown == [
        "  project   images  predictions  boxes",
        "  Visitors       8            7      6",
        "      no file: 5",
        f"      id: {row[-1]}",
    ]
    narrow = printed(monkeypatch, 28, headings, [row], numbers=range(1, 5))
    assert narrow[1:4] == ["  Visitors       8", "      predictions: 7", "      boxes: 6   no file: 5"]


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_what_a_row_begins_with_is_not_folded(monkeypatch, columns):
    rows = [("locks of the resource", "ok", "5ca1ab1e-0000-4000-8000-000000000003 is its tenant")]
    shown = printed(monkeypatch, columns, ("check", "state", "found"), rows)
    assert any("locks of the resource" in line for line in shown)
    assert all(len(line) <= columns for line in shown if "5ca1ab1e" not in line)


def test_no_heading_stands_over_an_empty_column(monkeypatch):
    rows = [("cat", "3", ""), ("dog", "4", "0fd4075a-b1b1-4490-9181-a726dc2dc415")]
    shown = printed(monkeypatch, 30, ("name", "count", "id"), rows, numbers={1})
    assert shown == ["  name  count", "  cat       3", "  dog       4", f"      id: {rows[1][2]}"]


def test_what_stands_below_a_line_is_folded_and_masked(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    secret = "https://host.example/container?sig=" + "a1B2" * 11
    for text in ("one two three four five six seven", secret):
        shown = Terminal()
        monkeypatch.setattr("sys.stderr", Stream(shown, mask=True))
        rows = [("a", "0fd4075a-b1b1-4490-9181-a726dc2dc415", text)]
        output.print_table("", ("name", "id", "found"), rows, numbers=set(), error=True)
        assert "a1B2a1B2" not in shown.getvalue()
        assert all(len(line) <= 30 for line in shown.getvalue().split("\n") if " " in line.strip() and "id" not in line)


def test_lines_are_masked_too():
    stream = io.StringIO()
    Stream(stream, mask=True).writelines(["https://host.example/c?sig=" + "a1B2" * 11 + "\n", "b\n"])
    assert "a1B2a1B2" not in stream.getvalue()
    assert stream.getvalue().endswith("\nb\n")
