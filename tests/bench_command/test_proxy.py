"""The benchmark of the proxy: what one measurement says, and what is kept."""

from __future__ import annotations

from dataclasses import replace

from edgesim.bench.own import load_of as own_load
from edgesim.bench.peers import Peer
from edgesim.bench.proxy import Round, Row, load_of, once, series_of
from edgesim.bench.scenario import SCENARIOS
from edgesim.inspect.examples import examples_of
from edgesim.inspect.listeners import Tables
from edgesim.load.results import Cell, ClientSide, LoadResult
from edgesim.load.scenario import Closed, Order, Scenario
from edgesim.model import (
    PLAIN_LISTENER,
    DirectResponseAction,
    HeaderMatcher,
    Listener,
    Model,
    PathKind,
    PathMatcher,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
)

PEER = Peer("edgesim", "1", 8080)


def test_a_measurement_counts_what_was_answered_well() -> None:
    """Rate and percentiles are of answers of 200 to 399, all else has failed; the client's limits come along."""

    def run(load: Scenario) -> LoadResult:
        assert load.target.port == 8080
        cells = (
            Cell("GET", 200, "v1", "", 90, 0, {1000: 90}, {}),
            Cell("GET", 503, "", "", 6, 0, {9000: 6}, {}),
            Cell("GET", 0, "", "timeout", 4, 0, {9999: 4}, {}),
        )
        return LoadResult(load, "", 2.0, 100, 100, ClientSide(1, 1.0, 0, 0, 0, ("busy",)), cells, ())

    found = once(PEER, load_of(SCENARIOS[0], 1.0, 1), run)
    assert (found.rate, found.failed, found.limits, found.microseconds) == (45.0, 10, ("busy",), 0.0)
    assert found.p50 == found.p99 == 1.0


def test_loads_are_those_of_the_scenario() -> None:
    """Headers are sent as they stand, and where no two requests are alike the path is drawn for each."""
    ten = next(each for each in SCENARIOS if each.name == "ten-headers")
    assert ("x-tenant", "acme") in load_of(ten, 1.0, 1).requests[0].headers
    distinct = load_of(replace(SCENARIOS[0], distinct=True), 1.0, 1)
    assert distinct.requests[0].path == "${path}"
    assert (len(distinct.variables.rows), distinct.variables.order) == (50_000, Order.RANDOM)
    assert load_of(SCENARIOS[0], 1.0, 1).mode == Closed(64, 1.0)


def _row(name: str, *rates: float, busy: float | None = 1.0) -> Row:
    return Row(replace(PEER, name=name), [Round(rate, 1.0, 2.0, 0, 20.0, busy) for rate in rates])


def test_who_had_time_left_was_held_back() -> None:
    """A core that was under 90% busy in most rounds; where nobody knows, nothing is said."""
    assert _row("nginx", 1, 2, busy=0.5).held_back()
    assert not _row("nginx", 1, 2, busy=0.97).held_back()
    assert not _row("nginx", 1, 2, busy=None).held_back()


def test_others_on_the_core_are_noticed() -> None:
    """What the core did beyond the proxy's own processor time was others' work."""
    assert round(_row("nginx", 20_000, busy=0.9).disturbed(), 3) == 0.5  # 20 us x 20,000 is 0.4
    assert _row("nginx", 1, busy=None).disturbed() == 0


def test_ratios_are_kept_round_by_round() -> None:
    """A result has rates, latencies, processor time, and the ratio to each peer."""
    series = {each.name: each for each in series_of("canary", [_row("edgesim", 10, 12), _row("envoy", 5, 8)])}
    assert series["canary, edgesim to envoy: rate"].values == (2.0, 1.5)
    assert series["canary, envoy: processor time"].values == (20.0, 20.0)


def test_own_routes_are_loaded_by_their_own_requests() -> None:
    """Each example is a request with its host, on the usual plain listener only; where that has none there is no load."""
    match = RouteMatch(
        PathMatcher(PathKind.EXACT, "/a"), (HeaderMatcher("stage", ValueKind.EXACT, "canary"),), methods=("POST",)
    )
    host = VirtualHost("host", ("shop.example",), (Route((match,), DirectResponseAction(200)),))
    model = Model((host,), listeners=(PLAIN_LISTENER,))
    load = own_load(model, examples_of(Tables(model)).requests, 8, 1)
    assert load is not None
    (request,) = load.requests
    assert (request.method, request.path) == ("POST", "/a")
    assert request.headers == (("Host", "shop.example"), ("stage", "canary"))
    assert own_load(replace(model, listeners=()), (), 8, 1) is None
    assert own_load(replace(model, listeners=(Listener("tls", 8443, tls=True),)), (), 8, 1) is None
