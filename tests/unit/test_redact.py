"""Redaction: no signature and no key survives, and everything else is unchanged."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cv_gdpr.links import without_query
from cv_gdpr.masking import fingerprint, without_keys, without_signature
from cv_gdpr.verbatim import json_line, json_list, json_text, json_value

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


@given(VALUES, st.booleans())
def test_a_value_without_a_query_is_written_unchanged(value, indent):
    assert json.loads(json_text(value, indent=indent)) == value


@given(VALUES)
def test_text_is_always_utf_8_and_one_line(value):
    assert b"\n" not in json_text(value).encode()


@given(TEXT, TEXT, st.sampled_from(["?", "?a=b&", "?a=b&c=?&"]), st.sampled_from(["sig", "SIG", "Sig"]), TEXT)
def test_no_signature_survives_in_a_uri(field, path, query, name, tail):
    link = f"https://h/{path}{query}{name}={SECRET}&se={tail}"
    for record in ({field + "Uri": link}, {"originalImageUri": link}, [{"deep": {"uri": link}}]):
        text = json_text(record)
        assert SECRET not in text
        json.loads(text)


@pytest.mark.parametrize("equals", ["=", "%3D", "%253d", r"\u003d", r"\\u003D"])
@pytest.mark.parametrize("before", ["&", "%26", "%3F", "%253F", r"\u0026", r"\u003f", r"\\u003F", "_", "1", "я", '"'])
def test_no_signature_survives_in_another_spelling(before, equals):
    secret = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
    for value in (f"sv=1{before}sig{equals}{secret}", f"{before}sig{equals}AbC\\u002B{secret}&se=2"):
        for record in ({"description": value}, {"uri": json.dumps([value])}):
            kept = json_text(record)
            assert secret not in kept
            assert json.loads(kept).keys() == record.keys()
            assert secret not in without_signature(value)


@pytest.mark.parametrize("text", ["?design=AbCdEfGhIjKlMnOpQrStUvWxYz", "assigned sig=short", "sign: AbCdEfGhIjKlMnOp"])
def test_text_without_a_signature_stays(text):
    assert json.loads(json_text({"description": text})) == {"description": text}


@given(TEXT, TEXT, TEXT)
def test_redacted_json_keeps_its_fields(before, query, after):
    record = {before: f"{before}?{query}sig={after}", "next": [after + "?sig=" + before, "?" + query, {"last": 1}]}
    kept = json.loads(json_text(record))
    assert kept.keys() == record.keys()
    assert kept["next"][2] == {"last": 1}


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
@given(TEXT, TEXT, LAYOUTS, st.sampled_from(["originalImageUri", "uri", "description"]))
def test_no_signature_survives_in_an_object_of_a_list(path, tail, layout, name):
    record = {name: f"https://h/{path}?sv=1&sig={SECRET}&se={tail}", "next": [{"deep": f"?sig={SECRET}"}]}
    for sent in (json.dumps([record], **layout), json.dumps([record], **layout).replace("&", "\\u0026")):
        (listed,) = json_list(sent.encode("utf-8", "surrogatepass"))
        assert SECRET.encode() not in json_line(listed)


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
