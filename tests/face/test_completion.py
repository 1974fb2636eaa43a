"""Completion: the scripts, and what they offer in the shells that are installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cv_gdpr.cli import main
from cv_gdpr.cli.completion import SHELLS, script_of
from cv_gdpr.table.categories import ROWS


def offered(*words, shell="bash"):
    """Return what the program offers for the last word."""
    of_shell = {
        "bash": {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)},
        "powershell": {"CV_GDPR_COMPLETE_WORDS": "\n".join(filter(None, words)), "CV_GDPR_COMPLETE_WORD": words[-1]},
    }
    settings = os.environ | of_shell[shell] | {"_CV_GDPR_COMPLETE": f"{shell}_complete"}
    ran = subprocess.run([sys.executable, "-m", "cv_gdpr"], env=settings, capture_output=True, text=True, check=True)
    cells = [line.replace("\t", ",").split(",") for line in ran.stdout.splitlines()]
    return [row[1] for row in cells]


@pytest.mark.parametrize("variables", [{}, {"COMP_WORDS": "cv-gdpr"}, {"COMP_WORDS": "cv-gdpr", "COMP_CWORD": "x"}])
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_without_its_variables_gets_nothing(shell, variables, capsys, monkeypatch):
    for name, value in {"_CV_GDPR_COMPLETE": f"{shell}_complete", **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert (ended.value.code, *capsys.readouterr()) == (0, "", "")


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "powershell"])
@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("cv-gdpr", "ex"), ["export"]),
        (("cv-gdpr", "export", ""), list(ROWS)),
        (("cv-gdpr", "export", "ima"), ["images"]),
        (("cv-gdpr", "delete", "--dry"), ["--dry-run"]),
        (("cv-gdpr", "export", "images", "--acc"), ["--accept-missing"]),
        (("cv-gdpr", "list", "--cloud", "u"), ["usgov"]),
        (("cv-gdpr", "completion", "f"), ["fish"]),
    ],
)
def test_commands_rows_and_options_are_offered(shell, words, wanted):
    assert offered(*words, shell=shell) == wanted


@pytest.mark.parametrize("shell", SHELLS)
def test_every_script_asks_the_program(cli, shell):
    ran = cli("completion", shell)
    assert ran.code == 0
    assert f"{shell}_complete" in ran.out


@pytest.mark.parametrize("words", [(), ("-q",), ("-v",)])
def test_the_script_is_the_result(cli, words):
    ran = cli("completion", "bash", *words)
    document = cli("completion", "bash", *words, "--json").json
    assert (document["format"], document["shell"]) == ("cv-gdpr-completion/1", "bash")
    assert f"{document['script']}\n" == ran.out


IN_SHELL = {
    "bash": "source script; COMP_WORDS=(cv-gdpr exp); COMP_CWORD=1; _cv_gdpr_completion cv-gdpr; echo ${COMPREPLY[@]}",
    "fish": 'source script; complete --do-complete "cv-gdpr exp"',
    "zsh": "compdef() { :; }; source script; compadd() { :; }; _describe() { print -l ${(P)${@[-1]}} ${(P)${@[-2]}}; };"
    "words=(cv-gdpr exp); CURRENT=2; _cv_gdpr_completion",
}


@pytest.mark.parametrize("shell", IN_SHELL)
def test_a_shell_completes_with_the_script(cli, tmp_path, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(cli("completion", shell).out)
    program = tmp_path / "cv-gdpr"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m cv_gdpr "$@"\n')
    program.chmod(0o755)
    settings = os.environ | {"PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
    ran = subprocess.run(
        [shell, "-c", IN_SHELL[shell]], env=settings, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "export" in ran.stdout, ran.stderr


def has_error(script):
    """Return whether a script is not PowerShell, by its grammar."""
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip("tree_sitter_powershell")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    return parser.parse(script.encode()).root_node.has_error


def test_the_script_for_powershell_is_powershell():
    script = script_of("powershell")
    assert not has_error(script)
    assert has_error(script[:-1])
    assert has_error(script.replace("param(", "param(("))
    assert has_error(script.replace('"`t"', '"`t'))


def test_powershell_completes_with_the_script(cli, tmp_path):
    if not shutil.which("pwsh"):
        pytest.skip("PowerShell is not installed")
    (tmp_path / "script.ps1").write_text(cli("completion", "powershell").out)
    told = ". ./script.ps1; (TabExpansion2 'cv-gdpr exp' 11).CompletionMatches.CompletionText"
    settings = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    ran = subprocess.run(
        ["pwsh", "-NoProfile", "-Command", told],
        env=settings,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.split() == ["export"], ran.stderr


def test_completion_imports_no_heavy_module():
    told = "import sys; from cv_gdpr.cli import main\ntry: main([])\nexcept SystemExit: print(' '.join(sys.modules))"
    settings = os.environ | {"COMP_WORDS": "cv-gdpr ", "COMP_CWORD": "1", "_CV_GDPR_COMPLETE": "bash_complete"}
    ran = subprocess.run([sys.executable, "-c", told], env=settings, capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.splitlines()[-1].split())
    assert not {"msgspec", "requests", "rich", "json", "dataclasses", "cv_gdpr.cli.export"} & loaded
