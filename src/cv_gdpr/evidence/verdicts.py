"""What an erasure proved, in words, and no more. Evidence says it in English, a certificate in its language."""

from cv_gdpr.evidence.events import Opened
from cv_gdpr.evidence.outcomes import DELETED, GONE, RESIDUE, UNPROVED, Outcome
from cv_gdpr.languages import message
from cv_gdpr.table.selection import AGE, EXCEPT, IMAGE_ID

_WITH = message("%(sentence)s. %(more)s")
_AND = message("%(sentence)s; %(more)s")

_SINCE = message("It does not say what was stored since.")
_OTHER_PICTURES = message("It does not say whether other pictures of the person exist.")
_LATER = message(
    "It does not say what was stored after the ids were found. It does not say whether other pictures of the person "
    "exist."
)
NEW_PICTURES = message("It says nothing of a picture that was uploaded anew: that has a new id.")

_ENDS = {
    1: message("not carried out in full: an unexpected error"),
    3: message("done in part"),
    4: message("residue: deleted according to the service, but still there"),
}
_REFUSED = message("not carried out in full: refused or not reachable")

_OLD = {
    DELETED: message("erased: everything in the plan, created before %(time)s"),
    GONE: message("gone already: everything in the plan, created before %(time)s"),
}
_IDS = {
    DELETED: message("erased: what was chosen by id"),
    GONE: message("gone already: what was chosen by id"),
}
_SELECTED = {
    DELETED: message("erased: what the search found, stored before %(time)s"),
    GONE: message("gone already: what the search found, stored before %(time)s"),
}
_EVERYTHING = {
    DELETED: message("erased: everything in the plan, stored before %(time)s"),
    GONE: message("gone already: everything in the plan, stored before %(time)s"),
}

_NOTHING_OLD = message("nothing to delete: nothing in scope was created before %(time)s")
_NOTHING_SELECTED = message("nothing to delete: the search found nothing stored before %(time)s")
_NOTHING = message("nothing to delete: nothing in scope, stored before %(time)s, was there")
_KEPT = message("nothing deleted: what the search found, stored before %(time)s, is kept")
_NOT_READ = message(
    "nothing deleted: projects in scope could not be read, and nothing to delete was found in the others"
)

_ALL_GONE = message("done in part: everything in the plan is gone; %(sentence)s")
_NOT_SEARCHED = message("stored predictions were not searched")
_COPIES = message("pictures that may be copies were not selected")
_OLD_KEPT = message("old iterations are kept")
_NOT_MATCHED = message("not all values matched")
_NOTHING_SEARCHED = message("done in part: nothing matched, and stored predictions were not searched")
_ONLY_KEPT = message("done in part: nothing deleted; what matched is kept")
_NO_MATCH = message("nothing matched what was asked for")

_NOTHING_TO_LOOK_FOR = message("nothing to look for: the evidence proves nothing gone")
_RECHECKED = {
    0: message("still gone: everything that the evidence says is gone"),
    3: message("done in part: %(number)s could not be looked for; what could be is still gone"),
    4: message("there again: %(number)s of what the evidence says is gone"),
}

PATTERNS = (
    *(*_OLD.values(), *_SELECTED.values(), *_EVERYTHING.values()),
    *(_NOTHING_OLD, _NOTHING_SELECTED, _NOTHING, _KEPT, _ALL_GONE, _RECHECKED[3], _RECHECKED[4]),
    *(_WITH, _AND),
)
"""The sentences with something in them: `%(sentence)s` and `%(more)s` are sentences of this module, too."""


def verdict(code: int, outcomes: list[Outcome], opened: Opened) -> str:
    """Return in words what was proved, and no more; items stored after the listing began may not be in the plan."""
    if code == 3 and not outcomes:
        return _NOT_READ if opened.failed else _nothing_in_part(opened)
    if code == 3 and all(outcome.state in {DELETED, GONE} for outcome in outcomes) and not opened.failed:
        return _in_part(opened)
    if code:
        return _ENDS.get(code, _REFUSED)
    return _done(outcomes, opened) if outcomes else _nothing(opened)


def _done(outcomes: list[Outcome], opened: Opened) -> str:
    """Return the verdict where everything in the plan is gone."""
    done = GONE if all(outcome.state == GONE for outcome in outcomes) else DELETED
    scope, stored = opened.scope, {"time": opened.listed_from}
    if scope.before and not _names_a_person(opened):
        return _OLD[done] % {"time": scope.before}
    if scope.selectors and all(one.selector == IMAGE_ID for one in scope.selectors):
        return _joined(_IDS[done], _LATER)
    if scope.selectors:
        return _joined(_SELECTED[done] % stored, _OTHER_PICTURES)
    return _joined(_EVERYTHING[done] % stored, _SINCE)


def _joined(sentence: str, more: str) -> str:
    return _WITH % {"sentence": sentence, "more": more}


def _nothing(opened: Opened) -> str:
    """Return the verdict where nothing was to be deleted."""
    if opened.scope.before and not _names_a_person(opened):
        return _NOTHING_OLD % {"time": opened.scope.before}
    stored = {"time": opened.listed_from}
    if any(one.kept for one in opened.projects):
        return _KEPT % stored
    if opened.scope.selectors:
        return _joined(_NOTHING_SELECTED % stored, _OTHER_PICTURES)
    return _NOTHING % stored


def _names_a_person(opened: Opened) -> bool:
    """Return whether a selector other than age selects."""
    return any(one.selector not in {AGE, EXCEPT} for one in opened.scope.selectors)


def _in_part(opened: Opened) -> str:
    """Return the verdict where the plan is carried out, and not all that was asked for was in it."""
    lacking = [
        (_NOT_SEARCHED, any(one.predictions_not_searched != 0 for one in opened.projects)),
        (_COPIES, any(one.copies_left for one in opened.projects)),
        (_OLD_KEPT, any(one.kept_published or one.kept_for_images for one in opened.projects)),
    ]
    words = [what for what, holds in lacking if holds] or [_NOT_MATCHED]
    sentence = words.pop()
    for word in reversed(words):
        sentence = _AND % {"sentence": word, "more": sentence}
    return _ALL_GONE % {"sentence": sentence}


def _nothing_in_part(opened: Opened) -> str:
    """Return the verdict where nothing was planned, and not all was found or searched."""
    if any(one.predictions_not_searched != 0 for one in opened.projects):
        return _NOTHING_SEARCHED
    if any(one.is_in_part for one in opened.projects):
        return _ONLY_KEPT
    return _NO_MATCH


def verdict_of_recheck(code: int, outcomes: list[Outcome]) -> str:
    """Return in words what a recheck found."""
    if not outcomes:
        return _NOTHING_TO_LOOK_FOR
    there, unknown = (sum(one.state == state for one in outcomes) for state in (RESIDUE, UNPROVED))
    found = _RECHECKED.get(code, _REFUSED) % {"number": unknown if code == 3 else there}
    return _joined(found, NEW_PICTURES)
