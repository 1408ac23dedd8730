"""Traffic that sticks: the requests of a user go where the first one went, so that users are what is drawn.

`Pattern` says how many users got exactly which numbers of answers. Where users stick, each counts once; where they
stick a little, requests count for less (the design effect of cluster sampling: Kish 1965, section 5.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

STICKS = 0.8
"""Traffic is sticky where at least so much of what could stick beyond chance does."""
_EFFECT = 1.5
"""The design effect from which on requests are not counted as if each was drawn for itself."""
_USERS = 20
"""Users below which a design effect says nothing."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """So many users got exactly these numbers of answers from these destinations."""

    answers: Mapping[str, int]
    users: int


@dataclass(frozen=True, slots=True)
class Stickiness:
    """How far users keep to one destination."""

    users: int
    """Who had an answer from a destination."""
    moved: int
    """Users who saw more than one."""
    stuck: float
    """0: as if each request was drawn for itself, 1: nobody moved."""
    effect: float
    """The design effect: the variance of a share over what independent requests would have; the highest of all arms."""

    @property
    def is_sticky(self) -> bool:
        """Whether users, not requests, are what is to be counted."""
        return self.stuck >= STICKS

    @property
    def is_correlated(self) -> bool:
        """Whether requests count for less than one each."""
        return self.users >= _USERS and self.effect > _EFFECT


def stickiness(patterns: Sequence[Pattern]) -> Stickiness:
    """Return how far users keep to one destination."""
    seen = [each for each in patterns if sum(each.answers.values())]
    users = sum(each.users for each in seen)
    moved = sum(each.users for each in seen if len(_there(each)) > 1)
    return Stickiness(users, moved, _stuck(seen), design_effect(seen))


def design_effect(patterns: Sequence[Pattern]) -> float:
    """Return the variance of a share over users, in terms of that of independent requests; 1 where it cannot be told."""
    users = sum(each.users for each in patterns)
    totals = _totals(patterns)
    of = sum(totals.values())
    if users < 2:
        return 1.0
    return max((_effect(patterns, name, count / of, users, of) for name, count in totals.items()), default=1.0)


def _effect(patterns: Sequence[Pattern], name: str, share: float, users: int, of: int) -> float:
    """Return that of one arm: the share is a ratio of sums over users, so that its variance is of the residuals."""
    if not 0 < share < 1:
        return 1.0
    residuals = sum(
        each.users * (each.answers.get(name, 0) - sum(each.answers.values()) * share) ** 2 for each in patterns
    )
    return residuals * users / (users - 1) / (of * share * (1 - share))


def _stuck(patterns: Sequence[Pattern]) -> float:
    """Return (those who stayed - those who would by chance) / (all - those who would by chance): a kappa."""
    totals = _totals(patterns)
    of = sum(totals.values())
    several = [each for each in patterns if sum(each.answers.values()) > 1]
    users = sum(each.users for each in several)
    stayed = sum(each.users for each in several if len(_there(each)) == 1)
    chance = sum(
        each.users * sum((count / of) ** sum(each.answers.values()) for count in totals.values()) for each in several
    )
    return (stayed - chance) / (users - chance) if users - chance > 1e-9 else 0.0


def by_user(patterns: Sequence[Pattern]) -> dict[str, int]:
    """Return how many users each destination had; one who moved counts where most of the answers came from."""
    users: dict[str, int] = {}
    for each in patterns:
        there = _there(each)
        if there:
            name = max(sorted(there), key=there.__getitem__)
            users[name] = users.get(name, 0) + each.users
    return users


def effective(counts: Mapping[str, int], effect: float) -> dict[str, int]:
    """Return counts as if so many had been drawn independently as say as much: each divided by the design effect."""
    return {name: max(bool(count), round(count / max(effect, 1.0))) for name, count in counts.items()}


def _there(pattern: Pattern) -> dict[str, int]:
    return {name: count for name, count in pattern.answers.items() if count}


def _totals(patterns: Sequence[Pattern]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for each in patterns:
        for name, count in each.answers.items():
            totals[name] = totals.get(name, 0) + count * each.users
    return totals
