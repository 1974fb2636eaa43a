"""Every forgery that was tried, as one table: with anchors each is found; without, what contradicts itself."""

import hashlib
import json
import re
import shutil
import time
from datetime import datetime, timedelta

import pytest

from cv_gdpr.evidence.ledger import chained
from tests.sealing.stamping import public, ssh_signature


class Forged:
    """Evidence in the hands of a forger, who may write its files, but has neither the key nor the authority."""

    def __init__(self, path, keys, other_authority):
        self.path, self.keys, self.other_authority = path, keys, other_authority
        self.ledger, self.page = path.with_suffix(".jsonl"), path.with_suffix(".html")
        self.hashes, self.signature = path.with_suffix(".sha256"), path.with_suffix(".sha256.sig")
        self.begun, self.token = path.with_suffix(".begin.tsr"), path.with_suffix(".tsr")
        self.signed_at = path.with_suffix(".sha256.sig.tsr")
        self.tokens = {self.begun: self.first_line, self.token: path.read_bytes}

    def first_line(self):
        return self.ledger.read_bytes().partition(b"\n")[0] + b"\n"

    def replace(self, pattern, new, *files):
        for file in files:
            content = file.read_bytes()
            assert re.search(pattern, content), (file, pattern)
            file.write_bytes(re.sub(pattern, new, content))

    def rehash_chain(self):
        """Rebuild the hashes of the chain, and make all that follows from the ledger again."""
        from cv_gdpr.evidence.files import documents

        previous, lines = b"0" * 64, []
        for line in self.ledger.read_bytes().splitlines():
            lines.append(re.sub(rb'"previous":"\w*"}$', b'"previous":"%s"}' % previous, line))
            previous = hashlib.sha256(lines[-1]).hexdigest().encode()
        content = b"".join(line + b"\n" for line in lines)
        self.ledger.write_bytes(content)
        chain = chained(content)
        assert not chain.broken, chain.broken
        for place, made in documents(self.path, chain).items():
            place.write_bytes(made)

    def list_hashes(self):
        """Make the list of hashes again, of the files that are there."""
        names = (self.path, self.page, self.ledger, *self.tokens)
        there = [one for one in names if one.exists()]
        self.hashes.write_bytes(
            b"".join(
                b"%s  %s\n" % (hashlib.sha256(one.read_bytes()).hexdigest().encode(), one.name.encode())
                for one in there
            )
        )

    def sign(self, key=None):
        """Sign the list of hashes with another key."""
        self.signature.write_bytes(ssh_signature(key or self.keys.other, self.hashes.read_bytes()))
        query = self.other_authority.query(self.signature.read_bytes())
        self.signed_at.write_bytes(self.other_authority.answer(query))

    def stamp(self):
        """Have everything time-stamped by another authority."""
        for token, content in self.tokens.items():
            token.write_bytes(self.other_authority.answer(self.other_authority.query(content())))

    def promise_nothing(self):
        """Take out of the ledger who was to sign and to time-stamp."""
        self.replace(rb',"signer":"[^"]*"', b"", self.ledger)
        self.replace(rb',"authority":"[^"]*"', b"", self.ledger)

    def promise_the_other_key(self):
        from tests.sealing.stamping import fingerprint

        new = fingerprint(self.keys.other).encode()
        self.replace(rb'"signer":"[^"]*"', b'"signer":"%s"' % new, self.ledger)

    def remove_seals(self):
        for one in (self.signature, self.signed_at, *self.tokens):
            one.unlink()


def altered_id(one):
    """Put another id in the place of a deleted image."""
    image = next(item["id"] for item in json.loads(one.path.read_text())["items"] if item["row"] == "images")
    one.replace(image.encode(), b"0badc0de-0000-4000-8000-000000000000", one.ledger)


def altered_dates(one):
    one.replace(rb"20[0-9]{2}-([0-9]{2}-[0-9]{2}T)", rb"2019-\1", one.ledger)


def listed(one):
    one.list_hashes()


def alter(edit, *steps):
    """Return a forgery: an edit of the files, and the names of further steps."""

    def forge(one):
        edit(one)
        for step in steps:
            getattr(one, step)()

    return forge


def line_less(one):
    lines = one.ledger.read_bytes().splitlines(keepends=True)
    one.ledger.write_bytes(b"".join(lines[:3] + lines[4:]))


def of_the_other(one):
    """Exchange the ledger by that of the second erasure."""
    shutil.copy(one.path.with_name("second.jsonl"), one.ledger)


def all_of_the_other(one):
    """Lay the signature and the time-stamps of the second erasure beside the first."""
    for file in (one.signature, one.signed_at, *one.tokens):
        shutil.copy(file.with_name(file.name.replace("first", "second")), file)


ALL = ("promise_nothing", "rehash_chain", "remove_seals", "list_hashes")
# Each forgery: what is done, and the exit code without anchors. With anchors it is 4.
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
    "a signature for another purpose": (
        lambda one: one.signature.write_bytes(ssh_signature(one.keys.officer, one.hashes.read_bytes(), "git")),
        4,
    ),
}


@pytest.fixture
def forged(sealed, keys, other_authority):
    return Forged(sealed, keys, other_authority)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery(cli, forged, anchors, name):
    forge, code = FORGERIES[name]
    forge(forged)

    assert cli("verify", forged.path).code == code
    ran = cli("verify", forged.path, *anchors)
    assert ran.code == 4
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
