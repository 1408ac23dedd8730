"""The rules of a listener, made once for all routes that say the same.

A table may hold a hundred thousand routes and a handful of policies. What costs something to compile is
found here by what it is made from; a route's own `Plan` adds what is its alone.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from edgesim.model import ForwardAction, ListenerOptions
from edgesim.proxy.filters import Filter, chain
from edgesim.proxy.rules import Rules
from edgesim.routing import Decision


class Shared(NamedTuple):
    """Rules and the filters that a route of them uses, so that one it does not use costs nothing."""

    rules: Rules
    filters: tuple[Filter, ...]


class AllRules:
    """The rules of one listener, each made when it is first needed and shared by all routes that say the same."""

    __slots__ = ("_by_identity", "_by_value", "_options")

    def __init__(self, options: ListenerOptions) -> None:
        """Begin with none."""
        self._options = options
        self._by_value: dict[Hashable, Shared] = {}
        # Equal policies usually are one object, and comparing objects is a tenth of comparing what is in them.
        # What they are found by is kept, so that no identity is used again.
        self._by_identity: dict[tuple[int, ...], tuple[Shared, Hashable]] = {}

    def of(self, decision: Decision) -> Shared:
        """Return the rules for a decision, with their filters."""
        key = key_of(decision)
        identities = tuple(map(id, key))
        found = self._by_identity.get(identities)
        if found is not None:
            return found[0]
        shared = self._by_value.get(key)
        if shared is None:
            if len(self._by_value) >= _MOST_IDENTITIES:
                self._by_value.clear()
            rules = Rules(decision, self._options)
            shared = self._by_value[key] = Shared(rules, chain(rules))
        if len(self._by_identity) >= _MOST_IDENTITIES:
            self._by_identity.clear()
        self._by_identity[identities] = shared, key
        return shared


_MOST_IDENTITIES = 4096


def key_of(decision: Decision) -> tuple[Hashable, ...]:
    """Return all that rules are made from."""
    route, host, arm, action = decision.route, decision.virtual_host, decision.arm, decision.action
    arms = (None, None) if arm is None else (arm.policies, arm.headers)
    levels = (*arms, route.policies, route.headers, host.policies, host.headers)
    if not isinstance(action, ForwardAction):
        return (*levels, type(action), None, None, decision.rewrite is None)
    return (*levels, action.timeout, action.host_rewrite, bool(action.cluster_header), decision.rewrite is None)
