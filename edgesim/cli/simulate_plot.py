"""`edgesim simulate --plot`: the answers drawn with matplotlib, which is an extra."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgesim.cli.simulate_text import Result, plan_text
from edgesim.model.codes import failure

if TYPE_CHECKING:
    from edgesim.simulate.rollout_report import PlanReport
    from edgesim.simulate.splits import Simulated

_MOST_BARS = 20
_COLOR, _SPREAD = "#3b6fb6", "#1d2733"


def check(file: Path) -> None:
    """Refuse a file that cannot be drawn. Raises EdgesimError."""
    if file.suffix.lower() not in {".png", ".svg"}:
        raise failure("ES1104", f"--plot `{file}`: the name of the file ends in `.png` or `.svg`", exit_code=2)
    if not file.parent.is_dir():
        raise failure("ES1104", f"--plot `{file}`: there is no folder `{file.parent}`", exit_code=2)
    if find_spec("matplotlib") is None:
        hint = "install it: pip install 'edgesim[plot]'"
        raise failure("ES1104", "--plot needs matplotlib, which is not installed", hint, exit_code=2)


def draw(result: Result, file: Path) -> None:
    """Draw the split and, where one was rolled out, the plan. Raises EdgesimError where the file cannot be written."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    answered = result.answered
    plan = None if answered is None else answered.plan or (answered.search.plan if answered.search else None)
    rows = min(len(result.simulated.rows), _MOST_BARS)
    heights = [1.2 + 0.45 * rows, *([2.6] if plan else [])]
    figure = Figure(figsize=(8, sum(heights)), layout="constrained")
    axes = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    _split(axes[0], result.simulated)
    if plan:
        _plan(axes[1], plan, "" if answered is None else answered.canary, result.asked.power * 100)
    try:
        figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix.lower() == ".svg" else None)
    except OSError as error:
        raise failure("ES1104", f"--plot `{file}`: {error.strerror}") from None


def _split(axes: Any, simulated: Simulated) -> None:
    rows = sorted(simulated.rows, key=lambda row: row.share)[-_MOST_BARS:]
    shares = [row.share * 100 for row in rows]
    spread = [[(row.share - row.low) * 100 for row in rows], [(row.high - row.share) * 100 for row in rows]]
    spread = [[max(0.0, each) for each in side] for side in spread]
    axes.barh(
        [row.destination for row in rows], shares, xerr=spread, color=_COLOR, ecolor=_SPREAD, capsize=3, height=0.6
    )
    axes.set_xlabel(f"% of {simulated.requests:,} requests, with where 95% of runs are")
    axes.set_xlim(0, max(100.0 if len(rows) < 3 else 0.0, max(shares, default=0.0) * 1.1))
    axes.set_title("Where requests go", loc="left")
    _quiet(axes)


def _plan(axes: Any, report: PlanReport, canary: str, power: float) -> None:
    at, times, shares = 0.0, [0.0], [0.0]
    for step in report.steps:
        times += [at, at + step.seconds]
        shares += [step.share * 100] * 2
        at += step.seconds
    end = at * 1.05
    axes.plot([each / 60 for each in (*times, end)], [*shares, shares[-1]], color=_COLOR, label=f"share of {canary}")
    axes.fill_between(
        [each / 60 for each in (*times, end)], [*shares, shares[-1]], color=_COLOR, alpha=0.15, linewidth=0
    )
    if report.at is not None:
        axes.axvline(report.at.median / 60, color=_SPREAD, linestyle="-", label="stopped: in half of the rollouts")
        axes.axvline(report.at.most / 60, color=_SPREAD, linestyle=":", label=f"... in {power:.6g}% of rollouts")
    axes.set_xlabel("minutes")
    axes.set_ylabel("%")
    axes.set_ylim(0, 105)
    axes.set_xlim(0, end / 60)
    axes.set_title(plan_text(report.steps), loc="left")
    axes.legend(frameon=True, framealpha=1.0, edgecolor="none", loc="upper center")
    _quiet(axes)


def _quiet(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
