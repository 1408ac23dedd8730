"""Snapshots: what a worker serves after any way of updates is what one serves that begins with the last."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgesim.model import (
    PLAIN_LISTENER,
    DirectResponseAction,
    HeaderMatcher,
    Model,
    RequestHead,
    Route,
    RouteMatch,
    Update,
    ValueKind,
    VirtualHost,
)
from edgesim.proxy.deltas import NOTHING, delta
from edgesim.proxy.messages import Memory
from edgesim.proxy.serving import Compiler, ListenerSnapshot, Snapshot
from edgesim.routing import decide
from tests.proxy.scenes import prefix

DOMAINS = ("a", "b", "*.a", "a.*", "*")
AUTHORITIES = (b"a", b"b", b"x.a", b"a.x", b"other")
PATHS = (b"/", b"/x")


def route(name: str, *, made: bool) -> Route:
    """A route of a name, that may ask for a header which the proxy makes."""
    asked = (HeaderMatcher("x-request-id", ValueKind.PRESENT),) if made else ()
    return Route((RouteMatch(prefix("/x" if made else "/").path, asked),), DirectResponseAction(200, name))


HOSTS = st.builds(
    lambda name, domains, said, made: VirtualHost(name, tuple(sorted(domains)), (route(said, made=made),)),
    st.sampled_from(("one", "two", "three")),
    st.sets(st.sampled_from(DOMAINS), min_size=1, max_size=2),
    st.sampled_from(("p", "q")),
    st.booleans(),
)


def without_conflicts(hosts: list[VirtualHost]) -> Model:
    """Leave out hosts that name a domain which another has."""
    kept: dict[str, VirtualHost] = {}
    for host in hosts:
        if not any(set(host.domains) & set(other.domains) for other in kept.values()):
            kept.setdefault(host.name, host)
    return Model(tuple(kept.values()))


MODELS = st.lists(HOSTS, max_size=4).map(without_conflicts)


def compiler() -> Compiler:
    return Compiler(lambda: 0, lambda: 0.0, Memory())


def said(snapshot: Snapshot) -> tuple[bool, list[str | None]]:
    """What each request gets."""
    served: ListenerSnapshot = snapshot.listeners[PLAIN_LISTENER.name]
    heads = [RequestHead(b"GET", name, path, None, {b"x-request-id": b"1"}) for name in AUTHORITIES for path in PATHS]
    found = [decide(served.table, head, 0) for head in heads]
    return served.table.asks_for_made, [None if each is None else str(each.action) for each in found]


@given(st.lists(MODELS, min_size=1, max_size=5))
def test_the_way_does_not_matter(models: list[Model]) -> None:
    """Hosts that come, go, change or take each other's domains leave nothing behind in the tables of others."""
    updated, before = compiler(), NOTHING
    for version, model in enumerate(models, 1):
        now = Update(version, model, {})
        served = updated.snapshot(delta(before, now))
        assert said(served) == said(compiler().snapshot(delta(NOTHING, now)))
        before = now
