"""The commands on the pages of the documentation, and a shell that runs them as they stand there."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "docs/recipes/*.md")
    for path in sorted(ROOT.glob(pattern))
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ANEW = "<!-- on a new resource -->"
_REASON = re.compile(r"<!-- not run: (.+) -->$")
_CODE = re.compile(r"\((\d+)\)[^()]*$")
_END = "@@ended "

# A person answers the question of a deletion; here --yes does. Everything else is as it stands on the page.
_SHELL = """
cv-gdpr() {
  case "$1 $* " in
  delete*" --dry-run "* | delete*" --yes "*) command cv-gdpr "$@" ;;
  delete*) command cv-gdpr "$@" --yes ;;
  *) command cv-gdpr "$@" ;;
  esac
}
"""


class Block(NamedTuple):
    """A block of a page: the language it names, its text, its line on the page, and why its commands are not run.

    `anew`: its commands, and those after it, run on a resource that holds all that the demo holds.
    """

    page: str
    language: str
    text: str
    line: int
    reason: str
    anew: bool

    def commands(self) -> Iterator["Command"]:
        """Yield the commands of a block: a line each, or several that a backslash joins."""
        for line in self.text.replace("\\\n", " ").splitlines():
            words, _, comment = line.partition("#")
            if words.strip():
                code = _CODE.search(comment)
                yield Command(line, int(code[1]) if code else 0)


class Command(NamedTuple):
    """A line of a shell, and the exit code that its comment promises: 0, or that in brackets."""

    line: str
    code: int


class Ran(NamedTuple):
    """What a command did."""

    command: Command
    code: int
    output: str


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page."""
    text = (ROOT / page).read_text("utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        before = text[: fence.start()].rstrip("\n").rpartition("\n")[2]
        reason = _REASON.search(before)
        line = text.count("\n", 0, fence.start()) + 1
        found.append(Block(page, fence[1], fence[2], line, reason[1] if reason else "", before == _ANEW))
    return found


def sessions(page: str) -> list[list[Command]]:
    """Return the commands of a page that are run, in their order: a list for each resource that they run on."""
    found: list[list[Command]] = [[]]
    for block in blocks(page):
        if block.anew:
            found.append([])
        if block.language == "sh" and not block.reason:
            found[-1] += block.commands()
    return [one for one in found if one]


def run(told: list[Command], folder: Path, variables: dict[str, str]) -> list[Ran]:
    """Run commands in one shell in a folder; return what each did, up to one that ends the shell."""
    script = _SHELL + "".join(f'{one.line}\necho "{_END}$?"\n' for one in told)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CV_GDPR", "VISION"))}
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    ran = subprocess.run(
        ["bash", "-c", script],
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env={**kept, **path, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    parts = re.split(rf"^{_END}(\d+)\n", ran.stdout, flags=re.MULTILINE)
    return [Ran(one, int(code), output) for one, output, code in zip(told, parts[::2], parts[1::2], strict=False)]
