"""The JSON Schemas of plan, ledger and evidence: what a run writes has exactly their fields."""

import json

import pytest
from msgspec.json import schema

from cv_gdpr.delete.plan import SavedPlan
from cv_gdpr.evidence.events import line_schema
from cv_gdpr.evidence.records import Evidence
from tests.delete.erasing import stock


@pytest.fixture
def written(sim, erase, tmp_path):
    """A plan, the evidence and the ledger's lines of one run, as JSON."""
    stock(sim, predictions=0)
    saved = ("--save-plan", tmp_path / "plan.json", "--reference", "A 8")
    assert erase("--all", "--tag", "alice", *saved).code == 0
    return json.loads((tmp_path / "plan.json").read_text()), erase.evidence, erase.ledger


def test_plan_and_evidence_have_the_fields_of_their_schemas(written):
    plan, evidence, _ = written

    for document, record, optional in ((plan, SavedPlan, {"reference"}), (evidence, Evidence, set())):
        described = schema(record)["$defs"][record.__name__]
        assert list(described["properties"]) == list(document)
        assert set(described["required"]) == document.keys() - optional
        assert described["additionalProperties"] is False
        assert document["format"] in described["properties"]["format"]["enum"]


def test_ledger_lines_have_the_fields_of_their_schemas(written):
    events = line_schema()["$defs"]

    for line in written[2]:
        described = events[line["event"].capitalize()]
        assert set(described["required"]) <= line.keys() <= set(described["properties"])
        assert {"n", "at", "previous"} <= set(described["required"])


def test_every_name_in_a_schema_is_camel_case():
    for components in (schema(SavedPlan), schema(Evidence), line_schema()):
        for record in components["$defs"].values():
            assert not [name for name in record["properties"] if "_" in name]
