"""Redaction: no signature and no key survives, and everything else is unchanged."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cv_gdpr.links import without_query
from cv_gdpr.masking import RUN, fingerprint, without_keys, without_signature
from cv_gdpr.verbatim import LINK_FIELDS, DuplicateKey, Record, json_line, json_list, json_text, json_value, stored_text

TEXT = st.text(st.characters(exclude_categories=[]), max_size=30)  # lone surrogates too
PLAIN = TEXT.filter(lambda text: "?" not in text)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN, inner, max_size=4),
    max_leaves=12,
)
SEPARATORS = [(",", ":"), (", ", ": "), (" , ", " : "), ("\t,\r\n", "\t:\r")]
SECRET = "S3cr3tS1gn4tur3"
NUMBERS = st.from_regex(
    re.compile(r"-?(0|[1-9][0-9]{0,25})\.[0-9]{1,25}([eE][+-]?[0-9]{1,3})?", re.ASCII), fullmatch=True
)


@pytest.mark.slow
@given(VALUES, st.booleans())
def test_a_value_without_a_query_is_written_unchanged(value, indent):
    assert json.loads(json_text(value, indent=indent)) == value


@pytest.mark.slow
@given(VALUES)
def test_text_is_always_utf_8_and_one_line(value):
    assert b"\n" not in json_text(value).encode()


SIGNED = "S3cr3tS1gn4tur3" * 3  # as long as a signature, and of its letters
NAMES = sorted(LINK_FIELDS)


@given(st.sampled_from(NAMES), TEXT, st.sampled_from(["?", "?a=b&", "#", "#?"]), TEXT)
def test_no_query_survives_in_a_link_of_the_service(field, path, query, tail):
    link = f"https://h/{path}{query}sig={SECRET}&se={tail}"
    for record in ({field: link}, {"id": 1, field: link}, [{"deep": {field: link}}]):
        text = json_text(record)
        assert SECRET not in text
        json.loads(text)


@pytest.mark.parametrize("equals", ["=", "%3D", "%253d", r"\u003d", r"\\u003D"])
@pytest.mark.parametrize("before", ["&", "%26", "%3F", "%253F", r"\u0026", r"\u003f", r"\\u003F", "_", "1", "я", '"'])
def test_no_signature_survives_in_another_spelling(before, equals):
    """Beside `sv` it is a whole shared access signature, in whatever field and encoding."""
    secret = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
    for value in (f"sv=1{before}sig{equals}{secret}", f"sv{equals}1{before}sig{equals}AbC\\u002B{secret}&se=2"):
        for record in ({"description": value}, {"uri": json.dumps([value])}, {value: 1}):
            kept, removed = stored_text(record)
            assert secret not in kept
            assert removed == 1
            assert len(json.loads(kept)) == 1
            assert secret not in without_signature(value)


USERS_TEXTS = {
    "a query without a signature": "https://crm.example/person?id=4711&name=Ada",
    "a short value": "case?subject=ada&sig=nature-reserve",
    "a page and an anchor": "see https://intranet.example/a?page=12#sig=1",
    "a signature of another kind": f"https://crm.example/?sig={SIGNED}",
    "words": "assigned sig=short",
    "a word that ends like it": "?design=AbCdEfGhIjKlMnOpQrStUvWxYz",
    "sv without sig": f"?sv=2020&other={SIGNED}",
    "hyphens are not base64": "?sv=1&sig=the-nature-reserve-of-the-north-sea",
}


@pytest.mark.parametrize("text", USERS_TEXTS.values(), ids=USERS_TEXTS)
def test_text_of_a_user_stays(text):
    for record in ({"description": text}, {"metadata": {"originalImageUri": text}}, {"metadata": {text: text}}):
        sent = json.dumps(record, separators=(",", ":"))
        assert stored_text(record) == (sent, 0)
        assert stored_text(Record(record, sent)) == (sent, 0)


def test_a_signature_that_the_service_sent_is_removed():
    RUN.know_links(f'[{{"originalImageUri":"https://h/a?x=1&sig={SIGNED}"}}]'.encode())
    try:
        assert stored_text({"metadata": {"note": f"sig={SIGNED}"}}) == ('{"metadata":{"note":"sig="}}', 1)
    finally:
        RUN.forget()


def test_a_signature_in_metadata_is_not_of_the_service():
    RUN.know_links(f'[{{"metadata":{{"note":"https://h/a?sig={SIGNED}"}}}}]'.encode())
    try:
        assert stored_text({"metadata": {"note": f"sig={SIGNED}"}})[1] == 0
    finally:
        RUN.forget()


@given(TEXT, TEXT, TEXT)
def test_redacted_json_keeps_its_fields(before, query, after):
    record = {before: f"{before}?{query}sig={after}", "next": [after + "?sig=" + before, "?" + query, {"last": 1}]}
    kept = json.loads(json_text(record))
    assert kept.keys() == record.keys()
    assert kept["next"][2] == {"last": 1}


@pytest.mark.slow
@given(NUMBERS)
def test_numbers_keep_their_text(number):
    text = f'[{number},{{"a":{number}}}]'
    assert json_text(json_value(text.encode())) == text
    assert json_value(text.encode())[0] >= 0 or number.startswith("-")


@pytest.mark.parametrize(
    "number", ["1E-05", "0.10", "1.0", "-0.0", "1e400", "5E-324", "12345678901234567890", "0", "-7"]
)
def test_numbers_with_other_spellings_keep_their_text(number):
    assert json_text(json_value(number.encode())) == number
    assert json_text(json_value(number.encode()), indent=True) == number


LAYOUTS = st.fixed_dictionaries(
    {"indent": st.none() | st.integers(0, 2), "ensure_ascii": st.booleans(), "separators": st.sampled_from(SEPARATORS)}
)
FEWER = settings(max_examples=50)
LISTS = st.lists(st.dictionaries(PLAIN, VALUES, max_size=4) | VALUES, max_size=4)


@pytest.mark.slow
@FEWER
@given(LISTS, LAYOUTS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_objects_of_a_list_become_lines_in_any_layout(value, layout, encoding):
    sent = json.dumps(value, **layout).encode(encoding, "surrogatepass")
    if encoding == "utf-8-sig":
        assert json.loads(sent) == value
    listed = json_list(sent)
    assert listed == value
    for one, due in zip(listed, value, strict=True):
        line = json_line(one)
        assert line.count(b"\n") == 1
        assert json.loads(line) == due


@FEWER
@given(TEXT, LAYOUTS, st.sampled_from(["originalImageUri", "uri", "description"]))
def test_no_signature_survives_in_an_object_of_a_list(path, layout, name):
    record = {name: f"https://h/{path}?sv=1&sig={SIGNED}&se=2", "next": [{"deep": f"?sv=1&sig={SIGNED}"}]}
    for sent in (json.dumps([record], **layout), json.dumps([record], **layout).replace("&", "\\u0026")):
        (listed,) = json_list(sent.encode("utf-8", "surrogatepass"))
        assert SIGNED.encode() not in json_line(listed)


@pytest.mark.slow
@given(NUMBERS, st.sampled_from(["", " ", "\n"]))
def test_numbers_in_an_object_of_a_list_keep_their_text(number, blank):
    (listed,) = json_list(f'[{blank}{{"a":{blank}{number}}}{blank}]'.encode())
    assert re.sub(r"\s", "", json_line(listed).decode()) == f'{{"a":{number}}}'


@pytest.mark.parametrize(
    "text", ["[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "[{}] x", "[{}}]", "", "[NaN]", '[{"a":NaN}]']
)
def test_truncated_or_extended_json_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        json_list(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        '[{"a":1,"a":1}]',
        '[{"a":1,"b":{"c":[{"d":1,"d":2}]}}]',
        '[{"a":1,"\\u0061":2}]',
        '[{"a":1E2,"a":1}]',
        '[ { "a": 1, "a": 2 } ]',
        '[{"a":1},{"a":2,"a":3}]',
        '[[{"a":1,"a":2}]]',
        '{"results":[{"a":1,"a":2}]}',
        '{"a":1,"a":2}',
    ],
)
def test_a_key_twice_in_an_object_is_refused(text):
    with pytest.raises(DuplicateKey):
        json_list(text.encode())


def test_a_value_that_is_not_json_is_refused():
    with pytest.raises(TypeError):
        json_text({1, 2})


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("GET https://h/p?sv=1&sig=abc%2B&se=2 failed", "GET https://h/p failed"),
        ("two https://h/a?sig=x and https://h/b?sig=y", "two https://h/a and https://h/b"),
        ("a question? no", "a question? no"),
        ("https://h/p?design=1", "https://h/p?design=1"),
        ("a&sig=" + "x" * 30 + " b", "a&sig= b"),
        ("", ""),
    ],
)
def test_messages(message, kept):
    assert without_signature(message) == kept


@given(TEXT)
def test_without_query_is_a_beginning(uri):
    bare = without_query(uri)
    assert uri.startswith(bare)
    assert "?" not in bare
    assert "#" not in bare


@pytest.mark.slow
@given(st.recursive(TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)))
def test_every_text_below_a_key_is_a_fingerprint(inner):
    def texts(value):
        if isinstance(value, dict):
            return [text for part in value.values() for text in texts(part)]
        return [text for part in value for text in texts(part)] if isinstance(value, list) else [value]

    record = {"Name": "kept", "Keys": inner, "list": [{"primaryKey": inner}], "count": 3}
    clean = without_keys(record)
    assert (clean["Name"], clean["count"]) == ("kept", 3)
    assert texts(clean["Keys"]) == [f"sha256:{fingerprint(text)}" for text in texts(inner)]
    assert clean["list"] == [{"primaryKey": clean["Keys"]}]


def test_a_fingerprint_is_short_and_known():
    assert fingerprint("") == "e3b0c442"
    assert fingerprint("\ud800") == "91a681b9"
