"""Key files and id lists as people's tools write them: each is read, or the message says what is in the way."""

import codecs
import io
import sys

import pytest

from cv_gdpr.cli import inputs
from cv_gdpr.errors import UsageError

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
ONE, TWO = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
ENCODINGS = {
    "utf-8": lambda text: text.encode(),
    "utf-8 with a mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "utf-16 little-endian, as PowerShell writes it": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "utf-16 big-endian": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "utf-32 little-endian": lambda text: codecs.BOM_UTF32_LE + text.encode("utf-32-le"),
    "utf-32 big-endian": lambda text: codecs.BOM_UTF32_BE + text.encode("utf-32-be"),
}
ENDS = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}
LISTS = {
    "plain": [ONE, TWO],
    "quoted": [f'"{ONE}"', f'"{TWO}"'],
    "quoted with blanks": [f'  " {ONE} "', f'"{TWO}"\t'],
    "apostrophes": [f"'{ONE}'", f"'{TWO}'"],
    "typographic quotes": [f"\u201c{ONE}\u201d", f"\u2018{TWO}\u2019"],
    "comments and empty lines": ["# José's photos", "", ONE, "   ", TWO, "", ""],
    "blanks that cannot be seen": [f"\u200b{ONE}\u00a0", f"\ufeff{TWO}\u2060"],
    "a mark in the middle, of joined files": [ONE, f"\ufeff{TWO}"],
    "capitals, without dashes": [ONE.upper(), TWO.replace("-", "")],
    "comments after an id": [f"{ONE} # Smith, John", f'"{TWO}" # "x"'],
    "a comment in the quotes": [f'"{ONE} # John"', f"{TWO}#"],
    "braces": [f"{{{ONE}}}", f'"{{{TWO}}}"'],
}


@pytest.fixture
def place(tmp_path):
    return tmp_path / "input"


def given(place, content, monkeypatch, how):
    """Return the option's value for a content, in a file or on standard input."""
    place.write_bytes(content)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))
    return "-" if how == "standard input" else str(place)


@pytest.mark.parametrize("how", ["file", "standard input"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_list_of_ids_is_read_in_any_form(place, monkeypatch, encoding, how):
    for name, lines in LISTS.items():
        for end, mark in ENDS.items():
            for text in (mark.join(lines), mark.join([*lines, ""])):
                content = ENCODINGS[encoding](text)
                assert inputs.read_ids(given(place, content, monkeypatch, how)) == {ONE, TWO}, (name, end)


KEYS = {"plain": KEY, "quoted": f'"{KEY}"', "apostrophes": f"'{KEY}'", "blanks": f"\n  {KEY}\t\n\n", "\ufeff": KEY}


@pytest.mark.parametrize("how", ["file", "standard input"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_key_is_read_in_any_form(place, monkeypatch, encoding, how):
    for name, text in KEYS.items():
        for mark in ENDS.values():
            content = ENCODINGS[encoding](text.replace("\n", mark) + mark)
            assert inputs.read_key(given(place, content, monkeypatch, how)) == KEY, name


# case: (content, words of the message)
NAMED = {
    "commas": (f"{ONE},Anna\n", "line 1 holds several columns, separated by commas"),
    "quoted columns": (f'{TWO}\n"{ONE}","Anna"\n', "line 2 holds several columns, separated by commas"),
    "semicolons": (f"{ONE};Anna\r\n", "line 1 holds several columns, separated by semicolons"),
    "tabs": (f"{ONE}\tAnna\n", "line 1 holds several columns, separated by tabs"),
    "a heading": (f"Id\n{ONE}\n", "line 1 is not an id but a heading"),
    "a quoted heading": (f'"imageId"\n"{ONE}"\n', "line 1 is not an id but a heading"),
    "half a quote": (f'"{ONE}\n', "line 1 is not an id"),
    "another text": (f"{ONE}\n\nnonsense\n", "line 3 is not an id"),
    "nothing": ("", "contains no id"),
    "another text and a comment": (f"{ONE} John # x\n", "line 1 is not an id"),
    "columns and a comment": (f"{ONE},John # x\n", "line 1 holds several columns"),
    "quotes and a comment": ('"" # x\n', "line 1 is not an id"),
    "comments alone": ("# none\n\n", "contains no id"),
    "a mark alone": ("\ufeff", "contains no id"),
    **{
        f"an odd mark {ord(mark):x} {where}": (content.format(mark), "line 1 holds a character at which")
        for mark in "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"
        for where, content in {
            "between ids": f"{ONE}{{}}{TWO}\n",
            "in a comment": f"# hold: case 4711{{}}{ONE}\n{TWO}\n",
            "in a comment behind an id": f"{ONE} # and{{}}{TWO}\n",
        }.items()
    },
    "quotes alone": ('""\n', "line 1 is not an id"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_line_that_is_not_an_id_is_named(place, encoding):
    for content, words in NAMED.values():
        place.write_bytes(ENCODINGS[encoding](content))
        with pytest.raises(UsageError, match=words):
            inputs.read_ids(str(place))


BROKEN = {
    "latin-1": "José".encode("latin-1"),
    "utf-16 cut off": codecs.BOM_UTF16_LE + ONE.encode("utf-16-le")[:-1],
    "half a pair": codecs.BOM_UTF16_LE + b"\x00\xd8",
    "utf-16 without a mark": ONE.encode("utf-16-le"),
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("read", [inputs.read_ids, inputs.read_key])
def test_a_file_that_cannot_be_decoded_is_named(place, read, content):
    place.write_bytes(content)
    with pytest.raises(UsageError, match=r"it is not text") as caught:
        read(str(place))
    assert "UTF-8" in (caught.value.hint or "")


@pytest.mark.parametrize("content", ["", "\n", f"{KEY}\n{KEY}\n"])
def test_a_key_file_holds_one_line(place, content):
    place.write_text(content)
    with pytest.raises(UsageError, match="the training key alone, on one line"):
        inputs.read_key(str(place))


def test_endless_input_is_a_usage_error(monkeypatch):
    class Endless(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            buffer[:] = b"\n" * len(buffer)
            return len(buffer)

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Endless())))
    with pytest.raises(UsageError, match="too long or endless"):
        inputs.read_ids("-")


def test_powershells_files_work_from_end_to_end(sim, cli, tmp_path):
    (project,) = sim.fill(images=3, image_bytes=400)
    wanted = next(iter(sim.store.projects[project].workspace.images))
    powershell = ENCODINGS["utf-16 little-endian, as PowerShell writes it"]
    (tmp_path / "key").write_bytes(powershell(f"{sim.training_key}\r\n"))
    (tmp_path / "ids").write_bytes(powershell(f'"{wanted}"\r\n'))
    words = ("--key-file", tmp_path / "key", "--image-ids-file", tmp_path / "ids", "--out", tmp_path / "out")
    ran = cli("export", "images", "--all", "--json", *words, CV_GDPR_TRAINING_KEY="")
    assert ran.code == 0, ran.err
    assert next(row["exported"] for row in ran.json["rows"] if row["row"] == "images") == 1
