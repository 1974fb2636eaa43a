"""The demo command exports and verifies a small resource."""

from pathlib import Path

import bagit

from cv_gdpr.table.categories import ROWS
from tests.commandline import CommandLine


def test_demo_ends_with_a_bag_that_others_accept(cli: CommandLine, tmp_path: Path) -> None:
    ran = cli("demo", "--out", tmp_path / "demo")
    assert ran.code == 0, ran.err
    assert "verified" in ran.out
    assert "Its row account comes from a simulated Azure Resource Manager." in ran.out
    assert bagit.Bag(str(tmp_path / "demo")).is_valid()


def test_demo_has_items_in_every_row_that_can_be_exported(cli: CommandLine, tmp_path: Path) -> None:
    rows = {row["row"]: row for row in cli("demo", "--json", "--out", tmp_path / "demo").json["export"]["rows"]}
    assert set(rows) == set(ROWS)
    assert all(row["exported"] == row["held"] > 0 for name, row in rows.items() if name != "account")
