"""The harness: it notes what a page must not do, and finds what keeps people out."""

import pytest

from tests.browser.chromium import barriers, needed, printed

needed()

STRICT = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A page</title>{}</head>
<body><main><h1>A page</h1>{}</main></body></html>"""
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


@pytest.fixture
def show(watched, tmp_path):
    """A function that opens a page with this head and body."""

    def opened(head, body):
        path = tmp_path / "page.html"
        path.write_text(PAGE.format(head, body))
        return watched.open(path)

    return opened


WRONG = {
    "a picture from a network": ("", '<img alt="x" src="http://example.com/x.png">', "request: http://example.com/x"),
    "a style sheet from a network": (
        '<link rel="stylesheet" href="https://example.com/x">',
        "",
        "request: https://exa",
    ),
    "a file that is not there": ("", '<img alt="x" src="none.png">', "not loaded: file://"),
    "an error in a script": ("", "<script>nothing.at.all</script>", "script: "),
    "an error on the console": ("", "<script>console.error('no')</script>", "console: no"),
    "a script that the policy forbids": (STRICT, "<script>1</script>", "console: Executing inline script violates"),
    "a style that the policy forbids": (STRICT, '<p style="color: red">x</p>', "console: Applying inline style"),
    "a connection": (
        "",
        "<script>fetch('http://127.0.0.1:9/').catch(() => 0)</script>",
        "request: http://127.0.0.1:9/",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_a_page_must_not_do_is_noted(show, watched, case):
    head, body, problem = WRONG[case]
    show(head, body).evaluate("document.readyState")  # what the page told before has arrived
    assert any(one.startswith(problem) for one in watched.problems), watched.problems


def test_a_plain_page_has_no_problems(show, watched):
    page = show(STRICT.replace("'none'", "'none'; img-src data:"), f'<img alt="a pixel" src="{PIXEL}">')
    assert barriers(page) == []
    assert printed(page) == ["A page"]
    assert watched.problems == []


def test_a_picture_without_words_is_a_barrier(show):
    assert [one.split(":")[0] for one in barriers(show(STRICT, '<img src="">'))] == ["critical image-alt"]


def test_each_printed_page_has_its_text(show):
    page = show("<style>h2 { break-before: page }</style>", "<p>first</p><h2>second</h2><h2>third</h2>")
    assert [text.split()[-1] for text in printed(page)] == ["first", "second", "third"]
