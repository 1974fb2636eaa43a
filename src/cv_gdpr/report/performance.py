"""The measures of a project's models, ready to show: over its iterations, and for each tag."""

from typing import TYPE_CHECKING, NamedTuple

from cv_gdpr.languages import Language, message
from cv_gdpr.report.plots import Series, Value, key, over_iterations, spark, strip
from cv_gdpr.report.records import Iteration, Measures, Project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

MEASURES = (message("Precision"), message("Recall"), message("Average precision"))
"""The names of the fields of Measures, in their order."""
NOT_MEASURED = Measures(None, None, None)


class TagOver(NamedTuple):
    """A tag over the iterations: a small plot of each measure, and its latest measures with the iteration's number."""

    name: str
    sparks: tuple["Markup", ...]
    latest: Measures
    number: int


class Performances(NamedTuple):
    """The measures of a project's models: the plot (None without any number), its legend, and the tags by name."""

    plot: "Markup | None"
    legend: tuple[tuple["Markup", str], ...]
    tags: tuple[TagOver, ...]


def performances(project: Project, language: Language) -> Performances:
    """Return what a project's page shows of the performance of its iterations, in their order there."""
    names = [language.gettext(one) for one in MEASURES]
    whole = [_whole(one) for one in project.iterations]
    columns = _columns(whole)
    legend = tuple((key(index), name) for index, name in enumerate(names))
    if not any(value is not None for one in whole for value in one):
        return Performances(None, legend, ())
    series = [Series(name, values) for name, values in zip(names, columns, strict=True)]
    title = language.gettext("Precision, recall and average precision over the iterations")
    words = language.gettext("The table below has the numbers; the iterations are numbered as there.")
    plot = over_iterations(title, words, series, language.percent)
    return Performances(plot, legend, tuple(_tags(project.iterations)))


def _whole(iteration: Iteration) -> Measures:
    return iteration.performance.whole if iteration.performance else NOT_MEASURED


def _columns(measures: "Sequence[Measures]") -> "list[list[Value]]":
    """Return the values of each measure."""
    return [[one[index] for one in measures] for index in range(len(MEASURES))]


def _tags(iterations: "Sequence[Iteration]") -> list[TagOver]:
    """Return each tag that an iteration was measured for; one that was renamed has its latest name."""
    found: dict[str, dict[int, Measures]] = {}
    names: dict[str, str] = {}
    for number, iteration in enumerate(iterations):
        for one in iteration.performance.tags if iteration.performance else ():
            found.setdefault(one.tag, {})[number] = one.measures
            names[one.tag] = one.name or names.get(one.tag, "") or one.tag
    rows = [_over(names[tag], measured, len(iterations)) for tag, measured in found.items()]
    return sorted(rows, key=lambda one: (one.name.casefold(), one.name))


def _over(name: str, measured: dict[int, Measures], count: int) -> TagOver:
    columns = _columns([measured.get(number, NOT_MEASURED) for number in range(count)])
    sparks = tuple(spark(values, index) for index, values in enumerate(columns))
    latest = max(measured)
    return TagOver(name, sparks, measured[latest], latest + 1)


def on_a_scale(measures: Measures) -> "Markup":
    """Return the measures of one tag as marks on a scale."""
    return strip(measures)
