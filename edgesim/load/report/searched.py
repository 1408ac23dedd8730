"""The report of `--find-max`: latency against rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import edgesim
from edgesim.load.find_max import Highest, Trial
from edgesim.load.report.chart import Axis, Chart, Series, Style, Values, rounded
from edgesim.load.report.elements import Markup, element
from edgesim.load.report.page import document, figures
from edgesim.load.report.summary import banner_of, brand
from edgesim.load.report.tables import table
from edgesim.load.stops import condition


def search_page(found: Highest) -> bytes:
    """Return the report of a search."""
    trials = sorted({trial.rate: trial for trial in found.trials}.values(), key=lambda trial: trial.rate)
    drawn = [_chart(found, trials)]
    word = "more" if found.stopped else "pass" if found.rate else "fail"
    parts = (
        element("header", brand(), element("h1", found.sentence), class_="head"),
        banner_of(word, f"{len(trials)} rates were tried"),
        element("aside", element("p", f"{found.limited[0].upper()}{found.limited[1:]}."), class_="warning")
        if found.limited
        else None,
        figures(drawn),
        _trials(trials),
    )
    return document(f"Highest rate at which {found.bound}", parts, drawn, edgesim.__version__)


def _chart(found: Highest, trials: Sequence[Trial]) -> Chart:
    p50 = rounded([trial.p50_ms for trial in trials])
    p99 = rounded([trial.p99_ms for trial in trials])
    broken: Values = [None if trial.holds else value for trial, value in zip(trials, p99, strict=True)]
    holding = [trial.p50_ms for trial in trials if trial.holds and trial.p50_ms]
    return Chart(
        "rates",
        "Latency against rate",
        "Median and 99th percentile in a window at each rate; dots: where the bound did not hold.",
        f"{len(trials)} rates; the highest that holds is {found.rate:,.0f} requests a second.",
        Axis.RATE,
        "ms",
        [trial.rate for trial in trials],
        [
            Series("p99", "--v0", p99),
            Series("p50", "--v2", p50),
            Series("does not hold", "--e0", broken, Style.POINTS),
            *_bounds(found.bound, len(trials)),
        ],
        logarithmic=bool(holding) and max(value or 0 for value in p99) > 30 * min(holding),
        scalable=True,
        wide=True,
    )


def _bounds(text: str, points: int) -> Iterator[Series]:
    for each in text.split(" and "):
        bound = condition("--find-max", each)
        if bound.figure == "percentile":
            yield Series(each, "--asked", [bound.limit / 1000] * points, dashed=True)


def _trials(trials: Sequence[Trial]) -> Markup:
    rows = [
        [
            f"{trial.rate:,.0f}/s",
            element("span", "holds" if trial.holds else trial.why, class_="status" if trial.holds else "status bad"),
            f"{trial.achieved:,.0f}/s",
            f"{trial.p50_ms:,.2f} ms",
            f"{trial.p99_ms:,.2f} ms",
            f"{trial.errors:,}",
        ]
        for trial in trials
    ]
    titles = ["rate", "bound", "achieved", "p50", "p99", "errors"]
    return element("section", element("h2", "Rates tried"), table("Rates tried", titles, rows, words=2), class_="card")
