"""Numbers are compared by value, however the service writes them: from export and plan to proof and verify."""

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.edits import respelled
from tests.delete.erasing import stock
from tests.unit.test_marks import SAME

OPERATIONS = [
    "QueryPredictions",
    "GetTaggedImages",
    "GetImagesByIds",
    "GetImagePerformances",
    "GetIterationPerformance",
]


def spell(sim, spellings):
    """Write the numbers in each answer of these operations in the next of the spellings."""
    edit = respelled(tuple(spellings))
    for operation in OPERATIONS:
        sim.fault(Fault(operation, times=None, edit=edit))


@pytest.mark.slow
@pytest.mark.parametrize("spellings", [SAME[0], SAME[1], SAME[2], SAME[7]], ids=lambda one: one[0])
def test_a_number_is_equal_in_every_spelling(sim, erase, tmp_path, spellings):
    stock(sim, images=5, iterations=1)
    (detection,) = sim.fill(images=2, image_bytes=64, iterations=1, regions=2, predictions=1, seed=9)
    spell(sim, spellings)
    out, plan = tmp_path / "out", tmp_path / "plan.json"

    assert erase.cli("export", "--all", "--out", out).code == 0
    assert erase.cli("verify", out).code == 0
    assert erase("--all", "--dry-run", "--save-plan", plan, "--require-export", out).code == 0
    ran = erase("--plan", plan, "--require-export", out)

    assert ran.code == 0, ran.err
    assert set(erase.states().values()) == {"deleted"}
    assert not sim.store.projects
    assert erase.verified() == 0
    assert detection in erase.states("projects")


def test_a_number_of_another_value_is_a_change(sim, erase, tmp_path):
    stock(sim, images=5, iterations=1)
    spell(sim, ["0.1"])
    plan = tmp_path / "plan.json"
    assert erase("predictions", "--all", "--dry-run", "--save-plan", plan).code == 0
    sim.clear_faults()
    spell(sim, ["0.1000000000000000000000000000000001"])

    assert erase("--plan", plan).code == 3
    assert set(erase.states().values()) == {"left"}
