"""The parts of a report: texts that steer others, the index of the filters, pictures that kill their decoder."""

import json
import os
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import ExifTags, Image

from cv_gdpr.evidence.sentences import translated
from cv_gdpr.languages import language, shown
from cv_gdpr.report import gallery
from cv_gdpr.report.gallery import Shown, script_safe
from cv_gdpr.report.pages import Pages, with_texts
from cv_gdpr.report.records import Opinion, Picture, Project, Said
from cv_gdpr.report.thumbnails import LONGEST, Job, Made, fitting, make_all, thumbnails


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("José 图像\n\t", "José 图像\n\t"),
        ("a\u202eb", r"a\u202eb"),
        ("a\x00\x1b[31m", r"a\u0000\u001b[31m"),
        ("\u2066x\u2069\u200f", r"\u2066x\u2069\u200f"),
        ("\ud800", r"\ud800"),
    ],
)
def test_letters_that_no_one_sees(text, expected):
    assert shown(text) == expected


def test_texts_are_translated_once_for_all_pages():
    template = '<a title="{{ _("Pictures") }}">{{ (words or _("no tag"))|upper }}{{ _(words) }}'
    german = with_texts(template, language("de"))
    assert '_("' not in german
    assert german.endswith("{{ _(words) }}")
    page = Pages(language("de"))._environment.from_string(german)
    assert page.render(words="<b>") == '<a title="Bilder">&lt;B&gt;<b>'
    assert with_texts('{{ _("no tag") }}', language("de")) == '{{ ("kein Tag"|safe) }}'


def test_a_text_with_quotes_stays_one():
    quoting = SimpleNamespace(gettext=lambda text: f'"{text}\\" 100 %%')
    page = Pages(language("en"))._environment.from_string(with_texts('{{ _("x") }}', quoting))
    assert page.render() == '"x\\" 100 %'


def test_json_cannot_end_its_element():
    hostile = json.dumps("</script><!--&")
    assert "<" not in script_safe(hostile)
    assert json.loads(script_safe(hostile)) == "</script><!--&"


def picture(number):
    """A picture with metadata of its own."""
    name = f"{number:032x}"
    pairs = (("subject", f"person {number}"),)
    empty = dict.fromkeys(("regions", "iterations", "opinions", "sources"), ())
    made = Picture(name, False, True, "", "", "", 0, 0, ("t",), metadata=pairs, **empty)
    return gallery.Shown(made, Made(320, 240), ("t",), "", False)


def test_the_index_says_how_many_it_holds(monkeypatch):
    project = Project("p", "p", "", "", "", "", "", None, (), "")
    found = gallery.index_of(project, [picture(number) for number in range(100)], {"t": "<cat>"}, language("en"))
    tables = json.loads(found.text)
    assert (found.pictures, len(tables["rows"]), tables["tags"]) == (100, 100, ["<cat>"])
    monkeypatch.setattr(gallery, "_MOST_INDEX", 2_000)
    few = gallery.index_of(project, [picture(number) for number in range(100)], {"t": "cat"}, language("en"))
    assert 0 < few.pictures < 100
    assert len(few.text) < 2_500


def test_the_index_has_the_dates_in_few_letters():
    """A script writes them as the static pages do: tests in a browser compare both."""
    times = ("2024-03-01T10:00:05.9", "2024-03-01T10:00:05.1Z", "2024-03-01T11:00:00+02:00", "1969-12-31T23:59:59.5Z")
    odd = ("2024-03-01", "", "soon", "\u202e", "0001-01-01T00:00:00+01:00")
    dates = gallery._Dates(language("en"))
    assert [dates.of(one) for one in times] == [-1709287205, 0, 3605, 1709283601]
    assert [dates.of(one) for one in odd] == ["1 March 2024", "", "soon", "\\u202e", "0001-01-01T00:00:00+01:00"]


def _jpeg():
    kept = BytesIO()
    Image.new("RGB", (640, 480), "red").save(kept, "JPEG")
    return kept.getvalue()


def _jobs(folder, count):
    """Orders for pictures; the third is named `kills`."""
    for number in range(count):
        (folder / ("kills" if number == 2 else f"{number}")).write_bytes(_jpeg())
    return [Job(str(path), f"{path}.jpg") for path in sorted(folder.iterdir())]


def dying(jobs):
    """Make thumbnails, and end like a decoder that crashes at one picture."""
    if any(job.source.endswith("kills") for job in jobs):
        os._exit(11)
    return make_all(jobs)


@pytest.mark.slow
def test_a_picture_that_kills_its_decoder_costs_only_itself(tmp_path):
    jobs, told = _jobs(tmp_path, 5), []
    made = thumbnails(jobs, told.append, dying)
    reasons = {Path(job.source).name: one.reason for job, one in zip(jobs, made, strict=True)}
    assert {name for name, reason in reasons.items() if reason} == {"kills"}
    assert "crashed" in reasons["kills"]
    assert told[-1] == 5


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_each_format_of_the_service_has_a_thumbnail(tmp_path, kind):
    Image.new("P" if kind == "GIF" else "RGBA", (1000, 10)).convert("RGB").save(tmp_path / "picture", kind)
    (made,) = make_all([Job(str(tmp_path / "picture"), str(tmp_path / "small.jpg"))])
    assert made == Made(320, 3)


@pytest.mark.parametrize(
    ("sides", "decoded"), [((640, 480), (320, 240)), ((480, 640), (240, 320)), ((321, 9), (321, 9))]
)
def test_a_jpeg_is_decoded_no_larger_than_needed(sides, decoded):
    kept = BytesIO()
    Image.new("RGB", sides).save(kept, "JPEG")
    with Image.open(kept) as picture:
        picture.draft("RGB", fitting(*picture.size))
        assert picture.size == decoded
        assert max(picture.size) >= LONGEST


def thumbnail_of(folder, picture, kind, **options):
    """Return the thumbnail of a picture that is saved in a format."""
    picture.save(folder / "picture", kind, **options)
    make_all([Job(str(folder / "picture"), str(folder / "small.jpg"))])
    with Image.open(folder / "small.jpg") as small:
        small.load()
        return small


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_of_16_bits_keeps_its_shades(tmp_path, kind):
    dark_to_bright = Image.frombytes("I;16", (3, 1), (0).to_bytes(2, "little") + b"\x00\x80" + b"\xff\xff")
    found = thumbnail_of(tmp_path, dark_to_bright.resize((96, 32), Image.Resampling.NEAREST), kind)
    assert [round(found.getpixel((x, 16)) / 64) for x in (8, 48, 88)] == [0, 2, 4]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_that_turns_a_picture_is_known(tmp_path, kind):
    exif = Image.Exif()
    for orientation in (1, 6):
        exif[ExifTags.Base.Orientation] = orientation
        Image.new("RGB", (400, 200)).save(tmp_path / "picture", kind, exif=exif)
        (made,) = make_all([Job(str(tmp_path / "picture"), str(tmp_path / f"small{orientation}.jpg"))])
        assert made == Made(320, 160, is_turned=orientation == 6)


def test_a_thumbnail_has_no_comment(tmp_path):
    made = thumbnail_of(tmp_path, Image.new("RGB", (9, 9)), "JPEG", comment=b"secret")
    assert "comment" not in made.info
    assert b"secret" not in (tmp_path / "small.jpg").read_bytes()


@pytest.mark.parametrize("content", [b"", b"%!PS-Adobe-3.0 EPSF-3.0", b"<svg/>"])
def test_what_is_not_a_picture_has_a_reason_in_words(tmp_path, content):
    (tmp_path / "picture").write_bytes(content)
    (made,) = make_all([Job(str(tmp_path / "picture"), str(tmp_path / "small.jpg"))])
    assert translated(made.reason, language("de")) == "kein Bild eines bekannten Formats"


@pytest.mark.parametrize("content", [b"GIF89a" + bytes(20), b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(9)])
def test_a_broken_picture_has_a_reason(tmp_path, content):
    (tmp_path / "picture").write_bytes(content)
    (made,) = make_all([Job(str(tmp_path / "picture"), str(tmp_path / "small.jpg"))])
    assert made.reason.startswith(("cannot be decoded", "not a picture"))
    assert not (tmp_path / "small.jpg").exists()


ORPHANS = """
import os, signal
from cv_gdpr.report import thumbnails
if __name__ == "__main__":
    pool = thumbnails._running(1)
    print(pool.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_run_leaves_no_process(tmp_path):
    (tmp_path / "orphans.py").write_text(ORPHANS)
    with subprocess.Popen([sys.executable, tmp_path / "orphans.py"], stdout=subprocess.PIPE, text=True) as started:
        worker = started.stdout.readline().strip()
    assert worker
    until = time.monotonic() + 10
    while Path(f"/proc/{worker}/fd").exists() and _is_alive(worker):
        assert time.monotonic() < until
        time.sleep(0.02)


def _is_alive(process):
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_picture_only_predicted_is_headed_by_its_best_tag():
    said = (Said("t1", "cat", 0.2), Said("t2", "dog", 0.7))
    picture = SimpleNamespace(opinions=(Opinion("stored", "i", said),))
    one = Shown(picture, None, (), "", can_be_shown=False)
    assert (one.predicted({}), one.predicted({"t2": "Dog"})) == ("dog", "Dog")
