"""What `certify` keeps, unless told otherwise: names, an annex, the time of a signature, files that it cannot read."""

import os

import pytest

from cv_gdpr.evidence.shape import shape_in
from tests.delete.erasing import stock
from tests.platforms import named_pipe
from tests.sealing.pages import NAME, paper_of
from tests.sealing.stamping import new_key


def contents(evidence):
    """Return what every file beside evidence holds."""
    return {path.name: path.read_bytes() for path in evidence.parent.iterdir() if path.is_file()}


def shape_of(evidence, code="en"):
    return shape_in(paper_of(evidence, code).read_bytes())


# --- names and annex ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "names", "annex"),
    [
        (("--lang", "en"), 1, True),
        (("--annex",), 1, True),
        (("--no-annex",), 1, False),
        (("--no-names",), 0, True),
        (("--no-names", "--no-annex"), 0, False),
    ],
)
def test_a_page_made_anew_keeps_names_and_annex(cli, bare, options, names, annex):
    assert cli("certify", bare, "--names", bare.with_name("names.csv"), "--annex").code == 0

    assert cli("certify", bare, *options).code == 0

    shape = shape_of(bare)
    assert (len(shape.names), shape.annex) == (names, annex)
    assert cli("verify", bare).code == 0


def test_names_add_up(cli, bare, tmp_path):
    assert cli("certify", bare, "--names", bare.with_name("names.csv")).code == 0
    (tmp_path / "others.csv").write_text("id,name\n00000000-0000-4000-8000-000000000000,Elsewhere\n")
    assert cli("certify", bare, "--names", tmp_path / "others.csv").code == 0
    assert list(shape_of(bare).names.values()) == [NAME]


def test_names_and_no_names_contradict(cli, bare):
    assert cli("certify", bare, "--names", bare.with_name("names.csv"), "--no-names").code == 2


# --- the time of a signature --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_signature_with_a_time_is_replaced_with_a_new_time(cli, sealed, keys, authority, anchors):
    before, again = contents(sealed), ("certify", sealed, "--lang", "de", "--sign", keys.officer)

    ran = cli(*again)
    assert (ran.code, "--timestamp URL as well" in ran.err) == (2, True)
    assert contents(sealed) == before
    authority.how = "not here"
    ran = cli(*again, "--timestamp", authority.url, "--json")
    assert (ran.code, ran.json["written"]) == (3, [])
    assert contents(sealed) == before
    authority.reset()
    assert cli(*again, "--timestamp", authority.url).code == 0
    assert paper_of(sealed, "de").exists()
    assert cli("verify", sealed, *anchors).code == 0


def test_the_same_signature_keeps_its_time(cli, sealed, keys):
    before = contents(sealed)
    sealed.with_suffix(".sha256.sig").unlink()
    assert cli("certify", sealed, "--sign", keys.officer).code == 0
    assert contents(sealed) == before


def test_a_time_without_its_signature_is_in_the_way(cli, bare, keys):
    """It may belong to a signature that someone moved away."""
    token = bare.with_suffix(".sha256.sig.tsr")
    token.write_bytes(b"of another signature")

    ran = cli("certify", bare, "--sign", keys.officer)

    assert (ran.code, "move it away" in ran.err) == (2, True)
    assert token.read_bytes() == b"of another signature"
    assert not bare.with_suffix(".sha256.sig").exists()


@pytest.fixture
def bag(sim, cli, tmp_path):
    """A small export."""
    stock(sim, images=1, predictions=0, iterations=0)
    assert cli("export", "--all", "--out", tmp_path / "bag").code == 0
    return tmp_path / "bag"


@pytest.mark.slow
def test_so_is_that_of_an_export(cli, bag, authority, tmp_path):
    """An ECDSA key never makes the same signature twice."""
    key = new_key(tmp_path, "ecdsa", "-t", "ecdsa")
    assert cli("certify", bag, "--sign", key, "--timestamp", authority.url).code == 0
    token = bag / "tagmanifest-sha256.txt.sig.tsr"
    content = token.read_bytes()
    (bag / "tagmanifest-sha256.txt.sig").unlink()

    ran = cli("certify", bag, "--sign", key)

    assert (ran.code, "move it away" in ran.err) == (2, True)
    assert token.read_bytes() == content


# --- the second look ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_an_export_that_changes_meanwhile_is_found(cli, bag, keys, authority, number):
    manifest = bag / "tagmanifest-sha256.txt"
    authority.on_answer = lambda: authority.asked == number and manifest.write_bytes(manifest.read_bytes() + b"\n")

    ran = cli("certify", bag, "--sign", keys.officer, "--timestamp", authority.url)

    assert (ran.code, "was changed meanwhile" in ran.err) == (4, True)


@pytest.mark.slow
def test_evidence_that_changes_meanwhile_is_found(cli, bare, keys, authority):
    authority.on_answer = lambda: authority.asked == 1 and bare.write_bytes(bare.read_bytes() + b" ")

    ran = cli("certify", bare, "--sign", keys.officer, "--timestamp", authority.url)

    assert (ran.code, "was changed meanwhile" in ran.err) == (4, True)


# --- files that cannot be read ------------------------------------------------------------------------------------


def of_zeros(place):
    place.symlink_to("/dev/zero")


def endless(place):
    with place.open("wb") as file:
        os.truncate(file.fileno(), 5 << 30)


ODD = {"a pipe": named_pipe, "zeros": of_zeros, "a folder": os.mkdir, "five gigabytes": endless}


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".html", ".sha256", ".sha256.sig", ".certificate.de.html"])
@pytest.mark.parametrize("name", ODD)
def test_what_is_not_a_file_of_its_size_is_named(cli, bare, tmp_path, name, suffix):
    place = bare.with_suffix(suffix)
    place.unlink(missing_ok=True)
    ODD[name](place)

    for options in ((), ("--out", tmp_path / "out")):
        ran = cli("certify", bare.with_suffix(".html") if suffix == ".jsonl" else bare, *options)
        assert ran.code == 2
        assert len(ran.err.splitlines()) <= 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ODD)
def test_it_is_refused_alone(cli, tmp_path, name):
    ODD[name](tmp_path / "e.json")
    ran = cli("certify", tmp_path / "e.json")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)


# --- a folder of its own ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_writes_into_a_folder_of_its_own(cli, bare, keys, tmp_path):
    before, out = contents(bare), tmp_path / "out"
    bare.parent.chmod(0o500)
    try:
        ran = cli("certify", bare, "--lang", "de", "--sign", keys.officer, "--out", out, "--json")
    finally:
        bare.parent.chmod(0o700)

    assert ran.code == 0, ran.err
    assert ran.json["path"] == str(out / "e.json")
    assert all(one.startswith(str(out)) for one in ran.json["written"])
    assert contents(bare) == before
    assert cli("verify", out / "e.json", "--signer", keys.signers).code == 0
    assert cli("certify", bare, "--out", out).code == 2


def test_a_copy_that_fails_leaves_nothing(cli, bare, tmp_path):
    bare.with_suffix(".html").write_bytes(b"")
    assert cli("certify", bare, "--out", tmp_path / "out").code == 4
    assert [path.name for path in tmp_path.iterdir()] == ["e"]


def test_a_copy_that_lacks_a_time_stamp_is_completed(cli, bare, tmp_path):
    words = "certify", bare, "--lang", "es", "--timestamp", "http://127.0.0.1:9/tsr"
    ran = cli(*words, "--out", tmp_path / "out")
    assert ran.code == 3
    assert f"{tmp_path / 'out' / 'e.json'}, without --out, tries again" in ran.err.replace("\n", " ")


def test_a_folder_of_the_user_stays(cli, bare, tmp_path):
    bare.with_suffix(".html").write_text("altered")
    (tmp_path / "mine").mkdir()
    assert cli("certify", bare, "--lang", "es", "--out", tmp_path / "mine").code == 4
    assert list((tmp_path / "mine").iterdir()) == []
    assert cli("certify", bare, "--lang", "es", "--out", tmp_path / "new").code == 4
    assert not (tmp_path / "new").exists()
