"""Further certificates of `certify`: another language, names, an annex; `verify` makes each again."""

import json

import pytest

from cv_gdpr.evidence.shape import shape_in
from tests.platforms import named_pipe
from tests.sealing.pages import NAME, paper_of
from tests.sealing.stamping import fingerprint


@pytest.mark.slow
def test_a_further_certificate_has_a_shape_of_its_own(cli, bare):
    before = {path: path.read_bytes() for path in bare.parent.iterdir()}
    shaped = ("--lang", "de", "--names", bare.with_name("names.csv"), "--annex")

    ran = cli("certify", bare, *shaped, "--json")

    paper = paper_of(bare, "de")
    assert (ran.code, ran.json["written"]) == (0, [str(paper), str(bare.with_suffix(".sha256"))])
    page = paper.read_text()
    assert "<h1>Löschbescheinigung</h1>" in page
    assert "Visitors &lt;b&gt;&amp;\\u202e" in page
    assert all(item["id"] in page for item in json.loads(bare.read_text())["items"])
    assert all(path.read_bytes() == content for path, content in before.items() if path.suffix != ".sha256")
    assert cli("verify", bare).code == cli("verify", paper).code == 0
    assert cli("verify", bare, paper, "--json").json["items"][0]["path"] == str(bare)
    assert cli("certify", bare, *shaped, "--json").json["written"] == []


@pytest.mark.slow
def test_languages_lie_side_by_side_and_one_is_made_anew(cli, bare):
    for code in ("es", "zh", "en"):
        assert cli("certify", bare, "--lang", code).code == 0
    assert cli("certify", paper_of(bare, "zh"), "--lang", "zh", "--annex").code == 0
    assert shape_in(paper_of(bare, "zh").read_bytes()).annex
    assert cli("verify", bare).code == 0
    assert len(bare.with_suffix(".sha256").read_text().splitlines()) == 6


@pytest.mark.slow
def test_the_certificate_says_who_signed_since(cli, bare, keys, authority, anchors):
    assert cli("certify", bare, "--lang", "pt", "--names", bare.with_name("names.csv")).code == 0

    assert cli("certify", bare, "--sign", keys.officer, "--timestamp", authority.url).code == 0

    shape = shape_in(paper_of(bare, "pt").read_bytes())
    existed = cli("verify", bare, "--json").json["existed"]["time"]
    assert (shape.signer, shape.existed, shape.authority) == (fingerprint(keys.officer), existed, authority.url)
    assert list(shape.names.values()) == [NAME]
    assert cli("verify", bare, *anchors).code == 0
    assert not paper_of(bare, "en").exists()


def test_a_signature_that_was_not_promised_gets_a_certificate(cli, bare, keys):
    ran = cli("certify", bare, "--sign", keys.officer, "--json")
    assert str(paper_of(bare, "en")) in ran.json["written"]
    assert fingerprint(keys.officer) in paper_of(bare, "en").read_text()
    assert fingerprint(keys.officer) not in bare.with_suffix(".html").read_text()


@pytest.mark.slow
def test_a_signed_list_is_changed_only_by_who_signed_it(cli, bare, keys):
    assert cli("certify", bare, "--sign", keys.officer).code == 0
    before = {path: path.read_bytes() for path in bare.parent.iterdir()}

    assert cli("certify", bare, "--lang", "de").code == 2
    assert cli("certify", bare, "--lang", "de", "--sign", keys.other).code == 2

    assert {path: path.read_bytes() for path in bare.parent.iterdir()} == before
    assert cli("certify", bare, "--lang", "de", "--sign", keys.officer).code == 0
    assert cli("verify", bare, "--signer", keys.signers).code == 0


@pytest.mark.slow
def test_a_promised_seal_needs_no_further_certificate(cli, sealed, keys, authority):
    sealed.with_suffix(".sha256.sig").unlink()
    assert cli("certify", sealed, "--sign", keys.officer).code == 0
    assert not paper_of(sealed, "en").exists()
    seals = ("--sign", keys.officer, "--timestamp", authority.url)
    assert cli("certify", sealed, "--lang", "en", *seals).code == 0
    shape = shape_in(paper_of(sealed, "en").read_bytes())
    assert all((shape.begun, shape.existed, shape.signer))


FORGED = {
    "a word": (b"deleted", b"destroyed", 4),
    "a name": (b"Visitors", b"Museum", 0),
    "a number": (b'"number">1<', b'"number">2<', 4),
    "the annex": (b"&#34;annex&#34;:false", b"&#34;annex&#34;:true", 4),
    "the language": (b"&#34;language&#34;:&#34;en", b"&#34;language&#34;:&#34;de", 4),
    "who signed": (b"&#34;signer&#34;:&#34;", b"&#34;signer&#34;:&#34;SHA256:x", 4),
    "an authority that stamped nothing": (b"&#34;authority&#34;:&#34;", b"&#34;authority&#34;:&#34;Museum", 4),
    "... who did, unread": (b"&#34;signer&#34;:&#34;", b"&#34;signer&#34;:&#34;unread", 4),
    "no shape": (b'<meta name="cv-gdpr-certificate"', b'<meta charset="utf-8"', 4),
    "a script": (b"</body>", b"<script>x()</script></body>", 4),
    "another shape": (b"&#34;tool&#34;", b"&#34;tools&#34;", 4),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_certificate_is_found(cli, bare, keys, name):
    """Names are not in the evidence: only a signature shows that all of them were changed."""
    from cv_gdpr.evidence import files
    from cv_gdpr.evidence.ledger import chained

    assert cli("certify", bare, "--names", bare.with_name("names.csv")).code == 0
    paper, hashes = paper_of(bare, "en"), bare.with_suffix(".sha256")
    old, new, code = FORGED[name]
    assert old in paper.read_bytes()
    paper.write_bytes(paper.read_bytes().replace(old, new))
    assert cli("verify", bare).code == 4

    made = {place: place.read_bytes() for place in (bare, bare.with_suffix(".html"))}
    hashes.write_bytes(files.hash_list(bare, chained(bare.with_suffix(".jsonl").read_bytes()), made))
    assert cli("verify", bare).code == code
    assert cli("verify", bare, "--signer", keys.signers).code == 4


@pytest.mark.parametrize("how", ["removed", "added", "a folder", "a pipe"])
def test_the_list_of_hashes_counts_them(cli, bare, how):
    if how == "removed":
        assert cli("certify", bare, "--lang", "de").code == 0
        paper_of(bare, "de").unlink()
    elif how == "added":
        paper_of(bare, "de").write_bytes(bare.with_suffix(".html").read_bytes())
    elif how == "a pipe":
        named_pipe(paper_of(bare, "de"))
    else:
        paper_of(bare, "de").mkdir()
    assert cli("verify", bare).code == 4
    assert cli("certify", bare, "--lang", "de").code in {2, 4}


def test_names_of_other_projects_are_not_used(cli, bare, tmp_path):
    names = tmp_path / "names.csv"
    names.write_text("id,name\n00000000-0000-4000-8000-000000000000,Elsewhere\n")
    ran = cli("certify", bare, "--names", names)
    assert ran.code == 0
    assert "1 name in --names not used" in ran.err
    assert "Elsewhere" not in paper_of(bare, "en").read_text()


@pytest.mark.parametrize("kind", ["plan", "export"])
def test_only_evidence_has_a_certificate(cli, tmp_path, kind):
    if kind == "plan":
        (tmp_path / "p.json").write_text('{"format": "cv-gdpr-plan/1"}')
        assert cli("certify", tmp_path / "p.json", "--lang", "de").code == 2
    else:
        (tmp_path / "bagit.txt").write_text("")
        assert cli("certify", tmp_path, "--annex").code == 2


@pytest.mark.parametrize("lost", [".sha256", ".html"])
def test_it_completes_the_list_of_hashes_around_them(cli, bare, lost):
    """A run that is killed while it adds a certificate leaves no list of hashes."""
    assert cli("certify", bare, "--lang", "de").code == 0
    content = bare.with_suffix(lost).read_bytes()
    bare.with_suffix(lost).unlink()
    assert cli("verify", bare).code == 4

    assert cli("certify", bare).code == 0

    assert bare.with_suffix(lost).read_bytes() == content
    assert cli("verify", bare).code == 0


def notes(ran):
    return [line for line in ran.err.splitlines() if line.startswith("Note: ")]


def test_what_a_page_keeps_is_said(cli, bare, tmp_path):
    """Also where a list of other projects is given; a page of another language is named with its own."""
    paper, names, others = paper_of(bare, "de"), bare.with_name("names.csv"), tmp_path / "others.csv"
    others.write_text("id,name\n00000000-0000-4000-8000-000000000000,Elsewhere\n")
    first = cli("certify", bare, "--lang", "de", "--names", names, "--annex")
    assert (first.code, notes(first)) == (0, [])

    for more in ((), ("--names", others)):
        again = cli("certify", bare, "--lang", "de", *more)
        assert f"unchanged: {paper}\n" in again.out
        assert f"written: {paper}\n" not in again.out
        assert notes(again)[-2:] == [
            f"Note: {paper.name}: it still shows the names of projects; --no-names leaves them out",
            f"Note: {paper.name}: it still has the annex of every id; --no-annex leaves it out",
        ]
    assert "; --lang de --no-names leaves them out" in cli("certify", bare, "--lang", "es").err
    bare_again = cli("certify", bare, "--lang", "de", "--no-names", "--no-annex")
    assert (f"written: {paper}\n" in bare_again.out, notes(bare_again)) == (True, [])
    document = cli("certify", bare, "--lang", "de", "--json").json
    assert document["unchanged"] == [str(paper), str(paper_of(bare, "es"))]


def test_a_page_made_anew_with_a_signature_says_what_it_keeps(cli, bare, keys):
    assert cli("certify", bare, "--lang", "de", "--names", bare.with_name("names.csv")).code == 0

    ran = cli("certify", bare, "--lang", "de", "--sign", keys.officer)

    assert f"written: {paper_of(bare, 'de')}\n" in ran.out
    assert "it still shows the names of projects; --no-names" in ran.err


def test_only_a_time_stamped_page_names_its_authority(bare, sealed):
    """Where there is no time-stamp, --tsa-certificate would make verify fail."""
    for page, stamped in ((bare.with_suffix(".html"), False), (sealed.with_suffix(".html"), True)):
        assert "--signer FILE" in page.read_text()
        assert ("--tsa-certificate FILE" in page.read_text()) is stamped
