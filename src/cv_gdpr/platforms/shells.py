"""How words, commands and variables are typed in a shell: on Windows in PowerShell, elsewhere in a POSIX shell."""

import re
import sys

from cv_gdpr.patterns import pattern

_PLAIN = pattern(r"[\w./\\:=+-]+", re.ASCII)
_EXPANDED = pattern('[$`"\u201c\u201d\u201e]')  # within double quotes, PowerShell reads a variable, an escape, the end
_SINGLE = pattern("['\u2018\u2019\u201a\u201b]")  # PowerShell takes each for a single quote
_LAST = pattern(r"\\+\Z")


def for_powershell(word: str) -> str:
    """Return a word as it is typed in PowerShell; cmd.exe reads it alike, unless it holds $, `, % or a quote.

    A backslash at its end is doubled: up to version 7.2 PowerShell puts double quotes around a word with blanks and
    leaves the backslash before them, so that it would take the last one for a letter. Two end a path as one does.
    """
    if _PLAIN.fullmatch(word):
        return word
    word = _LAST.sub(lambda last: last[0] * 2, word)
    if _EXPANDED.search(word):
        return f"'{_SINGLE.sub(lambda quote: quote[0] * 2, word)}'"
    return f'"{word}"'


def command_for_powershell(*words: str) -> str:
    """Return a command as it is typed in PowerShell, which runs a program in quotes only behind an &."""
    program, *arguments = map(for_powershell, words)
    return " ".join((program if program == words[0] else f"& {program}", *arguments))


def variable_for_powershell(name: str, value: str) -> str:
    """Return the line that sets a variable in PowerShell."""
    return f"$env:{name}='{_SINGLE.sub(lambda quote: quote[0] * 2, value)}'"


if sys.platform == "win32":
    CONTINUES = "`"

    def all_in(folder: str) -> str:
        """Return the pattern for all that lies in a folder, as it is typed: PowerShell leaves it to the program."""
        return quoted(f"{folder}\\*")

    def expanded(pattern: str) -> list[str]:
        """Return the paths that a pattern means; itself if there is none, or if it holds no * and no ?."""
        from glob import glob

        found = sorted(glob(pattern)) if {"*", "?"} & set(pattern) else []  # noqa: PTH207 - it may have a drive
        return found or [pattern]

    quoted, command, set_variable = for_powershell, command_for_powershell, variable_for_powershell
else:
    CONTINUES = "\\"
    """What stands at the end of a line that the next one continues."""

    def all_in(folder: str) -> str:
        """Return the pattern for all that lies in a folder, as it is typed in a shell."""
        return f"{quoted(folder)}/*"

    def expanded(pattern: str) -> list[str]:
        """Return the paths that a pattern means, which the shell has replaced already: only itself."""
        return [pattern]

    def quoted(word: str) -> str:
        """Return a word as it is typed in a shell."""
        from shlex import quote

        return quote(word)

    def command(*words: str) -> str:
        """Return a command as it is typed in a shell."""
        return " ".join(map(quoted, words))

    def set_variable(name: str, value: str) -> str:
        """Return the line that sets a variable in a shell."""
        return f"export {name}={quoted(value)}"
