"""The languages of what people receive: dates, numbers, and the sentences that evidence records."""

import subprocess
import sys
from pathlib import Path

import pytest
from jinja2 import Environment

from cv_gdpr.evidence import sentences, verdicts
from cv_gdpr.evidence.certificate import STATES
from cv_gdpr.evidence.sentences import translated
from cv_gdpr.languages import LANGUAGES, install, language
from cv_gdpr.report.pages import STATES as OF_ITERATIONS
from cv_gdpr.report.pages import Pages
from cv_gdpr.table.categories import CATEGORIES

CHECK = Path(__file__).parents[2] / ".ci" / "translations"
OTHERS = LANGUAGES[1:]

WRITTEN = {
    # code: (tag, date, date and time, short, number, share)
    "en": ("en", "5 March 2026", "5 March 2026, 14:30:09 UTC", "5 Mar 2026, 14:30:09 UTC", "1,234,567.8", "85.3%"),
    "de": ("de", "5. März 2026", "5. März 2026, 14:30:09 UTC", "05.03.2026, 14:30:09 UTC", "1.234.567,8", "85,3 %"),
    "es": (
        *("es", "5 de marzo de 2026", "5 de marzo de 2026, 14:30:09 UTC", "5/3/2026, 14:30:09 UTC"),
        *("1.234.567,8", "85,3 %"),
    ),
    "pt": (
        *("pt-BR", "5 de março de 2026", "5 de março de 2026, 14:30:09 UTC", "05/03/2026, 14:30:09 UTC"),
        *("1.234.567,8", "85,3%"),
    ),
    "zh": ("zh-CN", "2026年3月5日", "2026年3月5日 14:30:09 UTC", "2026/3/5 14:30:09 UTC", "1,234,567.8", "85.3%"),
}


@pytest.mark.parametrize("code", LANGUAGES)
def test_dates_and_numbers(code):
    tag, day, time, short, number, share = WRITTEN[code]
    chosen = language(code)
    assert chosen.tag == tag
    assert chosen.date("2026-03-05") == day
    assert chosen.date("2026-03-05T14:30:09.1234567Z") == time
    assert chosen.date("2026-03-05T16:30:09+02:00") == time
    assert chosen.date("2026-03-05T14:30:09", short=True) == short
    assert chosen.number(1234567.8) == number
    assert chosen.percent(0.8531).replace("\xa0", " ") == share


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-45T00:00:00Z"])
def test_a_text_that_is_not_a_date_is_shown(text):
    assert language("de").date(text) == text


@pytest.mark.parametrize(
    ("template", "page"),
    [
        ('{{ _("unknown: %(reason)s", reason="<b>&") }}', "nicht bekannt: &lt;b&gt;&amp;"),
        ('{{ ngettext("%(num)s image", "%(num)s images", 1) }}', "1 Bild"),
        ('{{ ngettext("%(num)s image", "%(num)s images", 12345) }}', "12.345 Bilder"),
        ("{% trans num=2000 %}{{ num }} image{% pluralize %}{{ num }} images{% endtrans %}", "2.000 Bilder"),
        ("{% trans reason='<i>' %}unknown:\n   {{ reason }}{% endtrans %}", "nicht bekannt: &lt;i&gt;"),
        ("{{ '2026-03-05'|date }} {{ 1.5|number }} {{ 1|percent }}", "5. März 2026 1,5 100\xa0%"),
        ("{{ language.tag }}", "de"),
    ],
)
def test_what_templates_can_say(template, page):
    environment = Environment(autoescape=True)
    install(environment, language("de"))
    assert environment.from_string(template).render() == page


@pytest.mark.parametrize("code", OTHERS)
@pytest.mark.parametrize("pattern", sentences.PATTERNS)
def test_a_recorded_sentence_is_recognised(code, pattern):
    values = {"time": "2026-03-05T14:30:09Z", "number": "1234", "sentence": "done in part", "more": "done in part"}
    names = sentences._expression(pattern).groupindex
    recorded = pattern % {name: values.get(name, f"<{name}>") for name in names}
    chosen, said = language(code), translated(recorded, language(code))
    expected = {
        "time": chosen.date(values["time"]),
        "number": chosen.number(1234),
        **dict.fromkeys(("sentence", "more"), chosen.gettext("done in part")),
    }
    shown = chosen.gettext(sentences.ON_PAPER.get(pattern, pattern))
    assert said == shown % {name: expected.get(name, f"<{name}>") for name in names}
    assert said != recorded


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_page_has_no_words_for_an_operator(code):
    for recorded, on_paper in sentences.ON_PAPER.items():
        said = translated(recorded.replace("%(time)s", "2026-03-05T14:30:09Z"), language(code))
        assert said == language(code).gettext(on_paper) % {"time": language(code).date("2026-03-05T14:30:09Z")}
        assert not [word for word in ("--", "cv-gdpr", "command", "API") if word in said]


@pytest.mark.parametrize(
    "recorded", ["", "x; y", "the proxy said: no. And then nothing", "residue: <b>", "%(sentence)s%"]
)
def test_another_text_stays_as_it_is(recorded):
    assert translated(recorded, language("zh")) == recorded


def test_an_answer_keeps_the_code_of_the_service():
    assert translated("the service answered 403 Forbidden", language("de")) == "der Dienst antwortete mit 403 Forbidden"


def test_a_verdict_of_several_sentences():
    recorded = verdicts._joined(verdicts._EVERYTHING["deleted"] % {"time": "2026-03-05T14:30:09Z"}, verdicts._SINCE)
    said = "gelöscht: alles im Plan, gespeichert vor dem 5. März 2026, 14:30:09 UTC. Über seither gespeicherte Daten"
    assert translated(recorded, language("de")) == f"{said} ist damit nichts gesagt."


@pytest.mark.parametrize("code", OTHERS)
def test_states_and_rows_have_words(code):
    chosen = language(code)
    texts = [*STATES, *OF_ITERATIONS, *(row.data for row in CATEGORIES)]
    assert [text for text in texts if chosen.gettext(text) == text] == []


def test_only_known_states_are_translated():
    written = Pages(language("de"))._environment.filters["state"]
    assert [written(state) for state in ("Completed", "Exporting", "Images")] == [
        "Abgeschlossen",
        "Export läuft",
        "Images",
    ]


TERMS = {
    "de": ("Details zur Iterationsleistung", "Bildtags", "Exportierte Iterationen (Modelle)"),
    "es": ("Detalles de rendimiento de la iteración", "Etiquetas de imagen", "Iteraciones exportadas (modelos)"),
    "pt": ("Detalhes de desempenho da iteração", "Marcas de imagem", "Iterações exportadas (modelos)"),
    "zh": ("迭代性能详细信息", "图像标记", "导出的迭代（模型）"),  # noqa: RUF001 - as Chinese writes them
}


@pytest.mark.parametrize("code", OTHERS)
def test_rows_have_the_terms_of_the_published_table(code):
    rows = ("Iteration performance details", "Image tags", "Exported iterations (models)")
    assert tuple(map(language(code).gettext, rows)) == TERMS[code]


@pytest.mark.slow
def test_the_catalogues_have_every_text():
    ran = subprocess.run([sys.executable, CHECK], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.returncode) == ("", 0)
