"""What wrong usage is answered with: one line in words, and what may have been meant."""

import os
import sys

import pytest

from cv_gdpr import extras
from cv_gdpr.platforms.shells import quoted

TOLD = {
    "convert bag": "Missing option '--to'. Choose from: coco, yolo, automl, csv",
    "completion": "Missing argument 'bash|zsh|fish|powershell'. Choose from: bash, zsh, fish, powershell",
    "delete --all --wait abc": "Invalid value for '--wait': must be a number from 0 to 10,000,000, not 'abc'",
    "delete --all --max-delete -1": "Invalid value for '--max-delete': must be a whole number, 0 or more, not -1",
    "export --all --connections 0": "Invalid value for '--connections': must be a whole number from 1 to 256, not 0",
    "list --all --seed y": "Invalid value for '--seed': must be a whole number, not 'y'",
}


@pytest.mark.parametrize(("words", "told"), TOLD.items())
def test_wrong_usage_is_answered_in_one_line(cli, words, told):
    ran = cli(*words.split())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"Error: {told}\nHint: cv-gdpr {words.split()[0]} --help\n"


@pytest.mark.parametrize(("words", "option"), [("export all", "--all"), ("delete metadata", "--metadata")])
def test_an_option_without_its_hyphens_is_recognised(cli, words, option):
    assert f"Hint: perhaps you mean {option}\n" in cli(*words.split()).err


def test_no_command_shows_the_help_and_ends_in_2(cli):
    ran = cli()
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage: cv-gdpr")
    assert "\nError: no command given\nHint: " in ran.err


CHECKOUT = ", in a checkout of cv-gdpr"
SOURCES = {  # what pip noted of an installation, and the words that install an extra of it
    "editable": ('{"url": "HERE/a%20b", "dir_info": {"editable": true}}', ["-e", "HERE/a b[azure]"], ""),
    "folder": ('{"url": "HERE/a%20b", "dir_info": {}}', ["HERE/a b[azure]"], ""),
    "wheel": ('{"url": "HERE/a.whl", "archive_info": {}}', ["HERE/a.whl[azure]"], ""),
    "gone": ('{"url": "HERE/gone", "dir_info": {}}', [".[azure]"], CHECKOUT),
    "broken": ("{", [".[azure]"], CHECKOUT),
    "index": (None, ["cv-gdpr[azure]"], ""),
}


@pytest.mark.parametrize("source", SOURCES)
def test_an_extra_comes_from_where_the_program_came_from(tmp_path, monkeypatch, source):
    (tmp_path / "a b").mkdir()
    (tmp_path / "a.whl").touch()
    noted, words, after = SOURCES[source]
    text = noted and noted.replace("HERE", tmp_path.as_uri())
    monkeypatch.setattr("importlib.metadata.PathDistribution.read_text", lambda *_: text)
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    words = [word.replace("HERE/", f"{tmp_path}{os.sep}") for word in words]
    told = " ".join(map(quoted, ["/usr/bin/python3", "-m", "pip", "install", *words]))
    assert extras.install("azure") == f"{told}{after}"
