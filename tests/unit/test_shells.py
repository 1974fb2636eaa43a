"""Lines for pasting: PowerShell and the program that it starts read the very words that were meant."""

import re
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cv_gdpr.cli.screen import fold
from cv_gdpr.platforms.shells import command_for_powershell, for_powershell, variable_for_powershell
from tests.platforms import posix

WORDS = {  # word: as it is typed
    r"C:\exports\answer.json": r"C:\exports\answer.json",
    "--with-iterations": "--with-iterations",
    r"C:\My exports\a": r'"C:\My exports\a"',
    "C:\\My exports\\": '"C:\\My exports\\\\"',
    "50% off.json": '"50% off.json"',
    "a^b&c!d;e,f(g)": '"a^b&c!d;e,f(g)"',
    "@file": '"@file"',
    "~": '"~"',
    "$home": "'$home'",
    "a`nb": "'a`nb'",
    "It's $5": "'It''s $5'",
    "It\u2019s $5": "'It\u2019\u2019s $5'",
    "\u201cBerlin\u201d": "'\u201cBerlin\u201d'",
    "It's": '"It\'s"',
    "cv-gdpr[find]": '"cv-gdpr[find]"',
    "Köln": '"Köln"',
    "": '""',
}
SINGLE, DOUBLE = "'\u2018\u2019\u201a\u201b", '"\u201c\u201d\u201e'


def powershell(typed):
    """Return the value of a word as PowerShell reads it (about_Quoting_Rules); fail where it would expand something."""
    if typed[:1] in SINGLE and typed:
        assert typed[-1] in SINGLE
        return re.sub(f"([{SINGLE}])[{SINGLE}]", r"\1", typed[1:-1])
    if typed[:1] == '"':
        assert not set(typed[1:-1]) & {*"$`", *DOUBLE}
        return typed[1:-1]
    assert typed
    assert not re.search(r"[\s$`'\"{}();,|&<>@#\[\]*?~]", typed)
    return typed


def started(value):
    """Return the argument of a program that PowerShell 5.1 starts with a value: quoted at blanks, else as it is."""
    given = f'"{value}"' if re.search(r"\s", value) or not value else value
    (argument,) = windows_arguments(given)
    return argument


def windows_arguments(line):
    """Return the arguments in a command line, as the C library of Windows splits it."""
    found, now, is_quoted, at = [], "", False, 0
    while at < len(line):
        slashes = re.match(r"\\*", line[at:])[0]
        at += len(slashes)
        if line[at : at + 1] == '"':
            now += "\\" * (len(slashes) // 2)
            if len(slashes) % 2:
                now += '"'
            else:
                is_quoted = not is_quoted
            at += 1
            continue
        now += slashes
        if at < len(line) and line[at].isspace() and not is_quoted:
            found.append(now)
            now = ""
        elif at < len(line):
            now += line[at]
        at += 1
    return [*found, now]


@pytest.mark.parametrize("word", WORDS)
def test_a_word_for_powershell(word):
    assert for_powershell(word) == WORDS[word]


IN_NAMES = st.text(st.characters(exclude_characters='"<>|?*\r\n', exclude_categories=("Cc", "Cs", "Z")) | st.just(" "))


@given(IN_NAMES)
def test_powershell_reads_what_was_meant(word):
    """A name that Windows allows; two backslashes at the end of a path are one."""
    assert started(powershell(for_powershell(word))).rstrip("\\") == word.rstrip("\\")


def test_a_program_in_quotes_is_called():
    assert command_for_powershell("cv-gdpr", "verify", "a b") == 'cv-gdpr verify "a b"'
    typed = command_for_powershell(r"C:\Program Files\python.exe", "-m", "pip", "install", "cv-gdpr[find]")
    assert typed == r'& "C:\Program Files\python.exe" -m pip install "cv-gdpr[find]"'


def test_a_variable_for_powershell():
    assert variable_for_powershell("NAME", "It's $5") == "$env:NAME='It''s $5'"


@pytest.mark.parametrize(
    "line", ["$env:NAME='It''s a long value of words'", "export NAME='It'\"'\"'s a long value of words'"]
)
def test_a_variable_is_not_folded(line):
    assert fold(line, 20) == [line]


def test_a_program_in_quotes_stays_behind_its_mark():
    typed = command_for_powershell(r"C:\Program Files\python.exe", "-m", "pip", "install", "It's $5 x")
    lines = fold(f"Hint: not installed: {typed}", 45)
    assert [line for line in lines if line.rstrip("`\\ ").endswith("&")] == []
    assert any("'It''s $5 x'" in line for line in lines)


@posix("shell")
@pytest.mark.parametrize("word", WORDS)
def test_a_word_for_a_posix_shell(word):
    from cv_gdpr.platforms.shells import command, set_variable

    assert shlex.split(command("cv-gdpr", word)) == ["cv-gdpr", word]
    ran = subprocess.run(
        ["/bin/sh", "-c", f'{set_variable("NAME", word)}; printf %s "$NAME"'], capture_output=True, check=True
    )
    assert ran.stdout.decode() == word
