"""Measure how long a browser takes to open the pages of a report.

    python -m tests.benchmarks.report --keep FOLDER && python -m tests.benchmarks.opening FOLDER/site

It needs Chromium and the extra browser. Each page is opened five times; the median is printed, in milliseconds, until
the page is complete with what it loads, and for the gallery from the choice of a tag until its pictures are painted.
"""

import statistics
import sys
from pathlib import Path

from tests.browser.chromium import Visitor, executable, started

TIMES = 5
FILTER = """async () => {
  const tag = document.querySelector("select[name=tag]");
  tag.selectedIndex = 1;
  const began = performance.now();
  tag.dispatchEvent(new Event("input", {bubbles: true}));
  await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
  return document.querySelectorAll("#matches li").length ? performance.now() - began : NaN;
}"""


def _opening(visitor, page):
    opened = visitor.open(page)
    opened.screenshot()  # it is painted before the times are read
    took = opened.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    drawn = opened.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0")
    filtered = 0.0
    if page.name == "gallery.html":
        filtered = opened.evaluate(FILTER)
    visitor.close()
    return took, drawn, filtered


def main():
    """Print the figures of each kind of page."""
    site = Path(sys.argv[1])
    kinds = ("index.html", "project-*/index.html", "project-*/gallery.html", "project-*/pictures/*.html")
    with started(executable() or "chromium") as browser:
        visitor = Visitor(browser)
        visitor.open(site / "index.html").close()  # the browser's own start is not measured
        for page in (next(site.glob(kind)) for kind in kinds):
            figures = zip(*(_opening(visitor, page) for _ in range(TIMES)), strict=True)
            took, drawn, filtered = (statistics.median(each) for each in figures)
            line = f"{page.relative_to(site)}: {page.stat().st_size:,} bytes, complete after {took:.0f} ms"
            sys.stdout.write(f"{line}, first painted after {drawn:.0f} ms, filtered in {filtered:.0f} ms\n")


if __name__ == "__main__":
    main()
