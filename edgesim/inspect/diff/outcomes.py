"""What a decision comes to, in three parts: where a request goes, what is sent, and how it is treated on the way."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from fractions import Fraction
from typing import Any

from edgesim.inspect.diff.entries import Entry
from edgesim.model import (
    NO_POLICIES,
    Cluster,
    ClusterType,
    Destination,
    DirectResponseAction,
    ForwardAction,
    HeaderMutations,
    PathKind,
    Policies,
    RedirectAction,
    Route,
    RouteMatch,
    Subset,
    VirtualHost,
    WeightedCluster,
)

_ALL = Fraction(1)
DEFAULT_TIMEOUT = 15.0
"""Envoy's route timeout in seconds."""


class Effect(StrEnum):
    """What changes for a request, the gravest first."""

    MOVES = "moves"
    """It goes to other destinations, in other shares, or is answered otherwise by the proxy."""
    SENT = "sent"
    """It goes to the same place with another path, host or headers, or its answer gets other headers."""
    OPTIONS = "options"
    """Only how it is treated on the way changes: timeouts, retries, limits, and the like."""


@dataclass(frozen=True, slots=True)
class Share:
    """One destination: a cluster as it is, a subset of it, and its exact share of the requests."""

    cluster: str
    subset: Subset
    share: Fraction
    target: Hashable
    """What the cluster's name stands for; None where there is no such cluster (503)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision by what it comes to; equal parts are equal decisions.

    `answer` is what the proxy answers itself, by its fields. `sent` and `options` are named pieces.
    """

    shares: frozenset[Share] = frozenset()
    answer: tuple[tuple[str, Any], ...] = ()
    sent: tuple[tuple[str, Any], ...] = ()
    options: tuple[tuple[str, Any], ...] = ()


NO_ROUTE = Outcome(answer=(("status", 404),))


def effect(before: Outcome, after: Outcome) -> Effect | None:
    """Return what changes, None where nothing does."""
    if before.shares != after.shares or before.answer != after.answer:
        return Effect.MOVES
    if before.sent != after.sent:
        return Effect.SENT
    return None if before.options == after.options else Effect.OPTIONS


def moved_share(before: Outcome, after: Outcome) -> Fraction:
    """Return which part of such requests ends elsewhere: half the sum of all differences of shares."""
    old, new = _by_place(before), _by_place(after)
    return sum((max(new.get(each, Fraction(0)) - old.get(each, Fraction(0)), Fraction(0)) for each in new), Fraction(0))


def _by_place(outcome: Outcome) -> dict[Hashable, Fraction]:
    if not outcome.shares:
        return {outcome.answer: _ALL}
    return {(each.cluster, each.subset, each.target): each.share for each in outcome.shares}


@dataclass(slots=True)
class Outcomes:
    """What the routes of one virtual host (None where none takes a request) come to on one listener."""

    host: VirtualHost | None
    clusters: Mapping[str, Cluster]
    most_specific_wins: bool = False
    _known: dict[tuple[int, int], Outcome] = field(default_factory=dict)

    def of(self, entry: Entry | None) -> Outcome:
        """Return what an entry comes to."""
        return NO_ROUTE if entry is None else self.of_match(entry.route, entry.match)

    def of_match(self, route: Route, match: RouteMatch) -> Outcome:
        """Return what a route comes to for one of its matchers."""
        key = id(route), id(match)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._made(route, match)
        return found

    def of_route(self, route: Route) -> Hashable:
        """Return what a route comes to by each of its matchers."""
        return tuple(self.of_match(route, match) for match in route.matches)

    def _made(self, route: Route, match: RouteMatch) -> Outcome:
        action = route.action
        sent = self._headers(route.headers)
        options = self._policies(route.policies)
        if isinstance(action, DirectResponseAction):
            return Outcome(
                answer=(("status", action.status), ("body", action.body)), sent=_set(sent), options=_set(options)
            )
        rewrite = _rewrite(action, match)
        if isinstance(action, RedirectAction):
            named = {each.name: getattr(action, each.name) for each in fields(action)} | {"prefix_rewrite": rewrite}
            return Outcome(answer=_set(named), sent=_set(sent), options=_set(options))
        sent |= {"path": rewrite, "path by regex": action.regex_rewrite, "host": action.host_rewrite}
        options["timeout"] = _timeout(action, options)
        return self._forwarded(action, sent, options)

    def _headers(self, own: HeaderMutations) -> dict[str, Any]:
        """Return the changes of headers in the order they are made, whichever level they come from."""
        levels = [own, NO_HOST.headers if self.host is None else self.host.headers]
        if self.most_specific_wins:
            levels.reverse()
        return {
            "request headers": tuple(step for level in levels for step in (*level.request_remove, *level.request_add)),
            "response headers": tuple(
                step for level in levels for step in (*level.response_remove, *level.response_add)
            ),
        }

    def _policies(self, own: Policies) -> dict[str, Any]:
        """Return the policies in force: the route's where it says something, else the virtual host's."""
        outer = NO_POLICIES if self.host is None else self.host.policies
        tls = None if self.host is None else self.host.tls
        return {"tls": tls} | {each.name: _stronger(each.name, own, outer) for each in fields(Policies)}

    def _forwarded(self, action: ForwardAction, sent: dict[str, Any], options: dict[str, Any]) -> Outcome:
        if action.cluster_header:
            header = (("cluster named by header", action.cluster_header.lower()),)
            return Outcome(answer=header, sent=_set(sent), options=_set(options))
        arms = _arms(action)
        sent["headers of destinations"] = frozenset((arm.destination, arm.headers) for arm in arms if arm.headers)
        options["policies of destinations"] = frozenset(
            (arm.destination, arm.policies) for arm in arms if arm.policies != NO_POLICIES
        )
        names = {arm.destination.cluster for arm in arms}
        options["upstreams"] = frozenset((name, _settings(self.clusters.get(name))) for name in names)
        return Outcome(self._shares(arms), (), _set(sent), _set(options))

    def _shares(self, arms: tuple[WeightedCluster, ...]) -> frozenset[Share]:
        total = sum(arm.weight for arm in arms)
        found: dict[Destination, Fraction] = {}
        for arm in arms:
            found[arm.destination] = found.get(arm.destination, Fraction(0)) + Fraction(arm.weight, total or 1)
        return frozenset(
            Share(to.cluster, to.subset, share, _target(self.clusters.get(to.cluster), to.subset))
            for to, share in found.items()
        )


NO_HOST = VirtualHost("", ())
_SETTINGS = tuple(
    each.name
    for each in fields(Cluster)
    if each.name not in {"name", "type", "endpoints", "service", "origin", "response"}
)


def _arms(action: ForwardAction) -> tuple[WeightedCluster, ...]:
    if action.weighted:
        return tuple(arm for arm in action.weighted if arm.weight)
    return () if action.destination is None else (WeightedCluster(action.destination, 1),)


def _target(cluster: Cluster | None, subset: Subset) -> Hashable:
    """Return what a cluster's name stands for: the places its requests go to, and how a subset is cut from them."""
    if cluster is None:
        return None
    if cluster.type is ClusterType.DIRECT_RESPONSE:
        return cluster.response
    return cluster.type, cluster.service, cluster.endpoints, cluster.subsets if subset else None


def _settings(cluster: Cluster | None) -> Hashable:
    """Return what else is said of a cluster."""
    if cluster is None:
        return None
    return tuple((name, getattr(cluster, name)) for name in _SETTINGS)


def _rewrite(action: ForwardAction | RedirectAction, match: RouteMatch) -> Hashable:
    """Return what a prefix rewrite does: the new beginning, and how many characters it stands for (None for all)."""
    new, path = action.prefix_rewrite, match.path
    if not new or (isinstance(action, ForwardAction) and action.regex_rewrite is not None):
        return None
    if path.kind is not PathKind.PREFIX:
        return new, None
    return None if new == path.value and path.case_sensitive else (new, len(path.value.encode()))


def _timeout(action: ForwardAction, options: Mapping[str, Any]) -> float:
    if options["max_stream_duration"] is not None:
        return 0.0  # a route with a longest duration has no other timeout, as in Envoy
    return DEFAULT_TIMEOUT if action.timeout is None else action.timeout


def _stronger(name: str, own: Policies, outer: Policies) -> Any:
    said = getattr(own, name)
    return getattr(outer, name) if said == getattr(NO_POLICIES, name) else said


def _set(values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return the pieces that are something."""
    return tuple((name, value) for name, value in values.items() if not _is_nothing(value))


def _is_nothing(value: Any) -> bool:
    return value is None or value is False or (isinstance(value, str | tuple | frozenset) and not value)


def differing(one: tuple[tuple[str, Any], ...], other: tuple[tuple[str, Any], ...]) -> list[tuple[str, Any, Any]]:
    """Return the named pieces that differ, with both values, None for one that is not there."""
    left, right = dict(one), dict(other)
    return [
        (name, left.get(name), right.get(name))
        for name in dict.fromkeys((*left, *right))
        if left.get(name) != right.get(name)
    ]
