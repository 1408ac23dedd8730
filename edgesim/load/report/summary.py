"""The top of a report: what was loaded, the one word, the figures that matter, and what to be careful about."""

from __future__ import annotations

from collections.abc import Iterator

from edgesim.analysis import ArmNumbers, Kind, Verdict
from edgesim.load.outcome import Outcome
from edgesim.load.percentiles import is_open, latency_of, service_of
from edgesim.load.report.elements import Markup, element
from edgesim.load.report.tables import table
from edgesim.load.report.wording import load, milliseconds, moment, processes, rate, share, size, url
from edgesim.load.results import LoadResult
from edgesim.load.stops import Looked, is_error
from edgesim.telemetry import slots

_TICK, _CROSS, _DOTS, _BAR = (
    "M3.5 8.5l3 3 6-7",
    "M4 4l8 8M12 4l-8 8",
    "M3.5 8h.01M8 8h.01M12.5 8h.01",
    "M8 3.5v5M8 12h.01",
)
_MARKS = {"pass": _TICK, "fail": _CROSS, "more": _DOTS, "warn": _BAR}
_CLASSES = {Kind.PASS: "pass", Kind.FAIL: "fail", Kind.NEED_MORE_DATA: "more"}
_WORDS = {"pass": "Pass", "fail": "Fail", "more": "Need more data"}


def head(outcome: Outcome) -> Markup:
    """Return the title, and how it was loaded."""
    result = outcome.result
    said = f"{load(result)}. {result.seconds:,.1f} s measured by {processes(result)}."
    return element(
        "header",
        brand(element("time", moment(result.started), datetime=result.started)),
        element("h1", url(result)),
        element("p", said, class_="lead"),
        class_="head",
    )


def brand(beside: Markup | None = None) -> Markup:
    """Return whose report it is, and when it ran."""
    return element("p", _logo(), element("span", "edgesim load"), beside, class_="brand")


def _logo() -> Markup:
    """Return edgesim's mark: one way that parts in two."""
    ways = [element("path", d=d) for d in ("M2 10h5c3 0 3-6 6-6h5", "M7 10c3 0 3 6 6 6h5")]
    return element("svg", *ways, viewBox="0 0 20 20", class_="logo", aria_hidden="true")


def mark(kind: str) -> Markup:
    """Return the sign of a verdict; the word stands beside it."""
    return element(
        "svg", element("path", d=_MARKS[kind]), viewBox="0 0 16 16", class_=f"mark {kind}", aria_hidden="true"
    )


def banner(outcome: Outcome) -> Markup | None:
    """Return the word for the whole run; nothing where nothing was asked and all went well."""
    checks = len(outcome.looked) + len(outcome.verdicts)
    failed = sum(each.true for each in outcome.looked) + sum(each.kind is Kind.FAIL for each in outcome.verdicts)
    open_ = sum(each.kind is Kind.NEED_MORE_DATA and not each.advisory for each in outcome.verdicts)
    if not outcome.answered:
        return banner_of("fail", "Nothing was answered")
    if not checks:
        return None
    if failed:
        return banner_of("fail", f"{failed} of {_checks(checks)} failed")
    if open_:
        return banner_of("more", f"{open_} of {_checks(checks)} cannot be decided yet")
    if undecided := sum(each.is_left_open for each in outcome.verdicts):
        return banner_of("pass", f"{checks - undecided} of {_checks(checks)} passed, none failed")
    return banner_of("pass", "the check passed" if checks == 1 else f"all {checks} checks passed")


def _checks(number: int) -> str:
    return "1 check" if number == 1 else f"{number} checks"


def banner_of(kind: str, said: str) -> Markup:
    """Return a word (`pass`, `fail` or `more`) with what it is about."""
    word = element("strong", _WORDS[kind])
    return element("p", mark(kind), word, element("span", said), class_=f"banner {kind}", role="status")


def tiles(outcome: Outcome) -> Markup:
    """Return the figures that matter."""
    return element("dl", [_tile(*each) for each in _figures(outcome)], class_="tiles")


def _tile(name: str, value: str, beside: str, kind: str = "") -> Markup:
    return element(
        "div", element("dt", name), element("dd", value, class_="figure"), element("dd", beside), class_=f"tile {kind}"
    )


def _figures(outcome: Outcome) -> Iterator[tuple[str, str, str, str]]:
    result, cells = outcome.result, outcome.result.cells
    every = sum(cell.count for cell in cells)
    wrong = sum(cell.count for cell in cells if is_error(cell))
    received = sum(cell.received for cell in cells)
    asked = f"{rate(result.asked, result.seconds)} asked for" if is_open(result.scenario) else "as fast as it answers"
    yield "Answers", rate(outcome.answered, result.seconds), asked, ""
    yield "Errors", share(wrong, every), f"{wrong:,} of {every:,}", "bad" if wrong else ""
    latency = slots.percentiles(latency_of(cells), [50, 99, 99.9, 100])
    service = slots.percentiles(service_of(cells), [50, 99, 99.9, 100])
    names = ("Median", "99th percentile", "99.9th percentile", "Slowest")
    for name, value, other in zip(names, latency, service, strict=True):
        beside = f"service {milliseconds(other)}" if is_open(result.scenario) else "of the service time"
        yield name, milliseconds(value), beside, ""
    opened = slots.count(result.connects)
    if opened:
        what = "TLS handshakes" if result.scenario.target.scheme == "https" else "Connections"
        yield what, f"{opened:,}", f"{size(received)} received", ""


def warnings(result: LoadResult) -> Markup | None:
    """Return what speaks against trusting the figures, and why the run ended early."""
    said = [element("p", "Ended early: ", result.stopped)] if result.stopped else []
    if result.client.limits:
        title = element("h2", mark("warn"), "The client, not the server, may be what was measured")
        said += [title, element("ul", [element("li", each) for each in result.client.limits])]
    return element("aside", said, class_="warning", aria_label="Cautions") if said else None


def checks(outcome: Outcome) -> Markup | None:
    """Return every verdict and condition with what was found."""
    rows = [*map(_verdict, outcome.verdicts), *map(_condition, outcome.looked)]
    if not rows:
        return None
    return element("section", element("h2", "Checks"), element("ul", rows, class_="checks"), class_="card")


def _check(kind: str, word: str, title: str, *said: Markup | None) -> Markup:
    chip = element("span", mark(kind), word, class_=f"chip {kind}")
    return element("li", chip, element("div", element("h3", title), said))


def _verdict(verdict: Verdict) -> Markup:
    kind = _CLASSES[verdict.kind]
    said = [element("p", sentence) for sentence in verdict.sentences]
    return _check(kind, _WORDS[kind], verdict.question, *said, _numbers(verdict), _arms(verdict.arms), _others(verdict))


def _numbers(verdict: Verdict) -> Markup | None:
    parts = [verdict.name, f"confidence {verdict.confidence:.4g}"]
    if verdict.p_value is not None:
        parts.append(f"p-value {verdict.p_value:.2g}")
    if verdict.power is not None:
        parts.append(f"power {verdict.power:.1%}")
    if verdict.needed:
        parts.append(f"{verdict.needed:,} more {verdict.unit} needed")
    return element("p", ", ".join(parts), class_="numbers")


def _arms(arms: tuple[ArmNumbers, ...]) -> Markup | None:
    if not arms:
        return None
    rows = [
        [
            arm.name,
            f"{arm.expected:.2%}",
            f"{arm.share:.2%}",
            f"{arm.low:.2%} to {arm.high:.2%}",
            f"{arm.observed:,}",
            f"{arm.p_value:.2g}",
        ]
        for arm in arms
    ]
    return table("Arms of the split", ["destination", "expected", "seen", "interval", "answers", "p-value"], rows)


def _others(verdict: Verdict) -> Markup | None:
    if not verdict.numbers:
        return None
    rows = [[name.replace("_", " "), f"{value:.4g}"] for name, value in verdict.numbers.items()]
    shown = table(f"Numbers of {verdict.name}", ["number", "value"], rows)
    return element("details", element("summary", "Numbers"), shown, class_="data")


def _condition(looked: Looked) -> Markup:
    kind, word = ("fail", "Met") if looked.true else ("pass", "Not met")
    return _check(kind, word, f"--fail-if {looked.condition.text}", element("p", f"It is {looked.figure}."))
