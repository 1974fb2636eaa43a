"""Finds names from right to left that may move what stands beside them on a page."""

from html.parser import HTMLParser

NAME = "מוזיאון 12"
"""A name from right to left; its digits are drawn left of it, and those after it too, where nothing isolates it."""
_ISOLATED = {"bdi", "title", "pre", "script", "option"}  # nothing of ours stands beside it there
_EMPTY = {"meta", "img", "br", "link", "input"}


class _Beside(HTMLParser):
    """Collects each text that holds letters from right to left and stands in no element that isolates it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[str] = []
        self.isolated = 0

    def handle_starttag(self, tag, _attrs):
        self.open += [] if tag in _EMPTY else [tag]

    def handle_endtag(self, tag):
        if tag in self.open:
            del self.open[len(self.open) - 1 - self.open[::-1].index(tag) :]

    def handle_data(self, data):
        if any("\u0590" <= letter <= "\u08ff" for letter in data):
            alone = _ISOLATED & set(self.open) or (self.open and self.open[-1] == "text")  # of a picture's boxes
            self.isolated += bool(alone)
            self.found += [] if alone else [data]


def beside(page):
    """Return the texts of a page that are not isolated; there must be some that are."""
    parser = _Beside()
    parser.feed(page)
    assert parser.isolated
    return parser.found
