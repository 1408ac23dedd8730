"""Which destinations a name means, which one is the canary, and how many requests it would take part in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from edgesim.dialects.nearest import did_you_mean
from edgesim.model import EdgesimError, Position, Problem
from edgesim.model.codes import failure, problem
from edgesim.simulate.outcomes import Outcome

T = TypeVar("T")


def names_of(outcome: Outcome) -> tuple[str, ...]:
    """Return the names of a destination, the most exact first."""
    parts = [name for key, value in outcome.subset for name in (f"{key}={value}", value)]
    return tuple(dict.fromkeys((outcome.destination, *sorted(parts, key=len, reverse=True), outcome.cluster)))


def by_destination(
    given: Mapping[str, T], outcomes: Iterable[Outcome], places: Mapping[str, Position] | None = None
) -> dict[str, T]:
    """Return what is given for each destination: the most exact name wins. Raises EdgesimError for a name of none."""
    forwarded = [each for each in outcomes if each.cluster]
    known = {name for each in forwarded for name in names_of(each) if name}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise EdgesimError(*(_unknown(name, known, (places or {}).get(name)) for name in unknown), exit_code=1)
    found = {}
    for each in forwarded:
        name = next((name for name in names_of(each) if name in given), None)
        if name is not None:
            found[each.destination] = given[name]
    return found


def _unknown(name: str, known: Iterable[str], place: Position | None) -> Problem:
    hint = did_you_mean(name, sorted(known)) or f"there are: {', '.join(sorted(known)[:8])}"
    return problem("ES1102", f"no destination is `{name}`", position=place, hint=hint)


@dataclass(frozen=True, slots=True)
class Canary:
    """The new version: its name, its destinations, those of the old one, and the share of all requests they split."""

    name: str
    destinations: frozenset[str]
    others: frozenset[str]
    share: float


def canary_of(name: str, outcomes: Sequence[Outcome], exact: Sequence[float]) -> Canary:
    """Find the canary: by name, or the smallest part of a split. Raises EdgesimError where there is none."""
    splits: dict[int, list[int]] = {}
    for number, outcome in enumerate(outcomes):
        if outcome.cluster:
            splits.setdefault(outcome.target, []).append(number)
    if name:
        ours = frozenset(by_destination({name: True}, outcomes))
    else:
        ours, name = _smallest([found for found in splits.values() if len(found) > 1], outcomes)
    shared = [
        found for found in splits.values() if {outcomes[at].destination for at in found} & ours and len(found) > 1
    ]
    if not shared:
        clusters = {outcome.cluster for outcome in outcomes if outcome.destination in ours}
        shared = [[at for at in found if outcomes[at].cluster in clusters] for found in splits.values()]
    at = [each for found in shared for each in found]
    others = frozenset(outcomes[each].destination for each in at) - ours
    share = sum(exact[each] for each in at)
    if not others or share <= 0:
        raise failure("ES1105", f"nothing is split between `{name}` and another version", "let a route reach both")
    return Canary(name, ours, others, share)


def _smallest(splits: Sequence[Sequence[int]], outcomes: Sequence[Outcome]) -> tuple[frozenset[str], str]:
    """Return the destination with the least share of any split; of several the last."""
    arms = [outcomes[at] for found in splits for at in found]
    if not arms:
        raise failure("ES1105", "no route splits its requests, so nothing tells the canary", "name it with `--canary`")
    least = min(reversed(arms), key=lambda arm: arm.share)
    values = [value for _key, value in least.subset]
    return frozenset((least.destination,)), values[0] if len(values) == 1 else least.destination
