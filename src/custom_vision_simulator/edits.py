"""Functions that change an answer before it is sent, for faults: packed bodies, other links, other spellings."""

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
    """Return an edit that packs the body and declares it, with the MD5 of the packed bytes, as Azure Storage does."""

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
    """Return an edit that points every link in a body to another host."""

    def edit(answer: Answer) -> Answer:
        return Answer(answer.status, _LINK.sub(root.encode(), answer.body), answer.content_type, answer.headers)

    return edit


def respelled(spellings: tuple[str, ...]) -> Edit:
    """Return an edit that replaces each probability and fraction by the next of the spellings, in rotation."""
    turns = itertools.cycle(spellings)

    def edit(answer: Answer) -> Answer:
        body = _NUMBER.sub(lambda found: b'"%s":%s' % (found[1], next(turns).encode()), answer.body)
        return Answer(answer.status, body, answer.content_type, answer.headers)

    return edit


def reversed_labels(answer: Answer) -> Answer:
    """Return a list of images with the tags and regions of each image reversed."""
    records = json.loads(answer.body)
    for record in records:
        for name in ("tags", "regions"):
            record.get(name, []).reverse()
    return Answer(answer.status, json.dumps(records).encode(), answer.content_type, answer.headers)


def one_more_page(answer: Answer) -> Answer:
    """Return a page of stored predictions with a continuation, so that paging never ends."""
    page = json.loads(answer.body)
    page = {"results": page.get("results", []), "token": {"continuation": uuid.uuid4().hex}}
    return Answer(200, json.dumps(page).encode(), answer.content_type, answer.headers)
