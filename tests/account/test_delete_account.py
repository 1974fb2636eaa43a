"""`delete account`: what is refused, what the plan says, what is deleted and purged, and what the evidence proves."""

import dataclasses
import json
import os
import subprocess
import sys

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.catalogue import faults
from custom_vision_simulator.records import Lock
from tests.account.azure import asked, identity_of, manager_of, one_line
from tests.delete.erasing import environment
from tests.platforms import pty
from tests.profiles.profiling import Config
from tests.test_json import checked, generate, schemas  # noqa: F401 - fixtures

CHANGES = {"AccountsDelete", "DeletedAccountsPurge"}
BARE = {"CV_GDPR_TRAINING_KEY": "", "CV_GDPR_ENDPOINT": ""}


def sent(azure):
    """Return the changes that Resource Manager was asked for."""
    return [one for one in asked(azure.sim) if one in CHANGES]


def places(azure):
    """Return whether the resource is live, and whether it can be recovered."""
    accounts, name = azure.accounts, azure.sim.options.account_name
    return name in accounts.live, name in accounts.deleted


# --- refused before anything is sent ------------------------------------------------------------------------------

REFUSED = {
    # case: (words of the command, words of the error)
    "a wrong name": (("--confirm", "other"), "not the name of the resource"),
    "the id as the name": (("--confirm", "/subscriptions/x"), "not the name of the resource"),
    "no such resource": (("--resource-id", "IDx"), "there is no resource simulatedx"),
    "another resource": (("--resource-id", "ID-Prediction"), "is another resource than the one with"),
    "a project": (("--project", "Project 1"), "deletes the whole resource"),
    "a selector": (("--all", "--tag", "x"), ""),
    "a saved plan": (("--plan", "plan.json"), ""),
    "a plan to save": (("--save-plan", "plan.json"), "deletes the whole resource"),
    "all profiles": (("--all-profiles",), ""),
    "a protected project": (("--protect", "Project 1"), "protected"),
    "too many items": (("--max-delete", "1"), "max-delete"),
    "no export": (("--require-export", "nowhere"), "is not a folder"),
    "evidence of another name": (("--evidence", "e.txt"), "does not end in .json"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_changes_nothing(shared, case):
    arguments, words = REFUSED[case]
    ran = shared.delete(*[word.replace("ID", shared.sim.resource_id) for word in arguments])
    assert ran.code == 2, ran.out + ran.err
    assert words in one_line(ran.err, "Error:")
    assert sent(shared) == []
    assert not list(shared.folder.glob("*.json*"))


@pytest.mark.parametrize("kind", ["CognitiveServices", "AIServices", "OpenAI"])
def test_a_resource_of_other_services_stays(azure, kind):
    azure.sim.options.account_kind = kind
    ran = azure.delete("--purge")
    assert ran.code == 2
    assert f"is of kind {kind}: what other services keep in it would go" in one_line(ran.err, "Error:")
    assert places(azure) == (True, False)
    assert sent(azure) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("account", "--yes"), "--yes needs --confirm NAME"),
        (("account",), "no terminal to confirm on"),
        (("--all", "--yes", "--purge"), "--purge belongs to delete account"),
        (("images", "--all", "--yes", "--confirm", "simulated"), "--confirm belongs to delete account"),
    ],
)
def test_a_confirmation_is_needed(shared, words, message):
    ran = shared("delete", *words)
    assert ran.code == 2
    assert message in one_line(ran.err, "Error:")
    assert sent(shared) == []


@pytest.mark.parametrize("name", ["YES", "CONFIRM", "PURGE"])
def test_no_variable_confirms(shared, name):
    ran = shared("delete", "account", **{f"CV_GDPR_DELETE_{name}": "1"})
    assert ran.code == 2
    assert f"CV_GDPR_DELETE_{name} is set" in ran.err


GUARDS = {"--protect": "Project 1", "--max-delete": "99"}


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("why", ["no key", "an error"])
def test_a_guard_needs_the_contents(shared, guard, why):
    if why == "an error":
        shared.sim.fault(Fault("GetProjects", status=500, times=None))
    ran = shared.delete(guard, GUARDS[guard], **({"CV_GDPR_TRAINING_KEY": ""} if why == "no key" else {}))
    assert ran.code == 2
    assert "could not be read, nor checked" in one_line(ran.err, "Error:")
    assert sent(shared) == []


def test_delete_all_leaves_the_resource(azure):
    azure.sim.fill(images=2, image_bytes=64)
    ran = azure("delete", "--all", "--yes", "--wait", "0.4", "--evidence", "e.json")
    assert ran.code == 0, ran.err
    assert "cv-gdpr delete account --resource-id ID" in ran.out
    assert places(azure) == (True, False)
    assert asked(azure.sim) == []


# --- the plan -----------------------------------------------------------------------------------------------------


def test_a_dry_run_shows_what_dies_and_what_stays(shared, change):
    change(locks=(Lock("keep", "CanNotDelete"),))
    ran = shared("delete", "account", "--dry-run")
    assert ran.code == 0, ran.err
    (project,) = shared.sim.store.projects.values()
    for words in (
        "Would be deleted: the Azure resource simulated",
        shared.sim.resource_id,
        "kind      CustomVision.Training",
        "location  westeurope",
        "tags      team=vision",
        "locks     keep (CanNotDelete)",
        f"deleted with it: project {project.name} ({project.id}): 2 images, 1 iteration, 0 exported models, 1 stored",
        "stays: simulated-Prediction (CustomVision.Prediction)",
        "Azure keeps it recoverable for 48 hours",
        "signed in as Microsoft Entra ID: object ",
    ):
        assert words in ran.out
    assert sent(shared) == []
    assert not list(shared.folder.iterdir())


def test_a_dry_run_as_a_document(shared, checked):  # noqa: F811
    ran = shared("delete", "account", "--dry-run", "--purge", "--json")
    document = checked(ran, "cv-gdpr-account-plan/1", code=0, retryable=False)
    assert (document["kind"], document["live"], document["purge"]) == ("CustomVision.Training", True, True)
    (project,) = document["projects"]
    assert project["rows"]["images"] == 2
    assert document["siblings"] == ["simulated-Prediction (CustomVision.Prediction)"]
    assert document["signedInAs"].startswith("Microsoft Entra ID: object ")


UNREAD = {
    # case: (variables, fault, words)
    "no key": ({"CV_GDPR_TRAINING_KEY": ""}, None, "no training key and no --auth entra"),
    "no key and no endpoint": (BARE, None, "no training key and no --auth entra"),
    "a refusal": ({}, Fault("GetProjects", status=403, times=None), "GetProjects"),
}


@pytest.mark.parametrize("case", UNREAD)
def test_contents_that_cannot_be_read_are_named(shared, case):
    variables, fault, words = UNREAD[case]
    if fault:
        shared.sim.fault(fault)
    ran = shared("delete", "account", "--dry-run", **variables)
    assert ran.code == 0, ran.err
    assert words in one_line(ran.out, "deleted with it: what it holds, which is unknown: ")


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [(("--auth", "entra"), BARE), ((), {"CV_GDPR_ENDPOINT": ""})],
    ids=["signed in with entra", "a key alone"],
)
def test_contents_are_read_at_the_resource_s_endpoint(shared, arguments, variables):
    ran = shared("delete", "account", "--dry-run", *arguments, **variables)
    assert ran.code == 0, ran.err
    assert "2 images, 1 iteration" in one_line(ran.out, "deleted with it: ")


def test_a_region_s_endpoint_takes_no_token(azure):
    azure.accounts.live["simulated"].endpoint = f"{REGION}/"
    ran = azure("delete", "account", "--dry-run", "--auth", "entra", **BARE)
    assert ran.code == 0, ran.err
    assert "the endpoint of a region does not take" in one_line(ran.out, "deleted with it: ")


def test_a_typed_subscription_beats_an_id_elsewhere(azure, tmp_path):
    config = Config(tmp_path / "config")
    other = {
        "CV_GDPR_RESOURCE_ID": azure.sim.resource_id,
        "CV_GDPR_ENDPOINT": "http://127.0.0.1:9",
        "CV_GDPR_CONFIG": str(config.path),
    }
    config.add("one", azure.sim, resource_id=f'"{azure.sim.resource_id}"')
    for words in ((), ("--profile", "one", "--endpoint", "http://127.0.0.1:9")):
        ran = azure.delete("--subscription", azure.sim.subscription, *words, **other)
        assert ran.code == 2, ran.out
        assert "no resource of subscription" in one_line(ran.err, "Error:")
    assert sent(azure) == []


def lock(sim):
    """Arm the named fault of a lock."""
    for fault in faults("arm-locked"):
        sim.fault(fault)


@pytest.mark.parametrize(("name", "code"), [("SIMULATED", 3), ("simulate", 2)])
def test_a_name_has_no_case(shared, name, code):
    lock(shared.sim)  # so that nothing is deleted
    ran = shared("delete", "account", "--yes", "--confirm", name, "--evidence", shared.folder / "e.json")
    assert ran.code == code, ran.err
    assert len(sent(shared)) == (code == 3)


def test_the_plan_shows_the_lock_of_the_fault(shared):
    lock(shared.sim)
    ran = shared("delete", "account", "--dry-run")
    assert ran.code == 0, ran.err
    assert "locks     simulated (CanNotDelete)" in ran.out


@pytest.mark.parametrize(("operation", "word"), [("LocksList", "locks"), ("AccountsList", "stays:")])
def test_a_part_that_may_not_be_read_is_named(shared, change, operation, word):
    change(denied=frozenset({operation}))
    ran = shared("delete", "account", "--dry-run")
    assert ran.code == 0
    assert "could not be read: " in one_line(ran.out.replace("  locks", "locks"), word)


# --- deleted and purged -------------------------------------------------------------------------------------------

OUTCOMES = {
    # case: (options of the simulator, fault, arguments, exit code, state of each row, live, recoverable)
    "deleted": ({}, None, (), 0, {"account": "deleted"}, (False, True)),
    "deleted and purged": (
        {},
        None,
        ("--purge",),
        0,
        {"account": "deleted", "recoverable account": "deleted"},
        (False, False),
    ),
    "after waiting": (
        {"account_delete_seconds": 0.3, "purge_seconds": 0.3},
        None,
        ("--purge", "--wait", "10"),
        0,
        {"account": "deleted", "recoverable account": "deleted"},
        (False, False),
    ),
    "a wait that is too short": ({"account_delete_seconds": 60}, None, (), 4, {"account": "residue"}, (True, False)),
    "too short for both": (
        {"account_delete_seconds": 60},
        None,
        ("--purge",),
        4,
        {"account": "residue", "recoverable account": "left"},
        (True, False),
    ),
    "a purge that takes longer": (
        {"purge_seconds": 60},
        None,
        ("--purge",),
        4,
        {"account": "deleted", "recoverable account": "residue"},
        (False, True),
    ),
    "a lock": ({"locks": (Lock("keep"),)}, None, (), 3, {"account": "failed"}, (True, False)),
    "a lock, with a purge": (
        {"locks": (Lock("keep"),)},
        None,
        ("--purge",),
        3,
        {"account": "failed", "recoverable account": "left"},
        (True, False),
    ),
    "no right to delete": (
        {"denied": frozenset({"AccountsDelete"})},
        None,
        (),
        3,
        {"account": "failed"},
        (True, False),
    ),
    "no right to purge": (
        {"denied": frozenset({"DeletedAccountsPurge"})},
        None,
        ("--purge",),
        3,
        {"account": "deleted", "recoverable account": "failed"},
        (False, True),
    ),
    "an answer that lies": (
        {},
        Fault("AccountsDelete", status=200, body=b"", times=None),
        (),
        4,
        {"account": "residue"},
        (True, False),
    ),
    "dropped once it was done": (
        {},
        Fault("AccountsDelete", drop=True, done=True),
        (),
        0,
        {"account": "deleted"},
        (False, True),
    ),
    "a look that fails": (
        {},
        Fault("AccountsList", status=500, after=1, times=None),
        (),
        3,
        {"account": "not verified"},
        (False, True),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", OUTCOMES)
def test_the_evidence_says_what_was_done(azure, case):
    options, fault, arguments, code, states, after = OUTCOMES[case]
    for name, value in options.items():
        setattr(azure.sim.options, name, value)
    if fault:
        azure.sim.fault(fault)
    ran = azure.delete(*arguments)
    assert ran.code == code, ran.out + ran.err
    assert azure.states() == states
    assert places(azure) == after
    assert azure.verified() == 0
    assert azure.evidence["runs"][0]["signedInAs"].startswith("Microsoft Entra ID: object ")
    answers = {one["row"]: one for one in azure.evidence["items"] if one["status"]}
    assert all(one["requestId"] for one in answers.values())


WORDS = {
    # case: (options, arguments, words on standard error)
    "a lock": ({"locks": (Lock("keep"),)}, (), "remove the lock first"),
    "no right to delete": ({"denied": frozenset({"AccountsDelete"})}, (), "the role Contributor at the resource"),
    "no right to purge": (
        {"denied": frozenset({"DeletedAccountsPurge"})},
        ("--purge",),
        "the role Contributor at the subscription",
    ),
}


@pytest.mark.parametrize("case", WORDS)
def test_a_refused_change_says_what_to_do(azure, case):
    options, arguments, words = WORDS[case]
    for name, value in options.items():
        setattr(azure.sim.options, name, value)
    ran = azure.delete(*arguments)
    assert words in one_line(ran.err, "Warning:")


HINTS = {
    # case: (options, arguments, words of the last line)
    "a lock": ({"locks": (Lock("keep"),)}, (), "Hint: remove the lock (Azure portal, Locks); then the same command"),
    "no right": ({"denied": frozenset({"AccountsDelete"})}, (), "needs the role Contributor at the resource; then"),
    "no right to purge": (
        {"denied": frozenset({"DeletedAccountsPurge"})},
        ("--purge",),
        "needs the role Contributor at the subscription; then",
    ),
}


@pytest.mark.parametrize("case", HINTS)
def test_what_must_be_done_first_is_the_hint(azure, case):
    options, arguments, words = HINTS[case]
    for name, value in options.items():
        setattr(azure.sim.options, name, value)
    ran = azure.delete(*arguments)
    assert words in one_line(ran.err, "Hint:")
    assert " of project " not in one_line(ran.err, "Left:")


def test_without_a_terminal_both_options_are_named(shared):
    ran = shared("delete", "account")
    assert "give --yes --confirm NAME, the name of the resource," in one_line(ran.err, "Hint:")


def test_a_key_that_is_missing_deletes_nothing(azure, tmp_path):
    ran = azure.delete("--sign", tmp_path / "none")
    assert (ran.code, one_line(ran.err, "Hint:")) == (2, "Hint: nothing was deleted")
    assert azure.accounts.live


def test_an_option_of_the_account_deletes_nothing_else(shared):
    ran = shared("delete", "--all", "--yes", "--confirm", "x")
    assert ran.code == 2
    assert one_line(ran.err, "Hint:") == "Hint: nothing was deleted"


def test_it_says_until_when_it_can_be_recovered(azure):
    ran = azure.delete()
    (deleted,) = azure.accounts.deleted.values()
    until = azure.accounts.purge_date(deleted)
    words = {one["row"]: one["words"] for one in ran.json["outsideTheApi"]}
    assert f"it can be recovered until {until:%Y-%m-%dT%H:%M:%S}" in words["account"]
    assert "Deleted upon account deletion" in words["exports"]
    page = azure.last.with_suffix(".html").read_text()
    assert "can be recovered until" in page
    assert azure.sim.resource_id in page


def test_the_sibling_does_not_die(azure):
    assert azure.delete("--purge").code == 0
    assert list(azure.accounts.live) == ["simulated-prediction"]


def test_a_deleted_resource_is_purged_later(azure):
    assert azure.delete(**BARE).code == 0
    ran = azure.delete(**BARE)
    assert ran.code == 2
    assert "is deleted already" in one_line(ran.err, "Error:")
    assert "--purge" in one_line(ran.err, "Hint:")
    assert "Would be purged" in azure("delete", "account", "--purge", "--dry-run", **BARE).out

    ran = azure.delete("--purge", **BARE)
    assert ran.code == 0, ran.err
    assert azure.states() == {"recoverable account": "deleted"}
    assert places(azure) == (False, False)
    assert azure.verified() == 0

    ran = azure.delete("--purge", **BARE)
    assert ran.code == 2
    assert "there is no resource" in one_line(ran.err, "Error:")


@pytest.mark.slow
def test_require_export_judges_the_contents(azure):
    azure.sim.fill(images=3, image_bytes=64)
    out = azure.folder / "bag"
    assert azure("export", "--all", "--out", out).code == 0
    (project,) = azure.sim.store.projects.values()
    azure.sim.fill(images=1, image_bytes=64, seed=7)
    ran = azure.delete("--require-export", out)
    assert ran.code == 2
    assert "does not hold" in ran.err
    assert places(azure) == (True, False)

    for other in [one for one in azure.sim.store.projects if one != project.id]:
        del azure.sim.store.projects[other]
    ran = azure.delete("--require-export", out)
    assert ran.code == 0, ran.err
    assert f"exported: {out} holds all of it, and verifies" in ran.err


NOT_EXPORTED = {
    # case: (what is exported, variables of the export, words)
    "no account": (("tags", "--all"), {}, "not there, or not from Resource Manager"),
    "only by hand": (("--all",), {"CV_GDPR_RESOURCE_ID": ""}, "not there, or not from Resource Manager"),
    "of another resource": (("account",), {"CV_GDPR_RESOURCE_ID": "ID-Prediction"}, "is of another resource"),
}


@pytest.mark.parametrize("case", NOT_EXPORTED)
def test_require_export_demands_the_account(shared, case):
    words, variables, message = NOT_EXPORTED[case]
    named = {name: value.replace("ID", shared.sim.resource_id) for name, value in variables.items()}
    unnamed = {"CV_GDPR_ENDPOINT": ""} if named.get("CV_GDPR_RESOURCE_ID") else {}
    out = shared.folder / "bag"
    assert shared("export", *words, "--out", out, **named, **unnamed).code == 0
    ran = shared.delete("--require-export", out)
    assert ran.code == 2
    assert message in one_line(ran.err, "Error:")
    assert sent(shared) == []


def test_require_export_demands_the_whole_account(shared):
    shared.sim.fault(Fault("AccountsListUsages", status=500, times=None))
    out = shared.folder / "bag"
    assert shared("export", "--all", "--accept-missing", "--out", out).code == 3
    ran = shared.delete("--require-export", out)
    assert ran.code == 2
    assert "lacks a part of the account: Accounts-ListUsages" in one_line(ran.err, "Error:")


def test_require_export_counts_for_a_prediction_resource(azure):
    resource = ("--resource-id", f"{azure.sim.resource_id}-Prediction")
    bag, bare = azure.folder / "bag", {**BARE}
    assert azure("export", "account", *resource, "--out", bag, **bare).code == 0
    named = (*resource, "--confirm", "simulated-Prediction", "--require-export")
    assert azure.delete(*named, azure.folder, **bare).code == 2
    assert azure.delete(*named, bag, **bare).code == 0


@pytest.mark.parametrize("what", ["a state", "a request id", "the ledger"])
def test_tampering_is_found(azure, what):
    assert azure.delete().code == 0
    path = azure.last if what != "the ledger" else azure.last.with_suffix(".jsonl")
    text = path.read_text()
    request_id = azure.evidence["items"][0]["requestId"]
    old, new = {
        "a state": ('"deleted"', '"residue"'),
        "a request id": (request_id, request_id[::-1]),
        "the ledger": ('"status":200', '"status":202'),
    }[what]
    assert old in text
    path.write_text(text.replace(old, new))
    assert azure.verified() == 4


def test_evidence_of_a_finished_deletion_is_kept(azure):
    assert azure.delete(evidence="e.json").code == 0
    ran = azure.delete(evidence="e.json")
    assert ran.code == 2
    assert "finished erasure" in ran.err


def token_of(calls):
    """Return the token of the last call."""
    return calls[-1].headers["Authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize("operation", ["AccountsGet", "AccountsDelete", "DeletedAccountsPurge"])
def test_a_token_that_an_answer_repeats_is_not_written(azure, operation):
    calls = azure.sim.resource_manager_calls

    def echo(answer):
        token = token_of(calls)
        body = json.dumps({"error": {"code": token, "message": f"no: {token}"}}).encode()
        return dataclasses.replace(answer, status=409, body=body, headers={"x-ms-request-id": f"{token}{'x' * 9000}"})

    azure.sim.fault(Fault(operation, times=None, edit=echo))
    ran = azure.delete("--purge", "-v")
    assert "Resource Manager answered 409: no: (the key)" in ran.err
    token = token_of(calls)
    written = [ran.out, ran.err, *(path.read_text() for path in azure.folder.iterdir())]
    for part in token.split("."):
        assert not any(part[at : at + 20] in text for text in written for at in range(0, len(part) - 20, 20))
    assert not any("x" * 65 in text for text in written)


def test_a_request_id_of_another_form_is_left_out(azure):
    azure.sim.fault(Fault("AccountsDelete", times=None, headers={"x-ms-request-id": "a b" * 9000}))
    assert azure.delete().code == 0
    assert azure.evidence["items"][0]["requestId"] == ""
    assert azure.verified() == 0


# --- a person -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "code"), [("simulated", 0), ("Simulated", 0), ("yes", 2), ("", 2), ("\x04", 130)])
def test_a_person_types_the_name_of_the_resource(azure, answer, code):
    sim = azure.sim
    variables = environment(sim) | identity_of(sim) | manager_of(sim)
    ours, theirs = pty.openpty()
    words = ("delete", "account", "--json", "--evidence", "e.json")
    with subprocess.Popen(
        [sys.executable, "-m", "cv_gdpr", *words],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=variables,
        text=True,
    ) as process:
        os.write(ours, f"{answer}\n".encode())
        out, err = process.communicate(timeout=30)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == code, err
    assert "type the name of the resource (simulated)" in err
    assert "Would be deleted: the Azure resource simulated" in err
    assert "signed in as Microsoft Entra ID" in err
    assert places(azure) == (code != 0, code == 0)
    assert not out or json.loads(out)["exitCode"] == code


def test_a_guard_that_cannot_be_checked_refuses_the_purge(azure):
    azure.sim.fill(images=1, image_bytes=64)
    assert azure.delete().code == 0
    before = sent(azure)

    ran = azure.delete("--purge", "--max-delete", "99")

    assert ran.code == 2, ran.err
    assert "could not be read" in ran.err
    assert sent(azure) == before


def test_what_no_list_has_is_not_called_purged(azure):
    azure.sim.fault(Fault("DeletedAccountsGet", status=404, times=None))
    azure.sim.fault(Fault("DeletedAccountsList", body={"value": []}, times=None))

    ran = azure.delete()

    assert ran.code == 0, ran.err
    assert "unknown" in ran.out
    assert "can no longer be recovered" not in ran.out


@pytest.mark.parametrize("looks", [1, 3])
def test_a_purge_waits_until_the_resource_is_listed(azure, looks):
    """Azure answers 204 to the purge of a resource that it does not list."""
    azure.sim.fault(Fault("DeletedAccountsGet", status=404, times=looks))
    azure.sim.fault(Fault("DeletedAccountsList", body={"value": []}, times=looks))
    ran = azure.delete("--purge", wait="10")
    assert ran.code == 0, ran.err
    assert azure.states() == {"account": "deleted", "recoverable account": "deleted"}
    assert "purged: it can no longer be recovered" in ran.out
    assert places(azure) == (False, False)


def create_anew(answer):
    """Return an answer that describes another resource of the same name."""
    body = json.loads(answer.body)
    body["properties"]["internalId"] = "another"
    return dataclasses.replace(answer, body=json.dumps(body).encode())


UNSEEN = {
    # case: (fault of Get, fault of List, words of the reason)
    "never listed": ({"status": 404}, {"body": {"value": []}}, "did not list it among the deleted resources in time"),
    "a look that fails": ({"status": 403}, {}, "the service answered 403"),
    "another one of its name": ({"edit": create_anew}, {}, "lists another deleted resource of its name"),
}


@pytest.mark.parametrize("case", UNSEEN)
def test_what_was_not_seen_is_not_purged(azure, case):
    for operation, what in zip(("DeletedAccountsGet", "DeletedAccountsList"), UNSEEN[case], strict=False):
        if what:
            azure.sim.fault(Fault(operation, times=None, **what))
    ran = azure.delete("--purge")
    assert ran.code == 3, ran.err
    assert azure.states() == {"account": "deleted", "recoverable account": "left"}
    assert UNSEEN[case][2] in azure.evidence["items"][1]["reason"]
    assert UNSEEN[case][2] in one_line(ran.err, "Warning:")
    assert "can no longer be recovered" not in ran.out
    assert ran.json["retryable"]
    assert sent(azure) == ["AccountsDelete"]
    assert places(azure) == (False, True)
    assert azure.verified() == 0


def test_a_deleted_resource_of_another_endpoint_stays(azure):
    assert azure.delete().code == 0
    ran = azure.delete("--purge", "--endpoint", "https://another.cognitiveservices.azure.com")
    assert ran.code == 2
    assert "is another resource than the one with the endpoint" in one_line(ran.err, "Error:")
    assert places(azure) == (False, True)


def test_a_resource_created_anew_after_the_plan_stays(azure):
    azure.sim.fault(Fault("AccountsGet", after=1, times=None, edit=create_anew))
    ran = azure.delete()
    assert ran.code == 2
    assert "was created anew since the plan was shown" in one_line(ran.err, "Error:")
    assert sent(azure) == []


REGION = "https://westeurope.api.cognitive.microsoft.com"


@pytest.mark.parametrize(
    ("key", "words"),
    [("0" * 32, "the key is not one of this resource"), ("", "the proxy that HTTPS_PROXY names")],
)
def test_a_region_s_endpoint_is_judged_by_the_key(azure, key, words):
    azure.accounts.live["simulated"].endpoint = f"{REGION}/"
    variables = {"CV_GDPR_TRAINING_KEY": key or azure.sim.training_key, "HTTPS_PROXY": "http://127.0.0.1:9"}
    ran = azure.delete("--max-delete", "1", "--endpoint", REGION, **variables)
    assert ran.code == 2
    assert words in one_line(ran.err, "Error:")
    assert sent(azure) == []


def test_a_deleted_resource_is_found_by_its_endpoint(azure):
    by_endpoint = {"CV_GDPR_RESOURCE_ID": "", "CV_GDPR_SUBSCRIPTION": azure.sim.options.subscription}
    assert azure.delete(**by_endpoint).code == 0
    assert places(azure) == (False, True)
    ran = azure.delete("--purge", **by_endpoint)
    assert ran.code == 0, ran.err
    assert places(azure) == (False, False)
