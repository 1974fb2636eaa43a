"""What a time-stamping authority may answer: only a token over the hash that was sent, for this request, of now."""

import time

import pytest

from cv_gdpr.errors import NotSealed
from cv_gdpr.sealing import tokens
from cv_gdpr.sealing.authority import Authority

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
