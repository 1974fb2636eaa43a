"""Answers that say something else than the service would: changed on their way out."""

from __future__ import annotations

import gzip
import re
import zlib
from base64 import b64encode
from collections.abc import Callable
from hashlib import md5

from cv_gdpr.simulator.answers import Answer

Edit = Callable[[Answer], Answer]
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
