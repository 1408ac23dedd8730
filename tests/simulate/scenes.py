"""Small models and populations, and the live core asked one request at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgesim.inspect import Tables, choose_listener, read_url
from edgesim.model import (
    Cluster,
    ClusterType,
    Destination,
    ForwardAction,
    HeaderMatcher,
    Model,
    PathKind,
    PathMatcher,
    Policies,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
    WeightedCluster,
)
from edgesim.model.policies import HashPolicy
from edgesim.policies.hashing import arm_draw, compile_hash, hash_request
from edgesim.routing import Split, decide, lookup
from edgesim.simulate.decided import Decided
from edgesim.simulate.outcomes import Outcome
from edgesim.simulate.population import Population, head_of

V1, V2 = ((("version", name),) for name in ("v1", "v2"))
CANARY = HeaderMatcher("stage", ValueKind.EXACT, "canary")


def split(weights: Sequence[int], cluster: str = "echo") -> ForwardAction:
    """Return a split over versions v1, v2, ..."""
    arms = (
        WeightedCluster(Destination(cluster, (("version", f"v{number}"),)), weight)
        for number, weight in enumerate(weights, 1)
    )
    return ForwardAction(weighted=tuple(arms))


def route(
    prefix: str, action: ForwardAction, *headers: HeaderMatcher, number: int = 1, policies: Policies | None = None
) -> Route:
    """Return a route of one prefix."""
    match = RouteMatch(PathMatcher(PathKind.PREFIX, prefix), headers)
    return Route((match,), action, number=number, policies=policies or Policies())


def canary(weights: Sequence[int] = (95, 5), hashed: Sequence[HashPolicy] = ()) -> Model:
    """Return the two-phased canary: a header leads to v2, the others are split."""
    policies = Policies(hash_policies=tuple(hashed), sticky_weights=bool(hashed))
    straight = route("/", ForwardAction(Destination("echo", V2)), CANARY)
    return model(straight, route("/", split(weights), number=2, policies=policies))


def model(*routes: Route) -> Model:
    """Return a model of one virtual host whose cluster is there."""
    return Model((VirtualHost("host", ("*",), routes),), (Cluster("echo", ClusterType.STATIC),))


def live(model_: Model, population: Population, number: int, draw: int, user: int | None, decided: Decided) -> Outcome:
    """Return what the live core decides about one request of a class, with the same draw."""
    url = population.hosts.values[number // len(population.paths.values) % len(population.hosts.values)]
    listener = choose_listener(model_, read_url(url))
    table = Tables(model_).of(listener)
    head = head_of(population, number, listener.options)
    sticky = decided.sticky
    head = head if user is None else sticky.with_user(head, user)
    target = lookup(table, head)
    if isinstance(target, Split) and target.sticky:
        steps = compile_hash(target.arms[0].route.policies.hash_policies)
        draw = arm_draw(hash_request(steps, head, sticky.connection(user or 0)), draw)
    decision = decide(table, head, draw)
    if decision is None:
        return Outcome(status=404)
    to = decision.destination or Destination("")
    return Outcome(decision.virtual_host.name, decision.route.number, "", to.cluster, to.subset)


def same(a: Outcome, b: Outcome) -> bool:
    """Tell whether two are the same route and destination."""
    return (a.virtual_host, a.route, a.cluster, a.subset) == (b.virtual_host, b.route, b.cluster, b.subset)


def classes_and_draws(population: Population, count: int, seed: int = 1) -> tuple[NDArray[Any], NDArray[np.uint64]]:
    """Return random classes and 64-bit draws."""
    generator = np.random.default_rng(seed)
    classes = generator.integers(0, population.classes, count, dtype=np.uint32)
    return classes, generator.integers(0, 2**64 - 1, count, dtype=np.uint64, endpoint=True)
