from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from edgesim.dialects.envoy import Form, Kind, Resources, fetching_bootstrap, snapshot, version
from edgesim.model import Endpoint
from tests.dialects.envoy.scenes import ASSIGNMENTS, ORIGIN, by_ads, everything


def found(assignments: Any = ASSIGNMENTS, **changed: Any) -> Resources:
    return snapshot(replace(everything(), **changed), assignments, by_ads)


def values(node: Any, key: str) -> Iterator[Any]:
    """Yield what stands under a key, anywhere."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            yield from values(value, key)
    elif isinstance(node, list):
        for item in node:
            yield from values(item, key)


def test_everything_that_is_fetched_is_there() -> None:
    """Each route configuration, secret and load assignment that a listener or cluster names is a resource, and no other."""
    resources = found()
    listeners = [*resources.listeners.values()]
    clusters = [*resources.clusters.values()]
    assert set(values(listeners, "route_config_name")) == set(resources.routes)
    secrets = [*values([listeners, clusters], "tls_certificate_sds_secret_configs")]
    assert {each["name"] for configs in secrets for each in configs} == set(resources.secrets)
    assert {each["name"] for each in clusters if each.get("type") == "EDS"} == set(resources.endpoints) == {"followed"}


def test_no_key_is_outside_a_secret() -> None:
    """What is fetched apart from secrets holds no private key."""
    resources = found()
    others = [resources.of(kind) for kind in Kind if kind is not Kind.SECRET]
    assert "PRIVATE KEY" not in json.dumps(others)
    assert "PRIVATE KEY" in json.dumps(resources.secrets)


def test_a_pod_changes_its_assignment_only() -> None:
    """Where a pod comes or goes, only the version of the endpoints is another one."""
    before, after = found(), found({"followed": (Endpoint("127.0.0.1", 4),)})
    changed = {kind for kind in Kind if version(before.of(kind)) != version(after.of(kind))}
    assert changed == {Kind.ENDPOINTS}


def test_a_route_changes_its_configuration_only() -> None:
    """Where a route begins to use another policy, no listener is drained for it."""
    first, *rest = everything().virtual_hosts
    route, *others = first.routes
    changed = replace(first, routes=(replace(route, policies=replace(route.policies, fault=None, csrf=None)), *others))
    before, after = found(), found(virtual_hosts=(changed, *rest))
    assert {kind for kind in Kind if version(before.of(kind)) != version(after.of(kind))} == {Kind.ROUTES}


def test_a_resource_knows_where_it_came_from() -> None:
    """Listeners, clusters, virtual hosts and routes say which resources they were made from, for whoever refuses them."""
    resources = found()
    assert resources.clusters["static"].origin == resources.listeners["tls"].origin == ORIGIN
    host = resources.routes["plain-routes"]["virtual_hosts"][0]
    assert host.origin == host["routes"][0].origin == ORIGIN


def test_without_pods_an_assignment_is_empty() -> None:
    """An EDS cluster nobody has pods for is fetched all the same, and has none."""
    assert found({}).endpoints["followed"]["endpoints"] == []


def test_a_draw_is_pinned_by_a_header() -> None:
    """A form with a header for draws has it in every weighted choice."""
    routes = snapshot(everything(), {}, by_ads, Form(draw_header="x-draw")).routes["plain-routes"]
    assert set(values(routes, "header_name")) >= {"x-draw"}


def test_the_bootstrap_of_a_fleet_asks_for_everything() -> None:
    """An Envoy that fetches has an id, and asks for listeners and clusters."""
    written = fetching_bootstrap("edge-1", by_ads, ({"name": "control"},))
    assert written["node"]["id"] == "edge-1"
    assert set(written["dynamic_resources"]) == {"lds_config", "cds_config"}
    assert written["static_resources"]["clusters"] == [{"name": "control"}]
