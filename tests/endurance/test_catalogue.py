"""The named faults of `simulate --fault` that no other test uses: each happens, and no command breaks."""

import pytest

from custom_vision_simulator import catalogue
from custom_vision_simulator.catalogue import CATALOGUE, faults
from custom_vision_simulator.faults import ARM, ARM_OPERATIONS, IDENTITY
from tests.delete.erasing import stock
from tests.endurance.test_fault_matrix import API, BLOB

PLAYED = {row.name for row in API + BLOB} | {name for name, entry in CATALOGUE.items() if entry.faults[0].wire}
ELSEWHERE = {ARM, IDENTITY} | ARM_OPERATIONS
OTHERS = sorted(name for name in CATALOGUE.keys() - PLAYED if CATALOGUE[name].faults[0].route not in ELSEWHERE)
HASTY = ("--patience", "0", "--read-timeout", "0.5")


@pytest.mark.parametrize("name", OTHERS)
def test_a_named_fault_happens_and_no_command_breaks(sim, cli, tmp_path, name):
    stock(sim)
    armed = faults(name)
    for fault in [*armed, *faults("blob-expired", times=1)]:  # so that a link is renewed
        sim.fault(fault)
    rows = ("performance",) if armed[0].route == "GetIterationPerformance" else ("images",)
    exported = cli("export", *rows, "--all", *HASTY, "--out", tmp_path / "out")
    evidence = tmp_path / "erasure.json"
    deleted = cli("delete", "--all", "--yes", *HASTY, "--wait", "0.2", "--evidence", evidence)
    assert all(sim.faults.fired(fault) for fault in armed)
    for ran in (exported, deleted):
        assert ran.code in {0, 1, 3, 4, 5}, ran.err
        assert "Traceback" not in ran.err
        assert "unexpected" not in ran.err
        assert ran.err.startswith("Error: ") or "\nError: " in ran.err or not ran.code


def test_each_fault_has_a_name_and_a_description():
    assert len(CATALOGUE) == len(catalogue._ENTRIES)
    for name, entry in CATALOGUE.items():
        assert name == entry.name == name.lower()
        assert not set(" =,@").intersection(name)
        assert not entry.what[0].islower()
        assert entry.what.endswith(".")
        assert entry.faults
