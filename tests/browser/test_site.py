"""The site of an export in a browser: what it loads, who can use it, what a hostile name does, whether filters work."""

import re

import pytest

from cv_gdpr.languages import LANGUAGES
from tests.browser.chromium import PHONE, barriers, needed
from tests.browser.sites import HOSTILE, ITERATIONS, SPOKEN, report

needed()


@pytest.fixture(scope="module")
def pages(site):
    """One page of each kind, of the project whose names are markup."""
    project = next(one.parent for one in site.glob("project-*/index.html") if "7*7" in one.read_text("utf-8"))
    first = {"iteration": "iteration-*", "picture": "pictures/image-*", "prediction": "pictures/prediction-*"}
    found = {kind: sorted(project.glob(pattern))[0] for kind, pattern in first.items()}
    return found | {
        "overview": site / "index.html",
        "project": project / "index.html",
        "gallery": project / "gallery.html",
    }


KINDS = ("overview", "project", "iteration", "gallery", "picture", "prediction")


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_for_everyone(visitor, pages, kind):
    page = visitor.open(pages[kind])
    assert barriers(page) == []
    page.emulate_media(color_scheme="dark")
    assert barriers(page) == []
    assert page.title() != "run"


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_fits_a_phone_without_scripts(visitor, pages, kind):
    page = visitor.open(pages[kind], size=PHONE, java_script_enabled=False)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    pictures = page.locator("img").evaluate_all("all => all.map(one => [one.loading, one.naturalWidth])")
    assert all(width or loading == "lazy" for loading, width in pictures)


def test_each_link_leads_to_a_file(site):
    linked = 0
    for page in site.rglob("*.html"):
        for link in re.findall(r' (?:href|src)="([^"#]+)', page.read_text("utf-8")):
            assert (page.parent / link).is_file(), (page, link)
            linked += 1
    assert linked > 100


def test_a_hostile_name_is_text(visitor, pages):
    page = visitor.open(pages["project"])
    assert page.get_by_role("heading", level=1).inner_text() == HOSTILE
    assert page.locator("img[src=x]").count() == 0
    assert page.get_by_role("rowheader", name=HOSTILE).first.is_visible()
    assert "\\u202etxt.exe" in page.locator("main").inner_text()
    assert SPOKEN not in page.content()


def test_keys_reach_every_link_in_its_order(visitor, pages):
    page = visitor.open(pages["project"])
    count = page.locator("a:visible, summary:visible, [tabindex='0']:visible").count()
    reached = []
    for _ in range(count):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.outerHTML"))
    assert len(reached) == count
    assert "skip" in reached[0]
    assert all(not one.startswith("<body") for one in reached)


def test_the_plots_have_the_numbers_beside_them(visitor, pages):
    page = visitor.open(pages["project"])
    plot = page.get_by_role("img", name="Precision, recall and average precision over the iterations")
    assert plot.is_visible()
    assert plot.locator(".mark").count() == 3 * ITERATIONS
    table = page.get_by_role("region", name="Iterations")
    assert table.locator("tbody tr").count() == ITERATIONS
    assert table.locator("tbody tr").first.inner_text().count("%") == 3
    colours = plot.locator(".line").evaluate_all("all => all.map(one => getComputedStyle(one).stroke)")
    assert len(set(colours)) == 3
    assert "none" not in colours


def test_an_iteration_leads_to_its_pictures(visitor, pages):
    page = visitor.open(pages["iteration"])
    page.get_by_role("link", name="The pictures that it was trained on").click()
    page.locator("#matches li").first.wait_for()
    assert page.locator("#matches li").count() == 4
    assert page.locator("select[name=iteration]").input_value() != ""


def test_filters_find_pictures(visitor, pages):
    page = visitor.open(pages["gallery"])
    found = page.locator("#matches li")
    page.get_by_label("Metadata contains").fill("number=2")
    assert found.count() == 1
    page.get_by_role("button", name="Show all").click()
    page.locator("#all").wait_for()
    page.locator("select[name=tag]").select_option(HOSTILE)
    assert found.count() == 2
    page.locator("select[name=where]").select_option("stored prediction")
    assert found.count() == 0
    assert page.title() != "run"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_filtered_picture_has_its_date(visitor, run, bags, lang):
    site = report(run, bags["all"], "--lang", lang, to=f"dates-{lang}")
    page = visitor.open(next(site.glob("project-*/gallery.html")))
    last = "all => all.map(one => one.querySelector('.words').lastElementChild.textContent)"
    static = page.locator("#all li a").evaluate_all(last)
    page.locator("select[name=where]").select_option("w")
    shown = page.locator("#matches li a").evaluate_all(last)
    assert shown
    assert set(shown) <= set(static)
    assert all("UTC" in one for one in shown)
