"""Ids in the spellings of the service, of tools and of people: one parse for all of them."""

import pytest

from cv_gdpr.archive.names import guid, same_id
from tests.unit.happening import PROJECT

BARE = PROJECT.replace("-", "")
SPELLED = {
    "as it is": PROJECT,
    "capitals": PROJECT.upper(),
    "braces": f"{{{PROJECT}}}",
    "round brackets": f"({PROJECT.upper()})",
    "without dashes": BARE,
    "blanks": f"\t {PROJECT}\u00a0\n",
    "a URN": f"urn:uuid:{PROJECT}",
}
OTHER = [
    "",
    PROJECT[:-1],
    f"{PROJECT}0",
    f"{PROJECT}/",
    PROJECT.replace(PROJECT[0], "g"),
    "\uff10" * 32,
    "0_0" * 11,
    "x",
]


@pytest.mark.parametrize("name", SPELLED)
def test_an_id_has_one_spelling(name):
    assert guid(SPELLED[name]) == same_id(SPELLED[name]) == PROJECT


@pytest.mark.parametrize("text", OTHER)
def test_another_text_is_not_an_id(text):
    assert (guid(text), same_id(text)) == ("", text)
