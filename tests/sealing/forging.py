"""What a forger does to the files of an erasure: edits of each, and what makes the others fit them."""

import hashlib
import json
import re
import shutil

from cv_gdpr.evidence.events import event_of
from cv_gdpr.evidence.files import documents
from cv_gdpr.evidence.ledger import Chain
from cv_gdpr.evidence.records import TOOL
from tests.sealing.stamping import fingerprint, ssh_signature


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
        previous, lines = b"0" * 64, []
        for line in self.ledger.read_bytes().splitlines():
            lines.append(re.sub(rb'"previous":"\w*"}$', b'"previous":"%s"}' % previous, line))
            previous = hashlib.sha256(lines[-1]).hexdigest().encode()
        content = b"".join(line + b"\n" for line in lines)
        self.ledger.write_bytes(content)
        chain = Chain(content)  # without the checks that a forged ledger fails
        chain.last, chain.events = previous.decode(), [event_of(json.loads(line)) for line in lines]
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
        new = fingerprint(self.keys.other).encode()
        self.replace(rb'"signer":"[^"]*"', b'"signer":"%s"' % new, self.ledger)

    def remove_seals(self):
        for one in (self.signature, self.signed_at, *self.tokens):
            one.unlink()


def altered_id(one):
    """Put another id in the place of a deleted image."""
    image = next(item["id"] for item in json.loads(one.path.read_text())["items"] if item["row"] == "images")
    one.replace(image.encode(), b"0badc0de-0000-4000-8000-000000000000", one.ledger)


def dated(year):
    """Return an edit that moves all times of the ledger to another year."""
    return lambda one: one.replace(rb"20[0-9]{2}-([0-9]{2}-[0-9]{2}T)", rb"%s-\1" % year, one.ledger)


altered_dates = dated(b"2019")


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


def with_lines(edit):
    """Return an edit of the ledger's events, as JSON."""

    def forge(one):
        events = [json.loads(line) for line in one.ledger.read_bytes().splitlines()]
        edit(events)
        lines = (json.dumps(event, separators=(",", ":")).encode() for event in events)
        one.ledger.write_bytes(b"".join(line + b"\n" for line in lines))

    return forge


def of_kind(kind, **fields):
    """Return an edit that sets fields of the ledger's first event of a kind."""
    return with_lines(lambda events: next(one for one in events if one["event"] == kind).update(fields))


def ending(**fields):
    """Return an edit of what the ledger's last line states."""
    return with_lines(lambda events: events[-1]["document"].update(fields))


def listing(one):
    """Date the listing after the run; the verdict names its time, too."""
    stated = json.loads(one.first_line())["listedFrom"]
    one.replace(stated.encode(), b"2099-01-01T00:00:00Z", one.ledger)


def unplanned(events):
    """Delete another tag, which nothing planned; the evidence does not list it."""
    for one in events:
        if one.get("row") == "tags" and "ids" in one:
            one["ids"].append("0badc0de-0000-4000-8000-000000000000")


def by(tool):
    """Return an edit that says that another version wrote everything."""
    return lambda one: one.replace(f'"tool":"{TOOL}"'.encode(), f'"tool":"{tool}"'.encode(), one.ledger)


def on_page(old, new):
    """Return an edit of the certificate."""
    return lambda one: one.replace(old, new, one.page)


def appended(name, more):
    """Return an edit that appends bytes to one of the files."""

    def forge(one):
        file = getattr(one, name)
        file.write_bytes(file.read_bytes() + more)

    return forge


def renamed(one):
    """Rename the whole second erasure to the first."""
    for file in one.path.parent.glob("second.*"):
        shutil.copy(file, file.with_name(file.name.replace("second", "first")))


def without_page(one):
    one.page.unlink()
    lines = one.hashes.read_bytes().splitlines(keepends=True)
    one.hashes.write_bytes(b"".join(line for line in lines if b".html" not in line))


ALL = ("promise_nothing", "rehash_chain", "remove_seals", "list_hashes")
OLDER = "cv-gdpr 0.0.9"
OTHERS = ("promise_the_other_key", "rehash_chain", "stamp", "list_hashes", "sign")
ZEROS = b"0" * 64


def unsigned(*edits, page=None):
    """Return a forgery that nobody signs: edits of the ledger, and then one of the certificate made anew."""
    return _forgery(ALL, edits, page)


def signed_by_another(*edits, page=None):
    """Return the same, which another person signs and another authority time-stamps."""
    return _forgery(OTHERS, edits, page)


def _forgery(steps, edits, page):
    """Return what makes the edits, then takes the steps; the page is edited before the hashes are listed."""
    listing = steps.index("list_hashes")

    def forge(one):
        for edit in edits:
            edit(one)
        for step in steps[:listing]:
            getattr(one, step)()
        if page:
            page(one)
        for step in steps[listing:]:
            getattr(one, step)()

    return forge


OTHER_TEXT = on_page(rb"Erased", b"Destroyed")
