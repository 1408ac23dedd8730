"""The text of `route --explain`: what was tried, and why it was not taken."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from edgesim.cli.console import STYLES, out, paint
from edgesim.inspect import Explanation, Failure, RouteTrial

_TAKEN, _NOT_TAKEN = "-> ", "   "


def print_explanation(explanation: Explanation) -> None:
    """Print the virtual hosts and the routes that were tried, in order, an arrow before those that were taken."""
    out()
    out("virtual hosts, the strongest domain first:")
    _print_rows([*_hosts(explanation)], "there is none")
    if explanation.other_hosts:
        out(f"   and {_count(explanation.other_hosts, 'other')} whose domains do not take the host")
    if not any(host.chosen for host in explanation.hosts):
        return
    out()
    out("routes, in order:")
    _print_rows([*_routes(explanation)], "there is none")
    if explanation.other_routes:
        out(f"   and {_count(explanation.other_routes, 'other')} that failed earlier (--all shows them)")
    if explanation.behind:
        out(f"   {_count(explanation.behind, 'matcher')} behind it: not looked at")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


Row = tuple[bool, tuple[str, ...], str]
"""Whether it was taken, the aligned cells, and the words behind them."""


def _hosts(explanation: Explanation) -> Iterator[Row]:
    for host in explanation.hosts:
        yield host.chosen, (host.virtual_host, host.domain or ", ".join(host.domains)), host.rule or "does not take it"


def _routes(explanation: Explanation) -> Iterator[Row]:
    for trial in explanation.routes:
        failed = trial.failed
        yield failed is None, (_number(trial), _place(trial), trial.conditions), _why(failed)


def _why(failed: Failure | None) -> str:
    if failed is None:
        return "all hold"
    part = "" if failed.part in {"path", "method"} else f"{failed.part} "
    return f"not {part}{failed.condition}: {failed.actual}"


def _number(trial: RouteTrial) -> str:
    """Number a route, and the matcher where it has several."""
    number = str(trial.route) if trial.matchers == 1 else f"{trial.route}.{trial.matcher}"
    return f'{number} "{trial.name}"' if trial.name else number


def _place(trial: RouteTrial) -> str:
    return f"{trial.origin[-1].file}:{trial.origin[-1].line}" if trial.origin else "-"


def _print_rows(rows: Sequence[Row], nothing: str) -> None:
    if not rows:
        out(f"   {nothing}")
        return
    widths = [max(len(row[1][column]) for row in rows) for column in range(len(rows[0][1]))]
    for taken, cells, words in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        style = STYLES["ok" if taken else "warning"]
        out(f"{_TAKEN if taken else _NOT_TAKEN}{line}  {paint(words, style, sys.stdout)}")
