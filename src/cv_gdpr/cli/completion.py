"""`cv-gdpr completion SHELL`: the script with which a shell asks this program what may come next."""

import click

from cv_gdpr.cli.groups import Command
from cv_gdpr.cli.options import output_options
from cv_gdpr.cli.output import print_json
from cv_gdpr.cli.parameters import Argument

SHELLS = ("bash", "zsh", "fish", "powershell")
_ASKING = "_CV_GDPR_COMPLETE"
_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = $commandAst.CommandElements | ForEach-Object { $_.ToString() }
    $env:CV_GDPR_COMPLETE_WORDS = $words -join "`n"
    $env:CV_GDPR_COMPLETE_WORD = $wordToComplete
    $env:%(complete_var)s = "powershell_complete"
    try {
        %(prog_name)s | ForEach-Object {
            $kind, $value, $help = $_ -split "`t", 3
            if (-not $help) { $help = $value }
            [System.Management.Automation.CompletionResult]::new($value, $value, "ParameterValue", $help)
        }
    } finally {
        Remove-Item "Env:%(complete_var)s", "Env:CV_GDPR_COMPLETE_WORDS", "Env:CV_GDPR_COMPLETE_WORD"
    }
}
"""


@click.command(cls=Command)
@click.argument("shell", cls=Argument, metavar="bash|zsh|fish|powershell", type=click.Choice(SHELLS))
@output_options
def completion(shell: str, *, quiet: bool, verbose: int, as_json: bool) -> None:
    """Print the script with which a shell completes commands, rows and options.

    bash: write it to a file of ~/.local/share/bash-completion/completions, a folder that you may have to make. zsh: to
    a file _cv-gdpr in a folder of $fpath. fish: to ~/.config/fish/completions/cv-gdpr.fish. powershell: append it to
    $PROFILE.
    """
    del quiet, verbose  # the script is the result, and there is no more to tell
    script = script_of(shell)
    if not as_json:
        click.echo(script)
        return
    from cv_gdpr.cli.local_documents import CompletionDocument

    print_json(CompletionDocument(exit_code=0, retryable=False, shell=shell, script=script))


def script_of(shell: str) -> str:
    """Return the script for one of SHELLS."""
    from click.shell_completion import get_completion_class

    from cv_gdpr.cli import cli

    prepare(shell)
    made = get_completion_class(shell)
    assert made is not None  # noqa: S101 - click has it, or `prepare` added it
    return made(cli, {}, "cv-gdpr", _ASKING).source().strip("\n")


def prepare(asked: str) -> bool:
    """Make PowerShell known to click, if a shell's name, or what its script asks, says so.

    Return whether the variables are there that click reads of another shell: a number, for bash and zsh.
    """
    import os

    if not asked.startswith("powershell"):
        shell, _, question = asked.partition("_")
        words, number = (os.environ.get(name) for name in ("COMP_WORDS", "COMP_CWORD"))
        counted = shell == "fish" or (number or "").removeprefix("-").isdecimal()
        return question != "complete" or (words is not None and number is not None and counted)

    from click.shell_completion import CompletionItem, ShellComplete, add_completion_class

    class PowerShell(ShellComplete):
        """What click lacks: its words come one on a line, for an empty variable counts as none in PowerShell."""

        name = "powershell"
        source_template = _POWERSHELL

        def get_completion_args(self) -> tuple[list[str], str]:
            """Return the words before the one at the cursor, and that one."""
            words = os.environ.get("CV_GDPR_COMPLETE_WORDS", "").split("\n")[1:]
            incomplete = os.environ.get("CV_GDPR_COMPLETE_WORD", "")
            return (words[:-1] if incomplete and words else words), incomplete

        def format_completion(self, item: CompletionItem[str]) -> str:
            """Return a line: kind, value, and what it is for."""
            return f"{item.type}\t{item.value}\t{' '.join((item.help or '').split())}"

    add_completion_class(PowerShell)
    return True
