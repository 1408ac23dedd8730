from __future__ import annotations

import pytest

from edgesim.model import (
    Destination,
    HeaderValue,
    Severity,
)
from tests.dialects.forwards import ECHO, forward
from tests.dialects.scenes import (
    SERVICE,
    TO_ECHO,
    UPSTREAM,
    route,
    routed,
    run,
    subset_upstream,
    virtual_host,
)

# --- destinations


def test_an_upstream_is_by_default_in_the_owners_namespace() -> None:
    """An upstream without namespace is that of the VirtualService; one with it is taken as written."""
    there = UPSTREAM.replace("{name: echo}", "{name: echo, namespace: other}")
    outcome = run(routed("routeAction: {single: {upstream: {name: echo, namespace: other}}}\n"), there)
    assert outcome.problems == []
    assert forward(outcome).destination == Destination("echo_other")
    assert forward(run(routed(TO_ECHO))).destination == ECHO


def test_a_missing_upstream_is_a_warning_and_the_route_stays() -> None:
    """The route points at a cluster that is not there, and the message is Gloo's."""
    outcome = run(route("routeAction: {single: {upstream: {name: ecko, namespace: x}}}\n"), UPSTREAM)
    problem = outcome.only()
    assert problem.severity is Severity.WARNING
    assert problem.message == "*v1.Upstream { x.ecko } not found"
    assert forward(outcome).destination == Destination("ecko_x")


@pytest.mark.parametrize(
    ("ref", "hint"),
    [
        ("{name: ecko}", "did you mean `echo`?"),
        ("{name: echo, namespace: elsewhere}", "did you mean `echo` in the namespace `default`?"),
        ("{name: ecko, namespace: defult}", "did you mean `echo` in the namespace `default`?"),
        ("{name: unlike-anything}", ""),
        ("{name: xxxxo, namespace: default}", ""),
    ],
)
def test_the_missing_upstream_is_guessed(ref: str, hint: str) -> None:
    """A like name here, the same name elsewhere, or a like name elsewhere is proposed."""
    assert run(routed(f"routeAction: {{single: {{upstream: {ref}}}}}\n")).only().hint == hint


def test_a_split_keeps_its_weights() -> None:
    """Weights need not add up to 100, a missing one is 0, and each arm may change headers."""
    outcome = run(
        routed(
            """\
            routeAction:
              multi:
                destinations:
                - {destination: {upstream: {name: echo}}, weight: 3}
                - destination: {upstream: {name: echo}}
                - destination: {upstream: {name: echo}}
                  weight: 4
                  options: {headerManipulation: {responseHeadersToAdd: [{header: {key: X-Arm, value: b}}]}}
            """
        )
    )
    assert outcome.problems == []
    arms = forward(outcome).weighted
    assert [(arm.destination, arm.weight) for arm in arms] == [(ECHO, 3), (ECHO, 0), (ECHO, 4)]
    assert arms[2].headers.response_add == (HeaderValue("x-arm", "b"),)


def test_a_missing_arm_is_a_warning_and_stays() -> None:
    """Only the share of the missing upstream is lost."""
    arms = "[{destination: {upstream: {name: echo}}, weight: 1}, {destination: {upstream: {name: none}}, weight: 1}]"
    outcome = run(routed(f"routeAction: {{multi: {{destinations: {arms}}}}}\n"))
    problem = outcome.only()
    assert (
        problem.message == "invalid destination in weighted destination list: *v1.Upstream { default.none } not found"
    )
    assert problem.field == "spec.virtualHost.routes[0].routeAction.multi.destinations[1].destination.upstream"
    assert [arm.destination.cluster for arm in forward(outcome).weighted] == ["echo_default", "none_default"]


@pytest.mark.parametrize(
    "arm", ["{weight: 1}", "{destination: {}, weight: 1}", "{destination: {consul: {serviceName: a}}, weight: 1}"]
)
def test_an_arm_without_destination_takes_the_route_out(arm: str) -> None:
    """An arm that goes nowhere is no route."""
    assert run(route(f"routeAction: {{multi: {{destinations: [{arm}]}}}}\n")).routes == ()


GROUP = """\
apiVersion: gloo.solo.io/v1
kind: UpstreamGroup
metadata: {name: both, namespace: there}
spec:
  destinations:
  - {destination: {upstream: {name: echo}}, weight: 1}
  - {destination: {upstream: {name: echo, namespace: default}}, weight: 2}
"""
TO_GROUP = route("routeAction: {upstreamGroup: {name: both, namespace: there}}\n")
THERE = UPSTREAM.replace("{name: echo}", "{name: echo, namespace: there}")


def test_a_group_defaults_to_its_own_namespace() -> None:
    """An upstream of a group without namespace is in the group's, not in the route's."""
    outcome = run(TO_GROUP, GROUP, UPSTREAM, THERE)
    assert outcome.problems == []
    assert [arm.destination.cluster for arm in forward(outcome).weighted] == ["echo_there", "echo_default"]


def test_a_missing_member_of_a_group_is_the_groups_error_and_the_routes_warning() -> None:
    """The group is told with the number of the destination, the route that it suffers."""
    outcome = run(TO_GROUP, GROUP, UPSTREAM)
    group, route_ = outcome.problems
    assert (group.code, group.severity) == ("ES0306", Severity.ERROR)
    assert group.message == "destination # 1: upstream not found: list did not find upstream there.echo"
    assert group.hint == "did you mean `echo` in the namespace `default`?"
    assert (route_.code, route_.severity) == ("ES0214", Severity.WARNING)
    assert route_.hint == "in UpstreamGroup there.both, spec.destinations[0].destination.upstream"
    assert len(forward(outcome).weighted) == 2


def test_a_missing_group_is_a_warning() -> None:
    """The route stays and points at no cluster; the namespace of a group has no default."""
    outcome = run(route("routeAction: {upstreamGroup: {name: both}}\n"), GROUP, UPSTREAM, THERE)
    assert outcome.only().message == "*v1.UpstreamGroup { .both } not found"
    assert outcome.only().hint == "did you mean `both` in the namespace `there`?"
    assert forward(outcome).destination == Destination("")


def test_an_empty_group_takes_the_route_out() -> None:
    """A group without destinations serves nobody."""
    empty = "apiVersion: gloo.solo.io/v1\nkind: UpstreamGroup\nmetadata: {name: both, namespace: there}\nspec: {}\n"
    outcome = run(TO_GROUP, empty)
    assert outcome.only().code == "ES0212"
    assert outcome.routes == ()


def test_a_cluster_header_is_kept_in_lower_case() -> None:
    """ClusterHeader names the header that names the cluster."""
    assert forward(run(route("routeAction: {clusterHeader: X-Cluster}\n"))).cluster_header == "x-cluster"


def test_a_kube_destination_is_an_upstream_in_memory() -> None:
    """A Service named by a route becomes an EDS cluster, once."""
    kube = "routeAction: {single: {kube: {ref: {name: echo, namespace: default}, port: 80}}}\n"
    outcome = run(virtual_host(f"routes:\n- {kube}- {kube}"), SERVICE)
    assert outcome.problems == []
    (cluster,) = outcome.clusters
    assert cluster.name == "kube-svc:default-echo-80_default"
    assert forward(outcome).destination == Destination(cluster.name)


def test_a_missing_kube_destination_is_a_warning() -> None:
    """A Service that is not there is reported as the upstream Gloo would make of it."""
    outcome = run(route("routeAction: {single: {kube: {ref: {name: ecko, namespace: default}, port: 80}}}\n"), SERVICE)
    assert outcome.only().message == "*v1.Upstream { default.kube-svc:default-ecko-80 } not found"
    assert outcome.only().hint == "did you mean `echo`?"
    assert run(route("routeAction: {single: {kube: {port: 80}}}\n")).only().code == "ES0214"
    consul = run(route("routeAction: {single: {consul: {serviceName: echo}}}\n"))
    assert (consul.only().code, consul.routes) == ("ES0226", ())


def subset(values: str) -> str:
    return route(f"routeAction: {{single: {{upstream: {{name: echo}}, subset: {{values: {values}}}}}}}\n")


def test_a_subset_is_sorted_and_compared_by_keys() -> None:
    """The key set counts, in any order; values are never checked."""
    outcome = run(subset("{version: v1, stage: x}"), subset_upstream("stage", "version"))
    assert outcome.problems == []
    assert forward(outcome).destination == Destination("echo_default", (("stage", "x"), ("version", "v1")))


def test_a_subset_of_other_keys_is_an_error() -> None:
    """One key too few is as wrong as one too many, and the hint lists the upstream's."""
    outcome = run(subset("{version: v1}"), subset_upstream("stage", "version"))
    problem = outcome.only()
    assert (problem.code, problem.hint) == ("ES0219", "the upstream's subset keys are [stage, version]")
    assert outcome.routes == ()


def test_an_empty_subset_is_none() -> None:
    """`subset: {values: {}}` asks for nothing, so nothing is wrong with it."""
    outcome = run(subset("{}"), UPSTREAM)
    assert outcome.problems == []
    assert forward(outcome).destination == ECHO


def test_a_subset_of_a_static_upstream_is_a_warning() -> None:
    """The route stays and asks for the subset that is not there; any endpoint serves it."""
    outcome = run(subset("{version: v1}"), UPSTREAM)
    assert outcome.only().message == "route has a subset config, but the upstream does not"
    assert len(outcome.routes) == 1
