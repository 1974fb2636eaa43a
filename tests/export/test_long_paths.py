"""A folder whose paths are longer than the 259 characters that Windows takes by itself: each command works in it."""

import pytest

from tests.delete.erasing import stock
from tests.export.exporting import assert_one_error

LONGEST = 259
LENGTH = 220  # characters of the folder: os.path.realpath of Wine 8 fails for a longer one
INCOMPLETE = {"convert"}  # an image has no tag, which YOLO needs


def test_an_old_windows_refuses_them_before_the_first_call(sim, cli, tmp_path, monkeypatch):
    monkeypatch.setattr("cv_gdpr.archive.folder.is_too_long", lambda path: len(path) > 200)
    ran = cli("export", "--all", "--out", tmp_path / "out")
    assert_one_error(ran, 2)
    assert f"would be longer than the {LONGEST} characters that Windows takes" in ran.err
    assert sim.calls == []


@pytest.mark.slow
def test_all_commands_write_and_read_them(sim, cli, tmp_path):
    stock(sim)
    place = tmp_path / ("x" * max(1, LENGTH - len(f"{tmp_path}/")))
    place.mkdir()
    out, evidence = place / "out", place / "e.json"
    commands = [
        ("export", "--all", "--out", out),
        ("export", "--all", "--reuse", out, "--out", place / "next"),
        ("verify", out),
        ("convert", out, "--to", "yolo", "--out", place / "yolo"),
        ("report", out, "--out", place / "pages", "--zip", place / "pages.zip"),
        ("delete", "--all", "--dry-run", "--save-plan", place / "plan.json"),
        ("delete", "--all", "--yes", "--wait", "0", "--evidence", evidence, "--log-file", place / "calls.jsonl"),
        ("certify", evidence, "--lang", "de"),
        ("redact", evidence, out, "--in-place"),
        ("verify", evidence),
        ("verify", place / "next"),
    ]
    for words in commands:
        ran = cli(*words)
        assert ran.code == (3 if words[0] in INCOMPLETE else 0), (words[0], ran.code, ran.err)
        assert "\\\\?" not in ran.out + ran.err
    assert max(len(str(path)) for path in (place / "next").rglob("*")) > LONGEST
