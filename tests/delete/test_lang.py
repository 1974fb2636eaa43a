"""`--lang`: the certificate in the reader's language, of an erasure and of a recheck."""

import json

import pytest

from tests.commandline import CommandLine
from tests.delete.erasing import stock


@pytest.mark.slow
def test_the_certificate_is_in_the_language_asked_for(sim, erase, tmp_path):
    stock(sim)
    ran = erase("images", "--all", "--metadata", "subject=nr-4711", "--lang", "pt-BR")
    assert ran.json["verdict"].startswith("erased: ")
    assert '<html lang="pt-BR">' in erase.certificate
    assert "Certificado de eliminação" in erase.certificate
    assert "nr-4711" not in erase.certificate
    assert erase.verified() == 0

    kept = tmp_path / "after.json"
    again = erase.cli("recheck", erase.path, "--evidence", kept, "--lang", "zh")
    assert again.code == 0, again.err
    assert "复查记录" in kept.with_suffix(".html").read_text()
    assert erase.cli("verify", kept).code == 0
    erase.files[2].write_text(erase.certificate.replace("eliminação", "exclusão"))
    assert erase.verified() == 4


def test_a_run_that_resumes_has_its_own_language(sim, erase):
    stock(sim, predictions=0)
    erase("predictions", "--all", "--lang", "de")
    for file in (erase.path, *erase.files[2:]):
        file.unlink()
    erase("predictions", "--all", "--lang", "es", evidence=erase.path.name)
    assert json.loads(erase.path.read_text())["language"] == "de"  # that run had ended: only its files were missing
    assert erase.verified() == 0


@pytest.mark.parametrize(
    ("word", "similar"),
    [
        ("deutsch", "similar: de"),
        ("spanisch", "similar: es"),
        ("portugese", "similar: pt"),
        ("fr", "the languages are"),
    ],
)
def test_a_language_without_texts(word, similar):
    ran = CommandLine("https://x.example", "0" * 32)("delete", "images", "--all", "--lang", word)
    assert ran.code == 2
    assert similar in ran.err
    assert "en, de, es, pt, zh" in ran.err
