"""The evidence of an erasure: one JSON document made from the plan and the ledger, and the check of it against both."""

import hashlib
import json
from pathlib import Path
from typing import Any

from cv_gdpr import __version__
from cv_gdpr.archive.writing import HashedFile, storing
from cv_gdpr.errors import UsageError
from cv_gdpr.findings import Json
from cv_gdpr.report.ledger import Chain, Ledger, now, read_chain
from cv_gdpr.report.outcomes import FAILED, LEFT, RESIDUE, UNPROVED, Outcome, as_json, counted, outcomes_of

FORMAT = "cv-gdpr evidence 1"
_PRIVACY = "https://learn.microsoft.com/legal/cognitive-services/custom-vision/custom-vision-data-privacy-security"
RETENTION: tuple[Json, ...] = (
    {
        "what": "projects, images, tags and iterations",
        "statement": "Microsoft removes them from its systems within 30 days after they were deleted",
        "source": _PRIVACY,
    },
    {
        "what": "images sent for prediction",
        "statement": "kept for 30 days after the prediction, then removed if they were not used for training",
        "source": _PRIVACY,
    },
    {
        "what": "the Azure resource",
        "statement": "after its deletion it stays recoverable for 48 hours, unless it is purged",
        "source": "https://learn.microsoft.com/azure/ai-services/recover-purge-resources",
    },
)


def ledger_of(evidence: Path) -> Path:
    """Give the path of the ledger that belongs to an evidence file."""
    return evidence.with_name(evidence.name + ".jsonl")


def certificate_of(evidence: Path) -> Path:
    """Give the path of the printable page that belongs to an evidence file."""
    return evidence.with_suffix(".html") if evidence.suffix != ".html" else evidence.with_suffix(".certificate.html")


def exit_code(outcomes: list[Outcome], stopped: int, unmatched: list[str]) -> int:
    """Give the code of the command line's contract: 4 for residue, 5 for a refusal, 3 for a part, else 0."""
    states = {outcome.state for outcome in outcomes}
    if stopped:
        return stopped
    if RESIDUE in states:
        return 4
    return 3 if states & {FAILED, LEFT, UNPROVED} or unmatched else 0


def verdict(code: int, outcomes: list[Outcome]) -> str:
    """Say in words what an exit code means here."""
    if code == 0:
        return "erased: everything in the plan is gone" if outcomes else "nothing to delete: nothing of this is there"
    words = {3: "done in part", 4: "residue: deleted, but still there", 5: "refused or not reachable"}
    return words.get(code, "stopped")


def make(ledger: Ledger, plan: Json, outside: list[Json], stopped: int = 0) -> Json:
    """Give the evidence document, and close the ledger with its hash.

    `plan` is the plan's JSON, `outside` what no operation deletes, `stopped` the exit code of what stopped the run.
    """
    outcomes = outcomes_of(ledger.events)
    told = {outcome.id for outcome in outcomes}  # by this run or one that was cut off before it
    nowhere = [value for value in plan["unmatched"] if value.rpartition(" ")[2] not in told]
    code = exit_code(outcomes, stopped, nowhere)
    document: Json = {
        "format": FORMAT,
        "tool": f"cv-gdpr {__version__}",
        "endpoint": plan["endpoint"],
        "started": ledger.events[0]["at"],
        "finished": now(),
        "verdict": verdict(code, outcomes),
        "exitCode": code,
        "scope": plan["scope"],
        "planHash": plan["hash"],
        "counts": counted(outcomes),
        "projects": [_project(project, outcomes) for project in plan["projects"]],
        "protected": plan["protected"],
        "notFound": nowhere,
        "items": as_json(outcomes),
        "residue": as_json(outcome for outcome in outcomes if outcome.state == RESIDUE),
        "outsideTheApi": outside,
        "retention": list(RETENTION),
    }
    ledger.write("closed", planHash=plan["hash"], scope=plan["scope"], exitCode=code, evidence=_digest(document))
    bound = {"file": ledger.path.name, "lines": len(ledger.events), "last": ledger.last}
    return document | {"ledger": bound}


def _digest(document: Json) -> str:
    """Give the hash of an evidence document, without its own word on the ledger that holds this hash."""
    told = {name: value for name, value in document.items() if name != "ledger"}
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _project(project: Json, outcomes: list[Outcome]) -> Json:
    kept = ("id", "whole", "only_in_iterations", "exported_models", "iterations_holding")
    names = ("id", "whole", "imagesOnlyInIterations", "exportedModels", "iterationsTrainedOnThem")
    shown = {name: project[field] for name, field in zip(names, kept, strict=True)}
    if not project["rows"].get("iterations"):
        shown["exportedModels"] = None  # nobody counted: no iteration was to go
    states = [outcome.state for outcome in outcomes if (outcome.row, outcome.id) == ("projects", project["id"])]
    return shown | {"unpublished": sorted(project["published"]), "state": states[0] if states else None}


def write(path: Path, text: str) -> None:
    """Write a file of the evidence, readable by its owner only; raises StorageError."""
    temporary = path.with_name(f".{path.name}.part")
    with storing(path):
        file = HashedFile(temporary)
        try:
            file.write(text.encode(errors="xmlcharrefreplace"))
            file.rename(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def check(path: Path) -> list[str]:
    """Check a ledger's chain, and evidence against its ledger; give each difference. Raises UsageError."""
    if path.suffix == ".jsonl":
        return _check_chain(path, read_chain(path))
    evidence = _read(path)
    ledger = ledger_of(path)
    if not ledger.is_file():
        return [f"{ledger.name}: the ledger is missing"]
    chain = read_chain(ledger)
    return _check_chain(ledger, chain) or _compared(ledger, evidence, chain)


def _check_chain(path: Path, chain: Chain) -> list[str]:
    if chain.broken:
        return [f"{path.name}: {chain.broken}"]
    if chain.torn:
        return [f"{path.name}: its end is torn, as by a run that was cut off"]
    if not chain.events or chain.events[0].get("event") != "opened":
        return [f"{path.name}: not a ledger of cv-gdpr"]
    if chain.events[-1].get("event") != "closed":
        return [f"{path.name}: it was never closed: the run was cut off"]
    return []


def _read(path: Path) -> Json:
    try:
        evidence: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is neither a folder nor JSON") from error
    if not isinstance(evidence, dict) or evidence.get("format") != FORMAT:
        raise UsageError(f"{path} is not evidence of cv-gdpr")
    return evidence


def _compared(ledger: Path, evidence: Json, chain: Chain) -> list[str]:
    try:
        return _compare(evidence, chain)
    except (KeyError, TypeError, ValueError, AttributeError):  # whoever forges lines may forge anything
        return [f"{ledger.name}: holds a line that cv-gdpr does not write"]


def _compare(evidence: Json, chain: Chain) -> list[str]:
    """Tell the story again from the ledger, and compare."""
    opened, closed = chain.events[0], chain.events[-1]
    outcomes = outcomes_of(chain.events)
    stated = {
        "items": as_json(outcomes),
        "counts": counted(outcomes),
        "residue": as_json(outcome for outcome in outcomes if outcome.state == RESIDUE),
        "endpoint": opened.get("endpoint"),
        "planHash": closed.get("planHash"),
        "exitCode": closed.get("exitCode"),
        "scope": closed.get("scope"),
        "verdict": verdict(int(closed.get("exitCode", 1)), outcomes),
    }
    differences = [name for name, value in stated.items() if evidence.get(name) != value]
    bound = evidence.get("ledger")
    if not isinstance(bound, dict) or (bound.get("lines"), bound.get("last")) != (len(chain.events), chain.last):
        differences.append("ledger")
    if not differences and _digest(evidence) != closed.get("evidence"):
        return ["the evidence was changed after it was written: the ledger holds another hash of it"]
    return [f"{name}: not what the ledger tells" for name in differences]
