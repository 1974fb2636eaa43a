"""A container or queue that a project's settings name is named as outside the API, without its credentials."""

import pytest

from cv_gdpr.links import address_without_credentials
from tests.delete.erasing import stock

CONTAINER, QUEUE = "https://acct.blob.core.windows.net/models", "https://acct.queue.core.windows.net/news"
SECRET = "?sv=2022-11-02&sr=c&sig=abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG%3D&se=2030-01-01T00%3A00%3A00Z"


@pytest.fixture
def connected(sim):
    """The id of a project whose settings name a container and a queue."""
    project = stock(sim)
    sim.store.projects[project].settings |= {
        "exportModelContainerUri": CONTAINER + SECRET,
        "notificationQueueUri": QUEUE + SECRET,
    }
    return project


@pytest.mark.slow
def test_plan_evidence_and_result_name_container_and_queue(erase, connected, tmp_path):
    plan = erase("--all", "--dry-run", "--save-plan", tmp_path / "plan.json")
    shown = erase("--all", "--dry-run", as_json=False)
    ran = erase("--all")

    assert ran.code == plan.code == 0
    named = {"exportModelContainerUri": CONTAINER, "notificationQueueUri": QUEUE}
    assert plan.json["projects"][0]["copiesOutside"] == named
    (project,) = erase.evidence["projects"]
    assert project["copiesOutside"] == named
    page = erase.path.with_suffix(".html").read_text()
    for address in (CONTAINER, QUEUE):
        words = f"project {connected}"
        assert any(address in one["words"] and words in one["words"] for one in plan.json["outsideTheApi"])
        assert any(address in one["words"] and words in one["words"] for one in ran.json["outsideTheApi"])
        assert address in shown.out
        assert address in page
    files = "".join(file.read_text() for file in (*erase.files, tmp_path / "plan.json"))
    assert "sig=" not in plan.out + shown.out + ran.out + files
    assert erase.verified() == 0


def test_a_project_without_them_names_none(sim, erase):
    stock(sim)

    ran = erase("--all")

    assert "copiesOutside" not in erase.evidence["projects"][0]
    assert [one["row"] for one in ran.json["outsideTheApi"]] == ["account", "exports"]


@pytest.mark.parametrize(
    "uri",
    [
        CONTAINER,
        CONTAINER + SECRET,
        CONTAINER + "#part",
        "https://user:password@acct.blob.core.windows.net/models",
        "https://user@acct.blob.core.windows.net/models?a=b",
    ],
)
def test_an_address_is_named_without_credentials(uri):
    assert address_without_credentials(uri) == CONTAINER
