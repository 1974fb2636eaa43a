"""Certificates from the environment: an unusable file is reported by its variable."""

import certifi
import pytest

from cv_gdpr.platforms.files import AUTHORITIES_IN_A_FOLDER
from tests.export.exporting import assert_one_error


@pytest.fixture
def places(tmp_path):
    (tmp_path / "text").write_text("no certificate")
    (tmp_path / "empty").write_text("")
    return {"missing": tmp_path / "none", "text": tmp_path / "text", "empty": tmp_path / "empty", "odd": "a\udcffb"}


@pytest.mark.parametrize("place", ["missing", "text", "empty", "odd"])
@pytest.mark.parametrize(
    ("variable", "others"),
    [("REQUESTS_CA_BUNDLE", {"CURL_CA_BUNDLE": "/nowhere"}), ("CURL_CA_BUNDLE", {"REQUESTS_CA_BUNDLE": ""})],
)
def test_unusable_certificates_are_reported_by_variable(cli, places, variable, others, place):
    for command in (("export",), ("delete", "--dry-run")):
        ran = cli(*command, "--all", **others, **{variable: str(places[place])})
        assert_one_error(ran, 2)
        assert f"Error: {variable} names " in ran.err


def test_windows_takes_no_folder_of_authorities(cli, tmp_path, monkeypatch):
    monkeypatch.setattr("cv_gdpr.service.environment.AUTHORITIES_IN_A_FOLDER", False)
    ran = cli("export", "--all", REQUESTS_CA_BUNDLE=str(tmp_path))
    assert_one_error(ran, 2)
    assert f"REQUESTS_CA_BUNDLE names {tmp_path}, a folder" in ran.err


@pytest.mark.parametrize("command", [("export", "-q"), ("delete", "--dry-run")])
def test_usable_certificates_are_used(sim, cli, tmp_path, monkeypatch, command):
    sim.fill(images=1)
    (tmp_path / "folder").mkdir()
    places = (certifi.where(), tmp_path / "folder") if AUTHORITIES_IN_A_FOLDER else (certifi.where(),)
    for number, place in enumerate(places):
        (tmp_path / f"{number}").mkdir()
        monkeypatch.chdir(tmp_path / f"{number}")  # two exports in one second would have the same name
        ran = cli(*command, "--all", REQUESTS_CA_BUNDLE=str(place), SSL_CERT_FILE="/nowhere", SSL_CERT_DIR="/nowhere")
        assert ran.code == 0, ran.err
