"""Listeners and clusters of two models."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgesim.inspect.diff import DiffReport, Effect, Wheres, compare
from edgesim.inspect.diff.sides import changed_clusters, pairs
from edgesim.model import (
    Cluster,
    ClusterType,
    ConnectionSettings,
    Destination,
    Endpoint,
    ForwardAction,
    Listener,
    ListenerOptions,
    Model,
    OriginStep,
    PathKind,
    PathMatcher,
    Position,
    Route,
    RouteMatch,
    VirtualHost,
)

STEP = OriginStep("Upstream", "gloo-system", "echo", "a.yaml", ())
ECHO = Cluster("echo", ClusterType.STATIC, (Endpoint("127.0.0.1", 80),), origin=(STEP,))
ROUTE = Route((RouteMatch(PathMatcher(PathKind.PREFIX, "/")),), ForwardAction(Destination("echo")))
MODEL = Model((VirtualHost("host", ("*",), (ROUTE,)),), (ECHO,))


def _nowhere(step: OriginStep) -> Position:
    return Position(step.file, 1, 1)


def _compared(before: Model, after: Model) -> DiffReport:
    return compare(before, after, Wheres(_nowhere, _nowhere)).report


def test_listeners_are_paired_by_name_then_by_port() -> None:
    """A listener that was renamed is known by its port; one that is only on one side has no partner."""
    before = Model(listeners=(Listener("a", 8080), Listener("b", 8081), Listener("gone", 8082)))
    after = Model(listeners=(Listener("b", 8080), Listener("c", 8080), Listener("new", 9090)))
    found = [(pair.before.listener, pair.after.listener) for pair in pairs(before, after)]
    names = [tuple(None if each is None else each.name for each in pair) for pair in found]
    assert names == [("b", "b"), ("a", "c"), ("gone", None), (None, "new")]


def test_a_listener_that_goes_takes_its_requests_along() -> None:
    """A listener with virtual hosts that is only on one side is reported; one without any is not."""
    more = Listener("more", 8081)
    report = _compared(MODEL, replace(MODEL, listeners=(*MODEL.listeners, more)))
    assert [(each.listener, each.what) for each in report.listeners] == [("more", "added")]
    assert report.elsewhere
    empty = replace(more, virtual_hosts=frozenset())
    assert _compared(MODEL, replace(MODEL, listeners=(*MODEL.listeners, empty))) == DiffReport()


def test_options_of_a_listener() -> None:
    """Options with which a listener reads requests are told with both values, and send nothing elsewhere by themselves."""
    first, *others = MODEL.listeners
    after = replace(MODEL, listeners=(replace(first, options=ListenerOptions(merge_slashes=True)), *others))
    (change,) = _compared(MODEL, after).listeners
    assert [(each.name, each.before, each.after) for each in change.options] == [("merge_slashes", "False", "True")]
    assert not _compared(MODEL, after).elsewhere


@pytest.mark.parametrize(
    ("cluster", "effect"),
    [
        (replace(ECHO, origin=()), None),
        (replace(ECHO, connection=ConnectionSettings(connect_timeout=1.0)), Effect.OPTIONS),
        (replace(ECHO, endpoints=(Endpoint("127.0.0.1", 81),)), Effect.MOVES),
        (replace(ECHO, name="other"), Effect.MOVES),
    ],
)
def test_an_upstream_is_what_stands_behind_its_name(cluster: Cluster, effect: Effect | None) -> None:
    """Another address behind the same name moves requests, and so does none; where it is written counts nothing."""
    report = _compared(MODEL, replace(MODEL, clusters=(cluster,)))
    assert [each.effect for each in report.changes] == ([] if effect is None else [effect])
    assert bool(changed_clusters(MODEL.clusters, (cluster,))) is (effect is not None)
