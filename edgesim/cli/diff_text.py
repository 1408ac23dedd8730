"""The report of `edgesim diff` as text."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping

from edgesim.cli.console import STYLES, out, paint
from edgesim.cli.problems import printable
from edgesim.inspect import Step
from edgesim.inspect.diff import Change, Decided, DiffReport, Effect, ListenerChange, Traffic
from edgesim.inspect.diff.traffic import Hit

_MOST = 50
"""So many classes are printed; JSON has them all."""
_MOST_HOSTS = 5
_TITLES: Mapping[Effect, tuple[str, str]] = {
    Effect.MOVES: ("goes elsewhere", "error"),
    Effect.SENT: ("same place, sent otherwise", "warning"),
    Effect.OPTIONS: ("only options", "note"),
}

_COUNTED: Mapping[Effect, str] = {
    Effect.MOVES: "elsewhere",
    Effect.SENT: "sent otherwise",
    Effect.OPTIONS: "only options",
}


def print_diff(report: DiffReport, found: Traffic | None) -> None:
    """Print everything, the gravest first."""
    for listener in report.listeners:
        _print_listener(listener)
    hits = {hit.change: hit for hit in found.hits} if found is not None else {}
    for index, change in enumerate(report.changes[:_MOST]):
        _print_change(change, hits.get(index), found, named=_several(report))
    if len(report.changes) > _MOST:
        out(f"and {len(report.changes) - _MOST} more classes (-o json has them all)\n")
    for cut in report.cut:
        out(f"too large to be looked at to the end: {cut}")
    if found is not None:
        _print_traffic(found)
    out(_total(report))


def _several(report: DiffReport) -> bool:
    return len({change.listener for change in report.changes}) > 1


def _print_listener(change: ListenerChange) -> None:
    if change.what != "options":
        out(f"listener {change.listener} is {change.what}, with everything on it\n")
        return
    out(f"listener {change.listener} reads requests with other options")
    for each in change.options:
        out(f"  {each.name}: {each.before or 'none'} -> {each.after or 'none'}")
    out()


def _print_change(change: Change, hit: Hit | None, found: Traffic | None, *, named: bool) -> None:
    title, style = _TITLES[change.effect]
    listener = f" ({change.listener})" if named else ""
    out(f"{paint(title, STYLES[style], sys.stdout)}: {_hosts(change)}{listener}")
    for path in change.paths:
        out(f"  {printable(str(path))}")
    for condition in change.conditions:
        out(f"  and {printable(str(condition))}")
    for label, side in (("before", change.before), ("after", change.after)):
        _line(label, side.summary)
        _line("", _from(side))
    for each in change.differences:
        _line("changed", f"{each.name}: {each.before or 'none'} -> {each.after or 'none'}")
    if 0 < change.moved < 1:
        _line("moved", f"{100 * change.moved:g}% of these requests")
    if found is not None:
        _line("logged", _hit(hit))
    _line("for example" if change.witness else "perhaps", " ".join(_example(change)))
    out()


def _hosts(change: Change) -> str:
    more = f" and {len(change.hosts) - _MOST_HOSTS} more hosts" if len(change.hosts) > _MOST_HOSTS else ""
    return printable(", ".join(change.hosts[:_MOST_HOSTS])) + more


def _line(label: str, text: str) -> None:
    if text:
        out(f"    {label:<12}{printable(text)}")


def _from(side: Decided) -> str:
    if not side.origin:
        return ""
    number = f"route {side.route} of " if side.route else ""
    return f"{number}{_place(side.origin[-1])}"


def _place(step: Step) -> str:
    line = f":{step.line}" if step.line else ""
    return f"{step.file}{line} ({step.kind} {step.namespace}/{step.name})"


def _example(change: Change) -> Iterator[str]:
    """Yield the arguments of `edgesim route` that show the change."""
    witness = change.witness
    if witness is None:
        yield "no request was found that shows it"
        return
    yield "edgesim route"
    if witness.method != "GET":
        yield shlex.join(("-X", witness.method))
    for header in witness.headers:
        yield shlex.join(("-H", header))
    if witness.listener not in {"listener-::-8080", "listener-::-8443"}:
        yield shlex.join(("--listener", witness.listener))
    yield shlex.quote(witness.url)


def _hit(hit: Hit | None) -> str:
    if hit is None:
        return "none"
    absent = f" ({hit.if_absent} if the headers it lacks were not sent)" if hit.perhaps else ""
    perhaps = f", perhaps {hit.perhaps} more{absent}" if hit.perhaps else ""
    moved = f", {hit.expected:g} of them moved" if hit.expected not in {0, hit.requests} else ""
    return f"{hit.requests} request{'' if hit.requests == 1 else 's'} ({hit.percent:.3g}%){moved}{perhaps}"


def _print_traffic(found: Traffic) -> None:
    out(f"of {found.requests} logged requests {found.affected} are decided otherwise ({found.percent:.3g}%)")
    if found.expected != found.affected:
        out(f"  {found.expected:g} would end elsewhere, as shares are")
    if found.perhaps:
        out(f"  {found.perhaps} more may be: that depends on headers the log does not have: {', '.join(found.headers)}")
    if found.unread:
        out(
            f"  lines that are no request in a format known here: {found.unread}, the first is line {found.first_unread}"
        )


def _total(report: DiffReport) -> str:
    if not report.changes and not report.listeners:
        return paint("nothing is decided otherwise", STYLES["ok"], sys.stdout)
    said = [f"{count} {_COUNTED[each]}" for each in Effect if (count := report.count(each))]
    classes = "class" if len(report.changes) == 1 else "classes"
    return f"{len(report.changes)} {classes} of requests" + (f": {', '.join(said)}" if said else "")
