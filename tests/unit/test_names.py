"""`--names`: a list of projects with their names, as `list --csv`, a spreadsheet or an editor writes it."""

import json

import pytest

from cv_gdpr.cli.inputs import read_names
from cv_gdpr.cli.output import csv_cell
from cv_gdpr.errors import UsageError
from tests.unit.happening import OTHER, PROJECT

LISTED = "project,project name,what,id,name,value,count\r\n,,row,,projects,1,1\r\n"
NAMES = {
    "id and name": f"id,name\n{PROJECT},One\n",
    "in another order": f"name;id\nOne;{PROJECT}\n",
    "with tabs": f"id\tname\n{PROJECT}\tOne\n",
    "capitals, and more columns": f"Owner,ID,Name\nx,{PROJECT.upper()},One\n",
    "quoted": f'"id","name"\n"{PROJECT}","One"\n',
    "a mark at the beginning": f"\ufeffid,name\n{PROJECT},One\n",
    "empty lines, and without a name": f"id,name\n\n{PROJECT},One\n{OTHER},\n,x\n",
    "of list --csv": f'{LISTED}{PROJECT},One,row,"",images,,3\r\n{PROJECT},One,tag,{OTHER},a tag,,3\r\n',
    "an export's projects.jsonl": f'{{"id":"{PROJECT}","name":"One","settings":{{}}}}\n',
    "of several profiles": f"profile,{LISTED}p,{PROJECT},One,row,,images,,3\r\n",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_names_are_read(tmp_path, name, encoding):
    (tmp_path / "n.csv").write_bytes(NAMES[name].encode(encoding))
    assert read_names(str(tmp_path / "n.csv")) == {PROJECT: "One"}


def test_a_name_may_hold_anything(tmp_path):
    (tmp_path / "n.csv").write_text(f'id,name\n{PROJECT},"One, ""two""\nthree"\n', encoding="utf-8")
    assert read_names(str(tmp_path / "n.csv")) == {PROJECT: 'One, "two"\nthree'}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "does not name the columns id and name"),
        (b"one\n", "does not name the columns id and name"),
        (b"\xff\xfe\xfa", "not text"),
        (b"id,name\n", "names no project"),
        (b"id,name\nx,One\n", "line 2: its id is not one"),
        (b'{"id": "x"}', "line 1 is not JSON with id and name"),
        (b'{"id": "x", "name": "One"}', "line 1: its id is not one"),
        (b'{"id": 1, "name": "One"}\n[]', "line 1: its id is not one"),
        (b"{" * 100_000, "line 1 is not JSON with id and name"),
        (b"id,name\n" + b'"' + b"x" * 200_000, "it is not CSV"),
        (b"\x00\x01", "not text"),
    ],
    ids=[
        "empty",
        "no columns",
        "half a letter",
        "no line",
        "no id",
        "JSON",
        "an id in JSON",
        "a number in JSON",
        "too deep",
        "too long",
        "binary",
    ],
)
def test_another_file_is_refused(tmp_path, content, why):
    (tmp_path / "n.csv").write_bytes(content)
    with pytest.raises(UsageError, match=why):
        read_names(str(tmp_path / "n.csv"))
    with pytest.raises(UsageError, match="No such file"):
        read_names(str(tmp_path / "none.csv"))


ODD = "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"  # str.splitlines ends a line at each, and no editor does


@pytest.mark.parametrize("form", ["CSV", "JSON"])
@pytest.mark.parametrize("mark", ODD)
def test_only_line_breaks_end_a_line(tmp_path, mark, form):
    named = f"One{mark}two"
    line = f"{PROJECT},{named}" if form == "CSV" else json.dumps({"id": PROJECT, "name": named}, ensure_ascii=False)
    (tmp_path / "n").write_text(("id,name\n" if form == "CSV" else "") + line + "\n", encoding="utf-8")
    assert read_names(str(tmp_path / "n")) == {PROJECT: named}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("before", "lines"),
    [
        ("id,name\n", 1),
        ("id,name\n\n\n", 3),
        (f'id,name\n{PROJECT},"three\nlines\n"\n', 4),
        (f"id,name\n{PROJECT},{ODD}\n", 2),
        (f'\n{{"id": "{PROJECT}", "name": "{ODD[0]}"}}\n\n', 3),
    ],
    ids=["heading", "empty lines", "a long cell", "odd marks", "JSON"],
)
def test_the_right_line_is_named(tmp_path, before, lines, end):
    wrong = "x,y" if before.startswith("id") else '{"id": "x", "name": "y"}'
    (tmp_path / "n").write_bytes(f"{before}{wrong}\n".replace("\n", end).encode())
    with pytest.raises(UsageError, match=f"line {lines + 1}: its id is not one"):
        read_names(str(tmp_path / "n"))


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(1)", "'=1", "''@", "'", "a=1", "It's", "1"])
def test_a_name_like_a_formula_comes_back(tmp_path, name):
    cell = csv_cell(name)
    assert not str(cell).startswith(("=", "+", "-", "@"))
    (tmp_path / "n.csv").write_text(f"id,name\n{PROJECT},{cell}\n")
    assert read_names(str(tmp_path / "n.csv")) == {PROJECT: name}


@pytest.mark.parametrize(("value", "cell"), [("\t=1", "'\t=1"), ("\r", "'\r"), (-5, -5), (None, None), ("", "")])
def test_only_texts_like_a_formula_are_marked(value, cell):
    assert csv_cell(value) == cell
