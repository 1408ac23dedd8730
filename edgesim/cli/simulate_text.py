"""What `edgesim simulate` shows: a table of the split, and a few lines for each question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edgesim.cli.problems import printable
from edgesim.simulate.asked import LONGEST
from edgesim.simulate.holding import LONGER, Hold
from edgesim.simulate.questions import Answered, Questions, Search
from edgesim.simulate.rollout import Plan, Step
from edgesim.simulate.rollout_report import PlanReport, Spread
from edgesim.simulate.splits import Row, Simulated
from edgesim.telemetry import slots

_MOST_ROWS = 40
PERCENTS = (50.0, 90.0, 99.0, 99.9)


@dataclass(frozen=True, slots=True)
class Result:
    """What was asked, and all that came of it."""

    seed: int
    asked: Questions
    simulated: Simulated
    answered: Answered | None


def lines(result: Result) -> Iterator[str]:
    """Yield the answer."""
    simulated = result.simulated
    runs = "1 run" if simulated.runs == 1 else f"{simulated.runs:,} runs"
    yield f"{runs} of {simulated.requests:,} requests, seed {result.seed}"
    yield ""
    yield from _table(simulated)
    answered = result.answered
    if answered is None:
        return
    if answered.hold is not None:
        yield from ("", *_hold(answered.hold, answered, result.asked))
    if answered.plan is not None:
        yield from ("", *_plan(answered.plan, answered, result.asked))
    if answered.search is not None:
        yield from ("", *_search(answered.search, answered, result.asked))


# --- the split -----------------------------------------------------------------------------------------


def _table(simulated: Simulated) -> Iterator[str]:
    rows = sorted(simulated.rows, key=lambda row: (-row.share, row.destination))
    shown = rows[:_MOST_ROWS]
    columns = [
        ("DESTINATION", lambda row: printable(row.destination)),
        ("SHARE", lambda row: _percent(row.share)),
        ("CONFIGURED", lambda row: "" if row.exact is None else _percent(row.exact)),
        ("95% OF RUNS", lambda row: f"{_percent(row.low)} to {_percent(row.high)}"),
        ("USERS", lambda row: "" if row.users is None else f"{row.users:,.0f}"),
        (
            "ERRORS",
            lambda row: "" if row.answers.errors is None else f"{row.answers.errors / max(row.requests, 1):.3%}",
        ),
        *((f"P{percent:g}", _percentile(index)) for index, percent in enumerate(PERCENTS)),
    ]
    cells = [[title, *map(cell, shown)] for title, cell in columns]
    kept = [column for column in cells if any(column[1:])]
    widths = [max(map(len, column)) for column in kept]
    for line in zip(*kept, strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
    if len(rows) > len(shown):
        yield f"and {len(rows) - len(shown):,} more; -o json has them all"


def _percentile(index: int) -> Any:
    def cell(row: Row) -> str:
        found = slots.percentiles(row.answers.latency, PERCENTS)
        return f"{found[index] / 1000:,.4g} ms" if row.answers.latency else ""

    return cell


def _percent(share: float) -> str:
    return f"{share * 100:.3f}%"


# --- the questions -------------------------------------------------------------------------------------


def _hold(hold: Hold, answered: Answered, asked: Questions) -> Iterator[str]:
    yield f"How long must {_short(hold.share)} be held to see errors rise from {_short(hold.before)} to {_short(hold.after)}?"
    yield f"  {seconds(hold.seconds)}, for {hold.requests:,} requests to {printable(answered.canary)} at {_rate(answered.rate)}"
    asked_for = f"power {hold.power:.1%} (asked {_short(asked.power)})"
    yield f"  one look at the end: {asked_for}, false alarms {hold.false_alarms:.1%} ({_runs(asked)})"
    half = "" if hold.watched_median is None else f"; in half of the runs within {seconds(hold.watched_median)}"
    told = f"over {seconds(hold.seconds * LONGER)}" if hold.watched is None else seconds(hold.watched)
    yield f"  looked at all the time: {told} for the same power{half}; false alarms {hold.watched_false_alarms:.1%}"


def _plan(report: PlanReport, answered: Answered, asked: Questions) -> Iterator[str]:
    yield f"What meets a bad {printable(answered.canary)} in {plan_text(report.steps)}?"
    yield from _rollouts(report, answered, asked)


def _search(search: Search, answered: Answered, asked: Questions) -> Iterator[str]:
    bound = search.bound
    what = f"{bound.of.value} at most {bound.most:,.0f} in {_short(bound.power)} of rollouts"
    yield f"Which plan is fastest with {what}?"
    looked = f"{search.considered:,} plans looked at, {search.simulated:,} of them simulated"
    if search.plan is None:
        yield f"  none of those that were tried: {looked}"
        return
    yield f"  {plan_text(search.plan.steps)}, {seconds(search.plan.seconds)} in all ({looked})"
    yield from _rollouts(search.plan, answered, asked)


def _rollouts(report: PlanReport, answered: Answered, asked: Questions) -> Iterator[str]:
    errors = f"errors {_short(answered.after)} against {_short(answered.before)}"
    yield f"  {errors}, {_rate(answered.rate)}, checked every {seconds(asked.check.every)}; {_runs(asked)}"
    when = "" if report.at is None else f", {_spread(report.at, asked, seconds)}"
    yield f"  stopped before 100%: {report.stopped:.1%}{when}"
    if report.users is not None:
        yield f"  users who met it: {_spread(report.users, asked, _count)}, of {report.every_user or 0:,}"
    yield f"  requests it got: {_spread(report.requests, asked, _count)}; errors {_spread(report.errors, asked, _count)}"
    yield f"  a good one is stopped in {report.false_alarms:.1%} (at most {_short(1 - asked.check.confidence)})"


def _spread(spread: Spread, asked: Questions, shown: Any) -> str:
    return f"median {shown(spread.median)}, {_short(asked.power)} within {shown(spread.most)}"


def _count(number: float) -> str:
    return f"{number:,.0f}"


def _runs(asked: Questions) -> str:
    return f"{asked.runs:,} simulated"


def _rate(rate: float) -> str:
    return f"{rate:,.6g} requests/s"


def _short(share: float) -> str:
    return f"{share * 100:.6g}%"


def plan_text(plan: Plan | Sequence[Step]) -> str:
    """Write a plan as it is typed."""
    return ",".join(
        f"{_short(step.share)}:{seconds(step.seconds)}" if step.seconds else _short(step.share) for step in plan
    )


def seconds(number: float) -> str:
    """Write seconds as a duration of at most two parts, as 1h5m, 3m20s, 12.5s; in days where none that long can be typed."""
    if number < 60:
        return f"{number:.3g}s"
    whole = round(number)
    if whole < 3600:
        return f"{whole // 60}m" + (f"{whole % 60}s" if whole % 60 else "")
    if number > LONGEST:
        return f"{number / 86_400:,.0f} days"
    minutes = round(number / 60)
    return f"{minutes // 60}h" + (f"{minutes % 60}m" if minutes % 60 else "")
