"""Every forgery that was tried, as one table: with anchors each is found; without, what contradicts itself."""

import shutil
import time
from datetime import datetime, timedelta

import pytest

from tests.sealing.forging import (
    ALL,
    OLDER,
    OTHER_TEXT,
    ZEROS,
    all_of_the_other,
    alter,
    altered_dates,
    altered_id,
    appended,
    by,
    ending,
    line_less,
    listed,
    listing,
    of_kind,
    of_the_other,
    on_page,
    renamed,
    signed_by_another,
    unplanned,
    unsigned,
    with_lines,
    without_page,
)
from tests.sealing.stamping import public, ssh_signature

ANOTHER_VERDICT = ending(verdict="erased: all pictures of the person")
HIDING = on_page(rb"<style>", b"<style>td { display: none }")
# Each forgery: what is done, and the exit code without anchors. With one or both of them it is 4.
FORGERIES = {
    "an id in the evidence": (alter(lambda one: one.replace(rb'"erased', b'"Erased', one.path)), 4),
    "... with its hash": (alter(lambda one: one.replace(rb'"erased', b'"Erased', one.path), "list_hashes"), 4),
    "the certificate's text": (alter(lambda one: one.replace(rb"Erased:", b"destroyed:", one.page)), 4),
    "... with its hash and a signature": (
        alter(lambda one: one.replace(rb"Erased:", b"destroyed:", one.page), "list_hashes", "sign"),
        4,
    ),
    "a duplicate key": (alter(lambda one: one.replace(rb"^\{", b'{"format":"x",', one.path), "list_hashes", "sign"), 4),
    "a line less": (alter(line_less, "list_hashes", "sign"), 4),
    "an id, in a re-hashed chain": (alter(altered_id, "rehash_chain", "list_hashes"), 4),
    "... signed by another": (alter(altered_id, "rehash_chain", "list_hashes", "sign"), 4),
    "... time-stamped and signed by others": (alter(altered_id, "rehash_chain", "stamp", "list_hashes", "sign"), 4),
    "... who are promised": (
        alter(altered_id, "promise_the_other_key", "rehash_chain", "stamp", "list_hashes", "sign"),
        0,
    ),
    "... without signature and time-stamp": (alter(altered_id, *ALL), 0),
    "dates, in a re-hashed chain": (alter(altered_dates, "rehash_chain", "list_hashes"), 4),
    "... time-stamped and signed by others ": (
        alter(altered_dates, "promise_the_other_key", "rehash_chain", "stamp", "list_hashes", "sign"),
        4,  # the time-stamp of the beginning is after the first deletion
    ),
    "... without signature and time-stamp ": (alter(altered_dates, *ALL), 0),
    "another's key": (alter(listed, "sign"), 4),
    "another's time-stamp": (alter(listed, "stamp", "list_hashes"), 4),
    "another's time-stamp and key": (
        alter(listed, "promise_the_other_key", "rehash_chain", "stamp", "list_hashes", "sign"),
        0,
    ),
    "no signature": (lambda one: one.signature.unlink(), 4),
    "no time-stamp": (alter(lambda one: one.token.unlink(), "list_hashes"), 4),
    "no time-stamp of the beginning": (alter(lambda one: one.begun.unlink(), "list_hashes"), 4),
    "the ledger of another erasure": (of_the_other, 4),
    "... with its hash ": (alter(of_the_other, "list_hashes"), 4),
    "signature and time-stamps of another erasure": (all_of_the_other, 4),
    "the token of the end at the beginning": (
        alter(lambda one: shutil.copy(one.token, one.begun), "list_hashes"),
        4,
    ),
    "no signature, but its time-stamp": (lambda one: one.remove_seals() or one.sign() or one.signature.unlink(), 4),
    "a signature with the time-stamp of the evidence": (lambda one: shutil.copy(one.token, one.signed_at), 4),
    "an empty signature": (lambda one: one.signature.write_bytes(b""), 4),
    "a page as a time-stamp": (alter(lambda one: one.token.write_bytes(b"<html>"), "list_hashes"), 4),
    # A forger names another version of cv-gdpr, which may have worded it otherwise.
    "another version": (unsigned(by(OLDER)), 0),
    "... and text of the certificate": (unsigned(by(OLDER), page=OTHER_TEXT), 3),
    "... signed and time-stamped by others": (signed_by_another(by(OLDER), page=OTHER_TEXT), 3),
    "... and style": (unsigned(by(OLDER), page=HIDING), 3),
    "... and a style that loads a picture": (
        unsigned(by(OLDER), page=on_page(rb"<style>", b"<style>td { background: url(//x) }")),
        4,
    ),
    "... and a script": (unsigned(by(OLDER), page=on_page(rb"</body>", b"<script></script></body>")), 4),
    "... and verdict": (unsigned(by(OLDER), ANOTHER_VERDICT), 3),
    "... and verdict, signed by another": (signed_by_another(by(OLDER), ANOTHER_VERDICT), 3),
    "this version, and another verdict": (unsigned(ANOTHER_VERDICT), 4),
    "this version, and nothing left for a person to do": (unsigned(ending(outsideTheApi=[])), 4),
    "no version": (unsigned(by("trust me 1.0")), 4),
    "a version with a command": (unsigned(by("cv-gdpr 1; rm -rf ~")), 4),
    # Times that run backwards.
    "a deletion before the plan": (unsigned(of_kind("calling", at="2020-01-01T00:00:00.000Z")), 4),
    "an answer after the end": (unsigned(of_kind("answered", at="2099-01-01T00:00:00.000Z")), 4),
    "the 30th of February": (unsigned(of_kind("calling", at="2026-02-30T00:00:00.000Z")), 4),
    "an end before the last look": (unsigned(ending(finished="2020-01-01T00:00:00.000Z")), 4),
    "an end after the last line": (unsigned(ending(finished="2099-01-01T00:00:00.000Z")), 4),
    "a plan after its deletions": (unsigned(listing), 4),
    "... signed and time-stamped by others ": (signed_by_another(listing), 4),
    # What the ledger does, and did not plan.
    "a deletion that was not planned": (unsigned(with_lines(unplanned)), 4),
    # Files of two erasures.
    "another erasure under this name": (renamed, 4),
    # Files that another reader may take otherwise.
    "no certificate, and none listed": (without_page, 4),
    "larger counts": (alter(lambda one: one.replace(rb'"deleted": \d+', b'"deleted": 99', one.path), "list_hashes"), 4),
    "not a number": (alter(lambda one: one.replace(rb'"exitCode": 0', b'"exitCode": NaN', one.path), "list_hashes"), 4),
    "a number of 5000 digits": (
        alter(lambda one: one.replace(rb'"exitCode": 0', b'"exitCode": 1' + b"0" * 5000, one.path), "list_hashes"),
        4,
    ),
    "a second document behind the evidence": (alter(appended("path", b'{"x":1}'), "list_hashes"), 4),
    "a blank line behind the evidence": (alter(appended("path", b"\n"), "list_hashes"), 4),
    "text behind the certificate": (alter(appended("page", b"more"), "list_hashes"), 4),
    "lines that end as on Windows": (alter(lambda one: one.replace(rb"\n", b"\r\n", one.ledger), "list_hashes"), 4),
    "a name more in the list": (appended("hashes", ZEROS + b"  notes.txt\n"), 4),
    "a name of another folder": (appended("hashes", ZEROS + b"  ../first.json\n"), 4),
    "a name that no file has": (appended("hashes", ZEROS + b"  a\0b\n"), 4),
    "a name with two hashes": (appended("hashes", ZEROS + b"  first.json\n"), 4),
    "a name that is spelled otherwise": (lambda one: one.replace(rb"first\.json\n", b"First.json\n", one.hashes), 4),
    "text behind the signature": (appended("signature", b"more\n"), 4),
    "two signatures": (lambda one: appended("signature", ssh_signature(one.keys.other, b"x"))(one), 4),
    "bytes behind the time-stamp": (appended("token", b"more"), 4),
    "a time-stamp of something else": (
        lambda one: one.token.write_bytes(one.other_authority.answer(one.other_authority.query(b"else"))),
        4,
    ),
    "a certificate of no command": (
        lambda one: shutil.copy(one.page, one.path.with_name("first.certificate.de.html")),
        4,
    ),
    "a signature for another purpose": (
        lambda one: one.signature.write_bytes(ssh_signature(one.keys.officer, one.hashes.read_bytes(), "git")),
        4,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery(cli, forged, anchors, name):
    forge, code = FORGERIES[name]
    forge(forged)

    assert cli("verify", forged.path).code == code
    assert [cli("verify", forged.path, *some).code for some in (anchors, anchors[:2], anchors[2:])] == [4, 4, 4]
    assert cli("verify", forged.path.with_name("second.json"), *anchors).code == 0


def test_untouched_files_are_verified_in_both_ways(cli, forged, anchors):
    assert [cli("verify", forged.path, *options).code for options in ((), anchors)] == [0, 0]


def test_making_the_files_again_changes_nothing(cli, forged, anchors):
    """The helpers of the table forge nothing by themselves."""
    forged.rehash_chain()
    forged.list_hashes()

    assert cli("verify", forged.path, *anchors).code == 0


# --- lists of allowed signers -------------------------------------------------------------------------------------

LISTS = {
    "another namespace": ('officer namespaces="git" {officer}', 4),
    "both namespaces": ('officer namespaces="git,cv-gdpr" {officer}', 0),
    "no namespace": ("officer {officer}", 0),
    "anybody": ("* {officer}", 0),
    "ended": ('officer valid-before="20200101" {officer}', 4),
    "not yet begun": ('officer valid-after="20990101" {officer}', 4),
    "within": ('officer valid-after="20200101",valid-before="20990101" {officer}', 0),
    "another key first": ("officer {other}\nofficer {officer}", 0),
    "only another": ("officer {other}", 4),
    "an authority's certificate": ("officer cert-authority {officer}", 4),
    "nonsense": ("nonsense", 4),
    "nobody": ("# nobody", 2),
    "empty": ("", 2),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_signers(cli, sealed, keys, tmp_path, name):
    text, code = LISTS[name]
    signers = tmp_path / "list"
    signers.write_text(text.format(officer=public(keys.officer), other=public(keys.other)) + "\n")

    assert cli("verify", sealed, "--signer", signers).code == code
    assert cli("verify", sealed, "--signer", tmp_path / "missing").code == 2


@pytest.fixture
def ended(cli, sealed, keys, tmp_path):
    """A list whose key ended after the evidence was signed, and before now."""
    stamped = datetime.fromisoformat(cli("verify", sealed, "--json").json["existed"]["time"]).astimezone()
    end = stamped + timedelta(seconds=2)
    signers = tmp_path / "list"
    signers.write_text(f'officer valid-before="{end:%Y%m%d%H%M%S}" {public(keys.officer)}\n')
    time.sleep(max(0.0, (end + timedelta(seconds=1) - datetime.now().astimezone()).total_seconds()))
    return signers


def test_a_key_is_valid_when_it_signed(cli, sealed, ended, anchors):
    """A key that ended since then still counts where a time-stamp proves when it signed."""
    ran = cli("verify", sealed, "--signer", ended, *anchors[2:])
    assert (ran.code, ", not later than 20" in ran.out) == (0, True)
    assert cli("verify", sealed, "--signer", ended).code == 4


def test_an_ended_key_signs_nothing_later(cli, forged, ended, anchors, authority):
    """The time-stamp of the evidence is true, and its signature is new: it does not date the signature."""
    forged.list_hashes()
    forged.sign(forged.keys.officer)
    forged.signed_at.unlink()

    ran = cli("verify", forged.path, "--signer", ended, *anchors[2:])

    assert ran.code == 4
    assert "expired" in ran.out
    assert cli("certify", forged.path, "--timestamp", authority.url).code == 0
    assert cli("verify", forged.path, "--signer", ended, *anchors[2:]).code == 4


def test_a_rotated_key_signs_later(cli, forged, anchors, authority, tmp_path):
    """The key began after the evidence was time-stamped, and signs it now."""
    forged.sign(forged.keys.officer)
    forged.signed_at.unlink()
    signers = tmp_path / "list"
    existed = datetime.fromisoformat(cli("verify", forged.path, "--json").json["existed"]["time"]).astimezone()
    start = existed + timedelta(seconds=1)
    signers.write_text(f'officer valid-after="{start:%Y%m%d%H%M%S}" {public(forged.keys.officer)}\n')
    time.sleep(max(0.0, (start + timedelta(seconds=1) - datetime.now().astimezone()).total_seconds()))
    ran = cli("verify", forged.path, "--signer", signers, *anchors[2:])
    assert (ran.code, "at an unknown time; it is valid now" in ran.out) == (0, True)

    assert cli("certify", forged.path, "--timestamp", authority.url).code == 0

    assert cli("verify", forged.path, "--signer", signers, *anchors[2:]).code == 0
    assert authority.accepts(forged.signed_at, forged.signature.read_bytes())


@pytest.mark.parametrize("name", ["tsa.pem", "ca.key", "tsa.cnf", "missing"])
def test_a_file_without_a_root_is_refused(cli, sealed, authority, name):
    assert cli("verify", sealed, "--tsa-certificate", authority.folder / name).code == 2


def test_leaf_and_root_in_one_file_are_taken(cli, sealed, authority, tmp_path):
    both = tmp_path / "chain.pem"
    both.write_bytes((authority.folder / "tsa.pem").read_bytes() + authority.root.read_bytes())

    assert cli("verify", sealed, "--tsa-certificate", both).code == 0
