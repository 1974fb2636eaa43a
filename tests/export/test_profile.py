"""The BagIt Profile that each export names, by the library of the BagIt Profiles specification."""

import json
from importlib.resources import files

import bagit
import bagit_profile
import pytest

from cv_gdpr import demo
from cv_gdpr.archive.bag_info import PROFILE
from tests.delete.erasing import ids

TEXT = (files("cv_gdpr.archive") / "bagit-profile.json").read_text()


@pytest.fixture
def exported(sim, cli, tmp_path):
    """An export of the demo's resource, with a reference and an operator."""
    demo.fill(sim.endpoint, sim.training_key)
    words = ("--reference", "A 1", "--operator", "B", "--missing-ok", "--tag", "person", "--tag", "nobody")
    assert cli("export", "--all", *words, "--out", tmp_path / "bag").code in {0, 3}
    return tmp_path / "bag"


def errors(folder):
    """Return what the library finds in a bag."""
    profile = bagit_profile.Profile(PROFILE[1], profile=json.loads(TEXT))
    assert profile.validate_serialization(str(folder))
    profile.validate(bagit.Bag(str(folder)))
    return [str(one) for one in profile.report.errors]


@pytest.mark.slow
def test_an_export_fits_its_profile(exported):
    assert errors(exported) == []
    assert bagit.Bag(str(exported)).info[PROFILE[0]] == json.loads(TEXT)["BagIt-Profile-Info"][PROFILE[0]]


@pytest.mark.slow
def test_a_redacted_export_still_fits(exported, sim, cli, tmp_path):
    (project,) = (one.id for one in sim.store.projects.values() if ids(sim, one.id, "predictions"))
    words = ("--project", project, "--tag", "person", "--yes", "--evidence", tmp_path / "e.json")
    assert cli("delete", *words).code in {0, 3}
    assert cli("redact", tmp_path / "e.json", exported).code == 0
    assert (tmp_path / "bag-redacted/redactions.jsonl").exists()
    assert errors(tmp_path / "bag-redacted") == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("Export-Started: ", "Export-Begun: "), "'Export-Started' is not present"),
        ((PROFILE[1], "urn:uuid:00000000-0000-0000-0000-000000000000"), "does not contain this profile's URI"),
    ],
)
def test_another_bag_does_not_fit(exported, change, words):
    info = exported / "bag-info.txt"
    info.write_text(info.read_text().replace(*change))
    (error,) = errors(exported)
    assert words in error


@pytest.mark.slow
def test_every_line_of_bag_info_is_in_the_profile(exported):
    labels = set(bagit.Bag(str(exported)).info)
    counts = {label for label in labels if label.startswith(("Exported-", "Not-Searched-"))}  # one for each row
    assert labels - counts <= set(json.loads(TEXT)["Bag-Info"])
