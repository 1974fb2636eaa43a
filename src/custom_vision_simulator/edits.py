"""Answers that say something else than the service would: changed on their way out."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import uuid
import zlib
from base64 import b64encode
from collections.abc import Callable
from hashlib import md5

from custom_vision_simulator.answers import Answer

Edit = Callable[[Answer], Answer]
_NUMBER = re.compile(rb'"(probability|left|top|width|height|precision|recall)":[^,}]*')
_LINK = re.compile(rb'(?<=")http://127\.0\.0\.1:\d+(?=/)')


def packed(coding: str, pack: Callable[[bytes], bytes]) -> Edit:
    """Give what packs a body and says so, with the MD5 of what is sent, as Azure Storage keeps it."""

    def edit(answer: Answer) -> Answer:
        body = pack(answer.body)
        digest = b64encode(md5(body, usedforsecurity=False).digest()).decode()
        headers = {**answer.headers, "Content-Encoding": coding, "Content-MD5": digest}
        return Answer(answer.status, body, answer.content_type, headers)

    return edit


gzipped = packed("gzip", gzip.compress)
deflated = packed("deflate", zlib.compress)
broken_gzip = packed("gzip", lambda body: gzip.compress(body)[:-9])
unknown = packed("x-unknown", bytes)


def links_to(root: str) -> Edit:
    """Give what lets every link in a body lead to another host."""

    def edit(answer: Answer) -> Answer:
        return Answer(answer.status, _LINK.sub(root.encode(), answer.body), answer.content_type, answer.headers)

    return edit


def respelled(spellings: tuple[str, ...]) -> Edit:
    """Give what writes every probability and fraction in one of the spellings after the other."""
    turns = itertools.cycle(spellings)

    def edit(answer: Answer) -> Answer:
        body = _NUMBER.sub(lambda found: b'"%s":%s' % (found[1], next(turns).encode()), answer.body)
        return Answer(answer.status, body, answer.content_type, answer.headers)

    return edit


def reversed_labels(answer: Answer) -> Answer:
    """Give a list of images with the tags and regions of each in the opposite order."""
    records = json.loads(answer.body)
    for record in records:
        for name in ("tags", "regions"):
            record.get(name, []).reverse()
    return Answer(answer.status, json.dumps(records).encode(), answer.content_type, answer.headers)


def one_more_page(answer: Answer) -> Answer:
    """Give a page of stored predictions that leads to another one, whatever it holds."""
    page = json.loads(answer.body)
    page = {"results": page.get("results", []), "token": {"continuation": uuid.uuid4().hex}}
    return Answer(200, json.dumps(page).encode(), answer.content_type, answer.headers)
