"""Encodings that may hide a credential in a message, and a check that decodes them."""

import base64
import html
import json
import re
import urllib.parse


def full_width(text):
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


def escaped(form):
    return lambda text: "".join(form.format(ord(char)) for char in text)


def inserted(between):
    return between.join


def times(encode, number):
    def encoded(text):
        for _ in range(number):
            text = encode(text)
        return text

    return encoded


def lines(text):
    return "\n".join(text[at : at + 16] for at in range(0, len(text), 16))


SPELLINGS = {
    "as it is": str,
    "percent": urllib.parse.quote_plus,
    "percent, all of it": escaped("%{:02x}"),
    "percent, all of it, three times": times(escaped("%{:02X}"), 3),
    "percent, ten times": times(urllib.parse.quote_plus, 10),
    "percent, fifteen times": lambda text: escaped("%{:02x}")(text).replace("%", "%" + "25" * 14),
    "percent-u": escaped("%u{:04X}"),
    "a JSON escape": escaped("\\u{:04x}"),
    "a JSON escape within JSON": lambda text: json.dumps(escaped("\\u{:04X}")(text)),
    "JavaScript": escaped("\\u{{{:x}}}"),
    "C": escaped("\\x{:02x}"),
    "octal": escaped("\\{:03o}"),
    "HTML": escaped("&#{};"),
    "HTML, hexadecimal": escaped("&#x{:X};"),
    "HTML in percent": lambda text: urllib.parse.quote(escaped("&#{};")(text)),
    "HTML twice": lambda text: html.escape(escaped("&#{};")(text)),
    "full-width": full_width,
    "full-width in percent": lambda text: urllib.parse.quote(full_width(text)),
    "mathematical letters": lambda text: re.sub("[a-z]", lambda one: chr(ord(one[0]) - 97 + 0x1D41A), text),
    "mathematical letters in JSON": lambda text: json.dumps(
        re.sub("[a-z]", lambda one: chr(ord(one[0]) - 97 + 0x1D41A), text)
    ),
    "upper case": str.upper,
    "lower case": str.lower,
    "blanks": inserted(" "),
    "zero-width blanks": inserted("\u200b"),
    "soft hyphens": inserted("\u00ad"),
    "joiners": inserted("\u034f"),
    "NULs": inserted("\0"),
    "hyphens": inserted("-"),
    "lines": lines,
    "lines in JSON": lambda text: json.dumps(lines(text)),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 within more": lambda text: base64.b64encode(b"user: " + text.encode() + b"!").decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16")).decode(),
    "base64 of percent": lambda text: base64.b64encode(urllib.parse.quote_plus(text).encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal with blanks": lambda text: text.encode().hex(" ").upper(),
}


def telling(text, secret):
    """Return whether a text reveals a secret, plainly or in any of these spellings."""
    folded = re.sub("[^0-9a-z]", "", text.lower())
    marks = [spell(secret) for spell in SPELLINGS.values()]
    parts = [secret[at : at + 16] for at in range(len(secret) - 15)]
    return any(mark in text for mark in marks) or any(re.sub("[^0-9a-z]", "", part.lower()) in folded for part in parts)
