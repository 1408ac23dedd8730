"""Draw what bench.proxy measured: `python -m bench.plot` writes bench/results/proxy.png."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

from bench.report import RESULTS

_COLOURS = {"edgesim": "#2563eb", "envoy": "#9333ea", "nginx": "#16a34a", "haproxy": "#64748b"}


def main() -> int:
    file = RESULTS / "proxy.json"
    if not file.exists():
        print("bench/plot: there is no proxy.json yet; run `python -m bench.proxy`")
        return 1
    found = json.loads(file.read_text())
    draw(found, RESULTS / "proxy.png")
    print(f"written: {RESULTS / 'proxy.png'}")
    return 0


def draw(found: dict[str, Any], to: Path) -> None:
    """Draw requests a second by scenario and proxy, as a share of Envoy's; whiskers span the rounds."""
    import matplotlib as mpl  # noqa: PLC0415  # only who draws needs it

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after the choice of a backend without a screen

    outcomes = [one for one in found["results"] if _row(one, "envoy") is not None]
    figure, axes = plt.subplots(figsize=(10, 0.9 * len(outcomes) + 1.5))
    height = 0.8 / len(_COLOURS)
    for at, (name, colour) in enumerate(_COLOURS.items()):
        places, middles, lows, highs = [], [], [], []
        for number, outcome in enumerate(outcomes):
            ratios = _ratios(outcome, name)
            if ratios:
                places.append(number + at * height)
                middles.append(median(ratios))
                lows.append(median(ratios) - min(ratios))
                highs.append(max(ratios) - median(ratios))
        axes.barh(places, middles, height=height, color=colour, label=name, xerr=(lows, highs), ecolor="#00000066")
    axes.set_yticks([number + 1.5 * height for number in range(len(outcomes))])
    axes.set_yticklabels([outcome["scenario"]["title"] for outcome in outcomes], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(1.0, color="#9333ea", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("requests a second against Envoy in the same round (log scale)")
    axes.legend(loc="best", fontsize=8)
    axes.set_title(f"One worker on one core, {found['machine']['date']}, {found['machine']['cpu']}", fontsize=9)
    figure.tight_layout()
    figure.savefig(to, dpi=120)


def _row(outcome: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((row for row in outcome["rows"] if row["peer"]["name"] == name), None)


def _ratios(outcome: dict[str, Any], name: str) -> list[float]:
    mine, envoy = _row(outcome, name), _row(outcome, "envoy")
    if mine is None or envoy is None:
        return []
    return [one["rate"] / other["rate"] for one, other in zip(mine["rounds"], envoy["rounds"], strict=True)]


if __name__ == "__main__":
    sys.exit(main())
