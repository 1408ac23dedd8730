"""Which decisions of a virtual host are served alike.

A table of fifty thousand routes usually has a handful of ways to treat a request. Who serves decisions derives what
it needs once for each kind, so that a large table works in as little memory as a small one.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

from edgesim.model import Action, Destination, ForwardAction, Route, WeightedCluster

T = TypeVar("T", bound=Hashable)


class Kinds:
    """The kinds met while a virtual host is compiled."""

    __slots__ = ("_by_identity", "_by_value", "_kinds")

    def __init__(self) -> None:
        """Begin with none."""
        self._by_identity: dict[int, tuple[Hashable, int]] = {}
        self._by_value: dict[Hashable, int] = {}
        self._kinds: dict[Hashable, object] = {}

    def of(self, route: Route, action: Action, destination: Destination | None, arm: WeightedCluster | None) -> object:
        """Return the kind of a decision; one whose treatment is its own has a kind of its own."""
        if not isinstance(action, ForwardAction) or _is_special(route, action, arm) or destination is None:
            return object()
        of_arm = (0, 0) if arm is None else (self._number(arm.policies), self._number(arm.headers))
        of_route = (self._number(route.policies), self._number(route.headers))
        key = (of_arm, of_route, action.timeout, action.host_rewrite, destination.cluster, destination.subset)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = object()
        return kind

    def _number(self, value: Hashable) -> int:
        """Return what equal values have in common. Most are one object, and to compare objects is far cheaper."""
        found = self._by_identity.get(id(value))
        if found is None:
            number = self._by_value.setdefault(value, len(self._by_value) + 1)
            found = self._by_identity[id(value)] = (value, number)
        return found[1]


def _is_special(route: Route, action: ForwardAction, arm: WeightedCluster | None) -> bool:
    """Tell whether something belongs to this one route: what becomes of its path, or tokens that it has."""
    limited = route.policies.local_rate_limit or (arm is not None and arm.policies.local_rate_limit)
    return bool(limited or action.prefix_rewrite or action.regex_rewrite or action.cluster_header)
