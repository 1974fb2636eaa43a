"""The sentences that evidence records in English, in another language.

The ledger keeps words, not codes, so that anyone can read it. A certificate in another language recognises a sentence
as it is in the catalogue, or as one of PATTERNS with values in it. What no pattern knows stays as it was recorded,
such as an answer of the service.
"""

import re
from functools import cache, lru_cache

from cv_gdpr.evidence import account, verdicts
from cv_gdpr.languages import Language, message
from cv_gdpr.service import shortfalls as of_bytes
from cv_gdpr.table import account as account_row
from cv_gdpr.table import inventory, outside, shortfalls
from cv_gdpr.table.categories import ACCOUNT, EXPORTS, category

_KEY_HOLDER = message("the holder of a training key (sha256:%(hash)s)")
NOT_LOOKED_AT = message("its project could not be looked at again: %(reason)s")
MORE_IN_IT = message("it holds %(number)s items that are not in the plan")
ANSWERED = message("the service answered %(answer)s")
UNREADABLE = message("the service answered %(number)s with a body that cannot be read")
RECOVERY_UNKNOWN = message("whether it can be recovered is unknown: %(reason)s")
RECOVERABLE_UNTIL = "it can be recovered until %(time)s; --purge ends that"
ALL_ROWS = "all that the API deletes"
CHANGED = "it changed after it was planned; run the command again"

PATTERNS = (
    *(_KEY_HOLDER, NOT_LOOKED_AT, MORE_IN_IT, UNREADABLE, ANSWERED, RECOVERY_UNKNOWN, RECOVERABLE_UNTIL),
    *(inventory.CANNOT_NARROW, inventory.FOR_SELECTED, *outside.PATTERNS, *account_row.PATTERNS),
    *(*account.PATTERNS, *verdicts.PATTERNS),
    *(*shortfalls.PATTERNS, *of_bytes.PATTERNS),
)
ON_PAPER = {
    RECOVERABLE_UNTIL: message("it can be recovered until %(time)s, unless it is purged"),
    ALL_ROWS: message("all kinds of data that can be deleted without the Azure resource"),
    CHANGED: message("it changed after it was planned"),
    category(ACCOUNT).delete_by_hand: message(
        "The Azure resource itself stays until its administrator deletes it, in the Azure portal for example; Azure "
        "then keeps it recoverable for 48 hours, unless it is purged"
    ),
    category(EXPORTS).delete_by_hand: message(
        "No operation deletes an exported model: it goes when the Azure resource is deleted. Copies in a storage "
        "container of yours, if the service writes any there, are yours to delete"
    ),
}
"""What a person reads on paper in place of words for the operator: a page has no commands."""
_VALUES = {"time": r"\S+", "number": "[0-9]+"}  # what they look like; others are any text
_SPOKEN = {"sentence", "more"}  # values that must be sentences themselves


def translated(text: str, language: Language) -> str:
    """Return a recorded sentence in a language; unchanged if it is not one that cv-gdpr writes."""
    return _recognised(text, language) or text


@lru_cache(4096)
def _recognised(text: str, language: Language) -> str | None:
    """Return a sentence in a language, or None."""
    if not text:
        return None
    text = ON_PAPER.get(text, text)
    said = language.gettext(text)
    if said != text:
        return said
    for pattern in PATTERNS:
        if found := _expression(pattern).fullmatch(text):
            values = {name: _value(name, value, language) for name, value in found.groupdict().items()}
            if None not in values.values():
                return language.gettext(ON_PAPER.get(pattern, pattern)) % values
    return text if language.code == "en" else None


def _value(name: str, value: str, language: Language) -> str | None:
    if name in _SPOKEN:
        return _recognised(value, language)
    if name == "time":
        return language.date(value)
    if name == "number":
        return language.number(int(value))
    return translated(value, language) if name in {"reason", "source", "proxy"} else value


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    """Return what finds a pattern's values in a sentence."""
    parts = re.split(r"%\((\w+)\)s", pattern)
    texts, names = map(re.escape, parts[::2]), [f"(?P<{name}>{_VALUES.get(name, '.+?')})" for name in parts[1::2]]
    return re.compile("".join(text + name for text, name in zip(texts, [*names, ""], strict=True)), re.DOTALL)
