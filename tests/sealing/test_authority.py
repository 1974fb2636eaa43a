"""What a time-stamping authority may answer: only a token over the hash that was sent, for this request, of now."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from cv_gdpr.errors import NotSealed
from cv_gdpr.sealing import tokens
from cv_gdpr.sealing.authority import Authority
from tests.sealing.forging import dated, unsigned
from tests.sealing.stamping import run
from tests.waited import waits

REFUSED = {
    "a page": (3, "text/html in place of a time-stamp"),
    "a page as a token": (1, "not a time-stamp"),
    "an error": (3, "HTTP 503"),
    "not here": (1, "HTTP 404"),
    "another nonce": (1, "wrong nonce"),
    "another hash": (1, "something else"),
    "a refusal": (1, "refused it"),
    "endless": (1, "more than 64 KiB"),
    "redirected": (1, "HTTP 302"),
    "silent": (3, "not answer in time"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_a_wrong_answer_is_refused(authority, how):
    tries, words = REFUSED[how]
    authority.how = how

    with pytest.raises(NotSealed, match=words):
        Authority(authority.url, patience=0.2 if how == "silent" else 10, pause=0).stamp(b"content")

    assert authority.asked == tries


def test_an_authority_that_answers_late_is_asked_again(authority):
    authority.how = "an error"
    authority.on_answer = lambda: authority.asked > 1 and setattr(authority, "how", "well")

    token = Authority(authority.url, pause=0).stamp(b"content")

    assert authority.asked == 2
    assert tokens.token_of(token, b"content").is_by(tokens.authorities_in(authority.root))


def test_a_late_authority_is_waited_for(authority):
    authority.how = "an error"
    authority.on_answer = lambda: authority.asked > 1 and setattr(authority, "how", "well")
    with waits() as said:
        Authority(authority.url, pause=0).stamp(b"content")
    assert said == [f"waiting for the time-stamping authority (RFC 3161{end})" for end in ("", ", try 2, 503")]


def test_an_old_token_is_refused(authority):
    old = authority.answer(authority.query(b"content"))
    authority.answer = lambda _: old

    try:
        with pytest.raises(NotSealed, match="wrong nonce"):
            Authority(authority.url, pause=0).stamp(b"content")
    finally:
        del authority.answer


def test_nobody_at_the_address_is_named():
    started = time.monotonic()

    with pytest.raises(NotSealed, match=r"http://127\.0\.0\.1:9/: it cannot be reached"):
        Authority("http://127.0.0.1:9/?token=secret", pause=0).stamp(b"content")

    assert time.monotonic() - started < 5


def test_only_the_hash_is_sent(authority):
    sent = []
    answer = authority.answer
    authority.answer = lambda query: sent.append(query) or answer(query)
    try:
        Authority(authority.url).stamp(b"the name of a person" * 10)
    finally:
        del authority.answer

    assert len(sent[0]) < 100
    assert b"person" not in sent[0]


@pytest.mark.parametrize("content", [b"", b"x", b"\x30\x03\x02\x01\x00", b"\x30\x84\xff\xff\xff\xff", b"\x00" * 5000])
def test_what_is_not_a_token_is_invalid(content):
    with pytest.raises(tokens.Invalid):
        tokens.token_of(content, b"content")


def test_a_token_with_any_bit_flipped_proves_nothing(authority):
    whole = authority.answer(authority.query(b"content"))
    trusted = tokens.authorities_in(authority.root)

    for place in range(0, len(whole), 7):
        forged = bytearray(whole)
        forged[place] ^= 4
        try:
            token = tokens.token_of(bytes(forged), b"content")
        except tokens.Invalid:
            continue
        assert not token.is_by(trusted) or token.time == tokens.token_of(whole, b"content").time, place


def with_chain(authority, *words):
    """Return an answer whose certificates are two: OpenSSL writes them as they are listed."""
    query = authority.folder / "chained.tsq"
    query.write_bytes(authority.query(b"content"))
    command = ("-reply", "-config", authority.folder / "tsa.cnf", "-section", "t", "-queryfile", query)
    return run("openssl", "ts", *command, "-chain", authority.root, *words, "-out", "/dev/stdout")


def test_certificates_may_stand_in_any_order(authority):
    import rfc3161_client

    from cv_gdpr.sealing import der

    answer = with_chain(authority)
    bag = next(one for one in der._signed_data(answer) if one.tag == 0xA0)
    one, two = (answer[part.begin : part.end] for part in der._parts(answer, bag))
    orders = [answer[: bag.content] + both + answer[bag.end :] for both in (one + two, two + one)]
    trusted = tokens.authorities_in(authority.root)

    for order in orders:
        assert tokens.token_of(order, b"content").is_by(trusted)
        assert authority.accepts(write(authority.folder / "order.tsr", order), b"content")
    with pytest.raises(ValueError, match="SetOrdering"):
        [rfc3161_client.decode_timestamp_response(order) for order in orders]


@pytest.mark.parametrize(("minutes", "kept"), [(4, True), (6, False)])
def test_no_time_stamp_contradicts_its_ledger(authority, minutes, kept):
    """The clock was set back since the ledger was written."""
    earliest = datetime.now(UTC) + timedelta(minutes=minutes)
    asked = Authority(authority.url, earliest=earliest)

    if kept:
        assert authority.accepts(write(authority.folder / "kept.tsr", asked.stamp(b"content")), b"content")
    else:
        with pytest.raises(NotSealed, match="this machine's clock was set back"):
            asked.stamp(b"content")
    assert authority.asked == 1


def test_certify_keeps_no_time_stamp_before_the_end_of_the_run(cli, forged, authority):
    """A clock that was far ahead wrote the ledger."""
    unsigned(dated(b"2099"))(forged)

    ran = cli("certify", forged.path, "--timestamp", authority.url)

    assert (ran.code, forged.token.exists(), authority.asked) == (3, False, 1)
    assert "the ledger 2099-" in ran.err
    assert cli("verify", forged.path).code == 0


def write(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("attribute", "proven"), [("-cades", True), ("-nosmimecap", False)])
def test_the_signature_names_its_certificate(authority, attribute, proven):
    """RFC 3161, 2.4.1: otherwise another certificate of the same key could stand in its place."""
    folder = authority.folder
    whole = run("openssl", "ts", "-reply", "-in", write(folder / "w", authority.answer(authority.query(b"content"))),
                "-token_out")  # fmt: skip
    info = run("openssl", "cms", "-verify", "-inform", "DER", "-noverify", "-binary", input=whole)
    key = ("-signer", folder / "tsa.pem", "-inkey", folder / "tsa.key", "-md", "sha256")
    kind = ("-econtent_type", "1.2.840.113549.1.9.16.1.4", "-outform", "DER", "-binary", "-nodetach")
    signed = b"\x30\x03\x02\x01\x00" + run("openssl", "cms", "-sign", *kind, *key, attribute, input=info)
    answer = write(folder / "named.tsr", b"\x30\x82" + len(signed).to_bytes(2, "big") + signed)

    token = tokens.token_of(answer.read_bytes(), b"content")

    assert token.is_by(tokens.authorities_in(authority.root)) is proven
    assert authority.accepts(answer, b"content") is proven
