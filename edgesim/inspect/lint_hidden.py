"""Routes that never win, because an earlier one takes everything they match.

Nothing is reported that could win: a route that occurs several times (a table two routes delegate to) is
hidden only where it is hidden every time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from edgesim.inspect.atoms import Atom, atoms_of, written_routes
from edgesim.inspect.conditions import match_text
from edgesim.inspect.covers import Covers
from edgesim.inspect.findings import PLACE, Finding
from edgesim.model import OriginStep, VirtualHost

HIDDEN, OUTDONE = "ES0650", "ES0651"


@dataclass(slots=True)
class _Matcher:
    """What was seen of one matcher so far; `pairs` are its atoms with what hides them."""

    pairs: list[tuple[Atom, Atom]] = field(default_factory=list)
    wins: bool = False


_Known = dict[OriginStep, dict[int, _Matcher]]
"""Every written route, with its matchers by number."""


def hidden_routes(hosts: Iterable[VirtualHost]) -> Iterator[Finding]:
    """Find the routes, and single matchers of routes, that never win."""
    known: _Known = {}
    for host in hosts:
        _judge(host, known)
    for matchers in known.values():
        hidden = [each for each in matchers.values() if not each.wins]
        if len(hidden) == len(matchers):
            pairs = [pair for each in hidden for pair in each.pairs]
            yield _finding(pairs, pairs[0][0].route.origin[-1], f"route {pairs[0][0].route.number}")
        else:
            for each in hidden:
                atom = each.pairs[0][0]
                yield _finding(each.pairs, atom.step, f"matcher {atom.index + 1} of route {atom.route.number}")


def _judge(host: VirtualHost, known: _Known) -> None:
    """Go through the routes in order: what is hidden hides nothing that its hider would not."""
    routes = [[*atoms_of(order, route)] for order, route in written_routes(host)]
    covers = Covers([atom for atoms in routes for atom in atoms]) if len(routes) > 1 else None
    for atoms in routes:
        pairs = [(atom, covers.cover(atom) if covers is not None else None) for atom in atoms]
        for atom, cover in pairs:
            seen = known.setdefault(atom.route.origin[-1], {}).setdefault(atom.index, _Matcher())
            if cover is None:
                seen.wins = True
            else:
                seen.pairs.append((atom, cover))
            if cover is None and covers is not None:
                covers.put(atom)


def _finding(pairs: list[tuple[Atom, Atom]], step: OriginStep, what: str) -> Finding:
    others = len({cover.route.origin[-1] for _atom, cover in pairs}) - 1
    first = pairs[0][1]
    outdone = all(atom.path == cover.path and atom.conditions > cover.conditions for atom, cover in pairs)
    own = first.route.origin[-1]
    hider = f"route {first.route.number} of {own.resource} ({PLACE})" + (f" and {others} more" if others else "")
    text = f"{what} never wins: {hider} comes first and takes all it matches: {match_text(first.match)}"
    hint = "put the route with more conditions first" if outdone else "put it before that route, or remove it"
    return Finding(OUTDONE if outdone else HIDDEN, step, text, hint, (own,))
