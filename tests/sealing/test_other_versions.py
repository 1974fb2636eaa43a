"""What another version of cv-gdpr wrote: compared where it is worded alike; otherwise who signed it vouches for it."""

import hashlib

import pytest

from cv_gdpr.evidence.records import TOOL
from tests.sealing.forging import OLDER, OTHER_TEXT, by, unsigned
from tests.sealing.stamping import ssh_signature


def older(forged, page):
    """Make what an older version left, unsigned and not time-stamped; `page` words its certificate otherwise."""
    unsigned(by(OLDER), page=page)(forged)
    return forged.path


@pytest.mark.parametrize("page", [None, OTHER_TEXT], ids=["in our words", "in other words"])
def test_who_signed_it_vouches_for_an_older_version(cli, forged, anchors, page):
    path = older(forged, page)
    forged.signature.write_bytes(ssh_signature(forged.keys.officer, forged.hashes.read_bytes()))

    alone, proven = cli("verify", path), cli("verify", path, *anchors[:2])

    assert (alone.code, proven.code) == (3 if page else 0, 0)
    assert ("pip install cv-gdpr==0.0.9" in alone.out) is (page is not None)
    assert ("officer@example.org vouches for it" in proven.out) is (page is not None)
    both = cli("verify", path, path.with_name("second.json"), *anchors[:2])
    assert (both.code, both.err) == (0, "")


def test_another_key_vouches_for_nothing(cli, forged, anchors):
    path = older(forged, OTHER_TEXT)
    forged.signature.write_bytes(ssh_signature(forged.keys.other, forged.hashes.read_bytes()))

    assert [cli("verify", path, *some).code for some in ((), anchors[:2])] == [3, 4]


def test_certify_signs_no_words_that_it_cannot_compare(cli, forged, keys, authority):
    path = older(forged, OTHER_TEXT)

    ran = cli("certify", path, "--sign", keys.officer)

    assert (ran.code, forged.signature.exists()) == (2, False)
    assert "pip install cv-gdpr==0.0.9" in ran.err
    assert cli("certify", path, "--timestamp", authority.url).code == 0


def test_a_further_certificate_of_another_version(cli, forged, keys):
    """It names its version itself, so that a forger of it need not touch the evidence."""
    unsigned()(forged)
    paper = forged.path.with_name("first.certificate.de.html")
    assert cli("certify", forged.path, "--lang", "de").code == 0
    forged.replace(f"{TOOL}&#34;,".encode(), f"{OLDER}&#34;,".encode(), paper)
    forged.replace(rb"</h1>", b"!</h1>", paper)
    digest = hashlib.sha256(paper.read_bytes()).hexdigest().encode()
    forged.replace(rb"\w{64}(?=  first.certificate)", digest, forged.hashes)

    assert cli("verify", forged.path).code == 3
    assert cli("certify", forged.path, "--sign", keys.officer).code == 2


def test_the_register_says_that_it_is_not_known(cli, forged):
    path = older(forged, OTHER_TEXT)

    ran = cli("verify", path, path.with_name("second.json"), "--json")
    table = cli("verify", path, path.with_name("second.json"))

    first, second = ran.json["items"]
    assert (ran.code, first["exitCode"], first["whole"], second["whole"]) == (3, 3, None, True)
    assert (len(first["uncompared"]), second["uncompared"]) == (1, [])
    assert ("UNKNOWN" in table.out, "not compared: " in table.err) == (True, True)
    assert "1 could not be checked" in table.err
    alone = cli("verify", path, "--json").json
    assert (alone["verified"], alone["uncompared"]) == (False, first["uncompared"])
