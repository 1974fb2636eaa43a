"""An export names the container and the queue to which the service writes for a project, without credentials."""

import json

import pytest

from tests.delete.test_copies_outside import CONTAINER, QUEUE, SECRET
from tests.export.exporting import stock

ADDRESSES = {"exportModelContainerUri": CONTAINER, "notificationQueueUri": QUEUE}


@pytest.mark.slow
def test_result_and_bag_name_container_and_queue(sim, cli, tmp_path):
    project, other = stock(sim), stock(sim)
    sim.store.projects[project].settings |= {name: uri + SECRET for name, uri in ADDRESSES.items()}

    ran = cli("export", "--all", "--json", "--out", tmp_path / "json")
    shown = cli("export", "--all", "--out", tmp_path / "shown")

    expected = [{"project": project, "setting": name, "address": uri} for name, uri in ADDRESSES.items()]
    assert ran.code == shown.code == 0
    assert ran.json["copiesOutside"] == expected
    assert json.loads((tmp_path / "shown" / "data" / "export.json").read_bytes())["copiesOutside"] == expected
    lines = [line for line in shown.out.splitlines() if f"exports: project {project}" in line]
    assert len(lines) == 2
    assert f"project {other}" not in shown.out
    stored = "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
    assert SECRET.split("sig=")[1].split("&")[0] not in ran.out + shown.out + stored
    assert cli("verify", tmp_path / "shown").code == 0
