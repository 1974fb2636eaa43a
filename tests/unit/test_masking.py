"""Masking: a known credential is removed in every spelling; a text without one is unchanged."""

import base64
import hashlib
import json
import threading
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cv_gdpr.masking import WITHHELD, Mask, masked
from tests.spellings import SPELLINGS, full_width, telling

TEXT = st.text(max_size=40)
KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
LONG_KEY = "9Xk2vQ7LmN4pRsT8wYzA1bCdqfGhIjwlMeOpqRRtTvWyYz0123456789zbCdEcGhIeKlJQQJ99AKACYeBjFXJ3w3"


def signature(seed):
    return base64.b64encode(hashlib.sha256(f"{seed}".encode()).digest()).decode()


def link(value):
    return f"https://h/p?sv=1&sr=b&sig={urllib.parse.quote(value, safe='')}&se=2026-01-01T00%3A00%3A00Z&sp=r"


def page(*values):
    return json.dumps([{"id": "1", "originalImageUri": link(value), "width": 1} for value in values]).encode()


@pytest.fixture(scope="module")
def mask():
    known = Mask()
    known.know_key(KEY)
    known.know_key(LONG_KEY)
    known.know_links(page(*(signature(seed) for seed in range(600))))
    return known


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("secret", [KEY, LONG_KEY, signature(0), signature(599)], ids=["key", "long", "first", "last"])
def test_a_credential_is_masked_in_every_spelling(mask, spelling, secret):
    for around in ("{}", "the service answered 500: bad link {} (again)", "x{}x", '{{"sig":"{}","a":[1]}}'):
        said = mask.masked(around.format(SPELLINGS[spelling](secret)))
        assert not telling(said, secret)
        assert WITHHELD in said or "(the key)" in said or "(a signature)" in said or "(a credential)" in said


@pytest.mark.slow
@given(TEXT, TEXT, st.sampled_from(sorted(SPELLINGS)), st.sampled_from(["key", "signature"]), st.randoms())
def test_a_credential_is_masked_within_any_text(before, after, spelling, kind, chance):
    secret = signature(chance.random()) if kind == "signature" else f"{chance.getrandbits(128):032x}"
    known = Mask()
    if kind == "signature":
        known.know_links(page(signature("another"), secret))
    else:
        known.know_key(secret)
    assert not telling(known.masked(before + SPELLINGS[spelling](secret) + after), secret)


ONCE = ("base64", "hexadecimal", "more often")  # these are not decoded inside one another
NESTED = sorted(name for name in SPELLINGS if not any(word in name for word in ONCE))


@pytest.mark.slow
@given(TEXT, st.lists(st.sampled_from(NESTED), min_size=2, max_size=2))
def test_a_credential_is_masked_in_nested_spellings(before, spellings):
    known = Mask()
    known.know_key(KEY)
    encoded = KEY
    for spelling in spellings:
        encoded = SPELLINGS[spelling](encoded)
    assert not telling(known.masked(before + encoded), KEY)


@pytest.mark.slow
@given(TEXT)
def test_a_text_without_credentials_is_unchanged(text):
    known = Mask()
    known.know_key(KEY)
    known.know_links(page(signature(1)))
    assert known.masked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GetTag: the service answered 404 NotFoundTag: Tag 7dd1f6c5-25e9-4f2b-9d1c-6a6f8fd4b1d8 was not found",
        "100 % of %s in C:\\users\\new and 5 &lt; 6 &amp; é ﬁ",
        "--key-file /home/user/a-very-long-path/to/a/key.txt: No such file or directory",
        "the service could not be reached: [Errno 111] Connection refused",
        "https://example.org:443/customvision/v3.4-preview/training/projects?take=256&skip=0",
        "design=AbCdEfGhIjKlMnOpQrStUvWxYz",
    ],
)
def test_an_ordinary_message_is_unchanged(mask, text):
    assert mask.masked(text) == text


UNKNOWN = signature("unknown")


@pytest.mark.parametrize(
    "text",
    [
        f"sig={UNKNOWN}",
        f"sig = {UNKNOWN}",
        f'{{"sig":"{UNKNOWN}"}}',
        f'{{\\"sig\\": \\"{UNKNOWN}\\"}}',
        f"s%69g%3D{urllib.parse.quote_plus(UNKNOWN)}",
        f"Signature: '{UNKNOWN}'",
        f"?sv=1&sig={UNKNOWN}",
        f"AccountName=a;AccountKey={UNKNOWN}",
        f"Training-Key: {UNKNOWN}",
        f"Ocp-Apim-Subscription-Key={UNKNOWN}",
        f"Authorization: Bearer {UNKNOWN}.{UNKNOWN}",
        f"proxy http://user:{UNKNOWN}@host:1",
        f"proxy http://user:{UNKNOWN}#/?@x@host:1",
        f"{full_width('sig')}={UNKNOWN}",
    ],
)
def test_an_unknown_credential_is_masked_by_its_form(text):
    for known in (Mask(), Mask()):
        said = known.masked(text)
        assert UNKNOWN[:16] not in urllib.parse.unquote(said)


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("secret", "the secret is out; secretary", "the (the key) is out; secretary"),
        ("k%41y7", "k%41y7 and kAy7", "(the key) and (the key)"),
        ("a", "a cat", "a cat"),
    ],
)
def test_a_short_key_is_masked_as_a_word(key, text, said):
    known = Mask()
    known.know_key(key)
    assert known.masked(text) == said


@pytest.mark.parametrize("part", [slice(0, 16), slice(8, 24), slice(16, 32)])
def test_half_a_key_is_masked(mask, part):
    assert KEY[part] not in mask.masked(f"it begins, or ends, with {KEY[part]}")


def test_a_new_signature_is_masked_from_then_on():
    known, text = Mask(), f"echo {signature(9)}"
    assert known.masked(text) == text
    known.know_links(page(signature(9)))
    assert known.masked(text) == "echo (a signature)"
    known.forget()
    assert known.masked(text) == text


@pytest.mark.parametrize("sent", ["\\u002B", "%2B", "%2b", "+"])
def test_a_signature_is_known_from_any_escaped_link(sent):
    value = "Ab+Cd" + signature(5)[5:]
    known = Mask()
    known.know_links(page(value).replace(b"%2B", sent.encode()))
    assert known.masked(f"echo {value}") == "echo (a signature)"
    assert known.masked(f"echo {urllib.parse.quote_plus(value)}") == "echo (a signature)"


def test_memory_for_signatures_is_bounded(monkeypatch):
    monkeypatch.setattr("cv_gdpr.masking._MOST", 1000)
    monkeypatch.setattr("cv_gdpr.masking._BUCKETS", 8)
    known = Mask()
    for seed in range(0, 3000, 100):
        known.know_links(page(*(signature(seed + more) for more in range(100))))
        known.masked(f"{seed}")
    assert sum(map(len, known._signatures)) <= 12 * 1000
    assert known.masked(f"echo {signature(2999)}") == "echo (a signature)"


def test_masking_and_learning_are_thread_safe():
    known, wrong = Mask(), []

    def work(seed):
        for number in range(20):
            value = signature((seed, number))
            known.know_links(page(value))
            if telling(known.masked(f"echo {value}"), value):
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def knowing(*keys, links=()):
    known = Mask()
    for key in keys:
        known.know_key(key)
    known.know_links(page(*links))
    return known


TWELVE = "abcdefghijkl"
PLAIN = next(one for one in map(signature, range(1000)) if one[:43].isalnum())
WITH_PLUS = next(one for one in map(signature, range(1000)) if "+" in one[12:43])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"<{TWELVE}>", "<(the key)>"),
        (f"<{TWELVE}> or <a.b.c.d.e.f.g.h.i.j.k.l>.", "<(the key)> or <(the key)>."),
        (f"<{TWELVE.encode().hex()}>", "<(a credential)>"),
        (f"<{(b'z' * 20 + TWELVE.encode()).hex()}>", "<(a credential)>"),
        (f"<{base64.b64encode(b'z' * 30 + TWELVE.encode()).decode()}>", "<(a credential)>"),
        (f"<{PLAIN}>, end", "<(a signature)>, end"),
        (f"<{PLAIN[:43]}>, end", "<(a signature)>, end"),
        (f"<{' '.join(PLAIN[:43])}>, end", "<(a signature)>, end"),
        (f"<{' '.join(PLAIN[:20])}>", "<(a signature)>"),
        (f"<{WITH_PLUS[:43]}> and words that stay", "<(a signature)> and words that stay"),
    ],
    ids=range(10),
)
def test_nothing_around_a_credential_is_cut(text, said):
    assert knowing(TWELVE, links=(PLAIN, WITH_PLUS)).masked(text) == said


def test_a_short_key_is_found_with_invisible_characters_in_it():
    assert knowing("secret").masked("a se\u200bcret") == "a (the key)"


@pytest.mark.parametrize("text", ["\\ud800x", "\\U00110000", "\\u{110000}", "%uD800%", "\\xff", "%ff"])
def test_escapes_of_nothing_stay(text):
    assert knowing(TWELVE).masked(text) == text


def test_pages_without_links_do_not_push_out_others(monkeypatch):
    monkeypatch.setattr("cv_gdpr.masking._PAGES", 2)
    known = knowing(links=(PLAIN,))
    for _ in range(3):
        known.know_links(b"[]")
    assert known.masked(PLAIN) == "(a signature)"


def test_links_that_nobody_asked_about_take_no_more_memory(monkeypatch):
    monkeypatch.setattr("cv_gdpr.masking._PAGES", 2)
    known = Mask()
    for seed in range(5):
        known.know_links(page(signature(seed)))
    assert len(known._heads) == 2
    assert known.masked(signature(4)) == "(a signature)"
    assert known.masked(signature(0)) == signature(0)


def test_half_is_forgotten_beyond_the_most(monkeypatch):
    monkeypatch.setattr("cv_gdpr.masking._MOST", 10)
    monkeypatch.setattr("cv_gdpr.masking._BUCKETS", 1)
    known = knowing(links=[signature(seed) for seed in range(10)])
    assert [known.masked(signature(seed)) for seed in range(10)] == ["(a signature)"] * 10
    known.know_links(page(signature(10)))
    forgotten = [seed for seed in range(11) if known.masked(signature(seed)) == signature(seed)]
    assert forgotten == [0, 1, 2, 3, 4]


def test_the_process_has_one_mask():
    assert masked("nothing in it") == "nothing in it"
