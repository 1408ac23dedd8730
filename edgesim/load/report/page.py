"""The page of a report: one file, which needs no network and lets none be reached (Content-Security-Policy)."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from importlib.resources import files

import msgspec

from edgesim.load.outcome import Outcome
from edgesim.load.report import summary, tables
from edgesim.load.report.chart import Chart
from edgesim.load.report.elements import Child, Markup, element, raw
from edgesim.load.report.series import charts
from edgesim.load.report.wording import url


def page(outcome: Outcome) -> bytes:
    """Return the report of a run."""
    drawn = charts(outcome)
    parts = (
        summary.head(outcome),
        summary.banner(outcome),
        summary.tiles(outcome),
        summary.warnings(outcome.result),
        summary.checks(outcome),
        figures(drawn),
        tables.by_destination(outcome),
        tables.by_answer(outcome),
        tables.details(outcome),
    )
    return document(f"Load of {url(outcome.result)}", parts, drawn, outcome.result.version)


def figures(drawn: Iterable[Chart]) -> Markup:
    """Return the places of charts, each with its numbers."""
    return element("section", [_figure(chart) for chart in drawn], class_="charts", aria_label="Charts")


def _figure(chart: Chart) -> Markup:
    title = element("h2", chart.title, id=f"{chart.name}-title")
    scale = element("button", "Log scale", type="button", class_="scale", aria_pressed="false", hidden=True)
    caption = element("figcaption", element("div", title, element("p", chart.about, class_="about")), scale)
    place = element(
        "div",
        class_="plot",
        id=chart.name,
        role="img",
        tabindex="0",
        aria_label=f"{chart.title}. {chart.summary}",
    )
    legend = element("div", class_="legend", role="group", aria_label=f"Lines of {chart.title}")
    said = element("p", class_="said", aria_live="polite")
    return element(
        "figure", caption, legend, place, said, tables.of_chart(chart), class_="card wide" if chart.wide else "card"
    )


def document(title: str, parts: Iterable[Child], drawn: list[Chart], version: str) -> bytes:
    """Return a whole page with these parts."""
    styles = [_asset("vendor/uPlot.min.css"), _asset("static/report.css")]
    licensed = f"/*\n{_asset('vendor/LICENSE')}*/\n{_asset('vendor/uPlot.iife.min.js')}"
    scripts = [licensed, _asset("static/report.js")]
    policy = (
        f"default-src 'none'; img-src data:; style-src {' '.join(map(_digest, styles))}; "
        f"script-src {' '.join(map(_digest, scripts))}; base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content=f"edgesim {version}"),
        element("link", rel="icon", href="data:,"),
        element("title", title),
        [raw("style", each) for each in styles],
    )
    body = element(
        "body",
        element("main", parts),
        _foot(version),
        raw("script", _data(drawn), type="application/json", id="charts"),
        [raw("script", each) for each in scripts],
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n".encode("utf-8", "replace")


def _foot(version: str) -> Markup:
    return element(
        "footer",
        element("noscript", element("p", "The charts need JavaScript; their numbers are in the tables.")),
        element("p", "Drag across a chart to look closer, double-click or Escape to go back; arrow keys read it."),
        element("p", f"edgesim {version}. Charts: uPlot, MIT licence."),
    )


def _data(drawn: list[Chart]) -> str:
    """Return the charts as JSON that cannot end the script it stands in."""
    return msgspec.json.encode(drawn).decode().replace("<", "\\u003c").replace(">", "\\u003e")


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return files("edgesim.load.report").joinpath(name).read_text("utf-8")
