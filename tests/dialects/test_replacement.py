from __future__ import annotations

import pytest

from edgesim.dialects.gloo.settings import REPLACEMENT_BODY
from edgesim.model import (
    FALLBACK_CLUSTER,
    Cluster,
    ClusterType,
    Destination,
    DirectResponseAction,
    ForwardAction,
    Severity,
)
from edgesim.model.codes.code import settings
from tests.dialects.forwards import forward
from tests.dialects.scenes import UPSTREAM, Outcome, route, routed, run, upstream, virtual_host

ON = "replaceInvalidRoutes: true"
MISSING = "routeAction: {single: {upstream: {name: ecko}}}\n"
TO_ECHO = "routeAction: {single: {upstream: {name: echo}}}\n"
FALLBACK = Destination(FALLBACK_CLUSTER)
SPLIT = "routeAction: {multi: {destinations: [%s]}}\n"
SOUND = "{destination: {upstream: {name: echo}}, weight: 60}"


def policy(text: str = ON) -> str:
    """Write Settings with a policy for invalid configuration."""
    return settings(f"gloo: {{invalidConfigPolicy: {{{text}}}}}")


def replaced(text: str, *more: str) -> Outcome:
    """Translate one route with replacement on; whatever is wrong holds nothing up."""
    outcome = run(routed(text), policy(), *more)
    grave = [each for each in outcome.problems if each.severity is not Severity.NOTE]
    assert grave
    assert all((each.severity, each.replaced) == (Severity.WARNING, True) for each in grave)
    return outcome


def fallback(outcome: Outcome) -> Cluster | None:
    return next((each for each in outcome.clusters if each.name == FALLBACK_CLUSTER), None)


def test_without_the_setting_nothing_is_replaced() -> None:
    """A missing upstream is a destination nobody knows, which is answered 503; a route in error is left out."""
    outcome = run(routed(MISSING))
    assert (outcome.only().severity, outcome.only().replaced) == (Severity.WARNING, False)
    assert forward(outcome).destination == Destination("ecko_default")
    assert fallback(outcome) is None
    outcome = run(routed("routeAction: {}\n"))
    assert (outcome.only().severity, outcome.routes) == (Severity.ERROR, ())


def test_a_missing_upstream_is_replaced() -> None:
    """The route goes to a cluster that answers with Gloo's code and text, and comes from Settings."""
    outcome = replaced(MISSING)
    assert outcome.codes == ["ES0214"]
    assert forward(outcome).destination == FALLBACK
    cluster = fallback(outcome)
    assert cluster is not None
    assert (cluster.type, cluster.response) == (
        ClusterType.DIRECT_RESPONSE,
        DirectResponseAction(404, REPLACEMENT_BODY),
    )
    assert str(cluster.origin[0].resource) == "Settings gloo-system/default"


def test_settings_say_what_is_answered() -> None:
    """Code and body are as written; an impossible code is an error, and 404 stands in."""
    outcome = run(routed(MISSING), policy(f"{ON}, invalidRouteResponseCode: 418, invalidRouteResponseBody: ''"))
    cluster = fallback(outcome)
    assert cluster is not None
    assert cluster.response == DirectResponseAction(418, "")
    outcome = run(routed(MISSING), policy(f"{ON}, invalidRouteResponseCode: 0"))
    cluster = fallback(outcome)
    assert outcome.codes == ["ES0527", "ES0214"]
    assert cluster is not None
    assert cluster.response == DirectResponseAction(404, REPLACEMENT_BODY)


def test_the_cluster_is_there_only_when_it_is_needed() -> None:
    """A sound configuration has nothing to do with replacement."""
    outcome = run(routed(TO_ECHO), policy())
    assert (outcome.problems, fallback(outcome)) == ([], None)


@pytest.mark.parametrize(
    "text",
    [
        "routeAction: {}\n",
        "routeAction: {single: {}}\n",
        "routeAction: {multi: {destinations: []}}\n",
        "routeAction: {upstreamGroup: {name: none, namespace: default}}\n",
        "routeAction: {single: {kube: {ref: {name: none, namespace: default}, port: 80}}}\n",
        SPLIT % "{destination: {upstream: {name: echo}}, weight: 0}",
        SPLIT % ("{destination: {upstream: {name: echo}}, weight: 4294967295}, " + SOUND),
        TO_ECHO + "options: {prefixRewrite: /a b}\n",
        TO_ECHO + "options: {timeout: -1s}\n",
        TO_ECHO + "options: {retries: {retryOn: 5xx, retryBackOff: {baseInterval: 0s}}}\n",
        TO_ECHO + "options: {cors: {}}\n",
        TO_ECHO + "options: {faults: {abort: {percentage: 100, httpStatus: 1}}}\n",
        TO_ECHO + "options: {shadowing: {percentage: 1000}}\n",
        TO_ECHO + "options: {headerManipulation: {requestHeadersToRemove: [host]}}\n",
        "matchers: [{prefix: /a//b}]\n" + TO_ECHO,
    ],
)
def test_a_route_error_is_replaced(text: str) -> None:
    """Whatever the error is, the route stays and answers with the response."""
    outcome = replaced(text)
    assert (forward(outcome).destination, forward(outcome).weighted) == (FALLBACK, ())
    assert fallback(outcome) is not None


def test_only_the_option_at_fault_is_taken_off() -> None:
    """Matchers and sound options act on the answer."""
    options = (
        "options: {faults: {abort: {percentage: 100, httpStatus: 1}}, timeout: 3s, "
        "headerManipulation: {responseHeadersToAdd: [{header: {key: x-team, value: echo}}]}}\n"
    )
    outcome = replaced("matchers: [{prefix: /echo, methods: [GET]}]\n" + TO_ECHO + options)
    (found,) = outcome.routes
    assert found.policies.fault is None
    assert [each.name for each in found.headers.response_add] == ["x-team"]
    assert (found.matches[0].path.value, found.matches[0].methods) == ("/echo", ("GET",))
    assert forward(outcome).timeout == 3.0


@pytest.mark.parametrize(
    ("entry", "codes"),
    [
        ("{destination: {upstream: {name: ecko}}, weight: 40}", ["ES0214"]),
        ("{destination: {}, weight: 40}", ["ES0210"]),
        ("{weight: 40}", ["ES0210"]),
        (
            (
                "{destination: {upstream: {name: echo}}, weight: 40, "
                "options: {headerManipulation: {requestHeadersToRemove: [host]}}}"
            ),
            ["ES0221"],
        ),
    ],
)
def test_only_the_broken_entry_of_a_split_is_replaced(entry: str, codes: list[str]) -> None:
    """Its weight stays, and so does the other entry."""
    outcome = replaced(SPLIT % f"{SOUND}, {entry}")
    assert outcome.codes == codes
    weighted = forward(outcome).weighted
    assert forward(outcome).destination is None
    assert [(each.destination, each.weight) for each in weighted] == [(Destination("echo_default"), 60), (FALLBACK, 40)]
    assert not weighted[1].headers


def test_entries_of_a_group_are_replaced_too() -> None:
    """The group stays in error, which holds nothing up; its route answers for the share of the missing upstream."""
    group = (
        "apiVersion: gloo.solo.io/v1\nkind: UpstreamGroup\nmetadata: {name: both}\nspec:\n"
        f"  destinations: [{SOUND}, {{destination: {{upstream: {{name: ecko}}}}, weight: 40}}]\n"
    )
    outcome = run(routed("routeAction: {upstreamGroup: {name: both, namespace: default}}\n"), group, policy())
    assert [(each.code, each.severity, each.replaced) for each in outcome.problems] == [
        ("ES0306", Severity.ERROR, True),
        ("ES0214", Severity.WARNING, True),
    ]
    assert [each.destination for each in forward(outcome).weighted] == [Destination("echo_default"), FALLBACK]


def test_a_broken_upstream_answers_as_replaced_routes_do() -> None:
    """Its cluster is the response, so that no route changes; it has a problem that holds nothing up."""
    outcome = run(route(TO_ECHO), upstream("static: {hosts: [{addr: 127.0.0.1}]}\n"), policy())
    assert [(each.code, each.severity, each.replaced) for each in outcome.problems] == [
        ("ES0303", Severity.ERROR, True)
    ]
    assert forward(outcome).destination == Destination("echo_default")
    cluster = next(each for each in outcome.clusters if each.name == "echo_default")
    assert (cluster.type, cluster.response) == (
        ClusterType.DIRECT_RESPONSE,
        DirectResponseAction(404, REPLACEMENT_BODY),
    )


@pytest.mark.parametrize(
    "matcher", ["{headers: [{name: stage, value: canary}]}", "{prefix: /, headers: [{name: 'a b'}]}"]
)
def test_a_matcher_that_nothing_matches_is_left_out(matcher: str) -> None:
    """With no matcher left the route is left out: it must not take requests away from those after it."""
    outcome = replaced(f"matchers: [{matcher}]\n{TO_ECHO}")
    assert outcome.routes == ()
    outcome = replaced(f"matchers: [{matcher}, {{prefix: /echo}}]\n{TO_ECHO}")
    assert [each.path.value for each in outcome.routes[0].matches] == ["/echo"]
    assert forward(outcome).destination == FALLBACK


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("matchers: [{prefix: /}]\n", "ES0204"),
        ("matchers: [{regex: '/(a'}]\n" + TO_ECHO, "ES0208"),
        (TO_ECHO + "options: {regexRewrite: {pattern: {regex: /a}, substitution: '/\\1'}}\n", "ES0232"),
        ("redirectAction: {pathRedirect: /a//b}\n", "ES0206"),
        ("directResponseAction: {status: 99}\n", "ES0223"),
        ("routeAction: {clusterHeader: x-cluster}\noptions: {timeout: -1s}\n", "ES0229"),
    ],
)
def test_errors_of_a_virtual_service_are_not_replaced(text: str, code: str) -> None:
    """No action, a regex, and whatever does not forward to named upstreams follow the policy."""
    problem = run(routed(text), policy()).only()
    assert (problem.code, problem.severity, problem.replaced) == (code, Severity.ERROR, False)


def test_other_warnings_are_as_they_were() -> None:
    """A subset of an upstream without subsets is ignored, and a bad cluster header leaves the route out."""
    subset = "routeAction: {single: {upstream: {name: echo}, subset: {values: {version: v1}}}}\n"
    outcome = run(routed(subset), policy())
    assert (outcome.only().code, outcome.only().replaced) == ("ES0218", False)
    assert forward(outcome).destination == Destination("echo_default", (("version", "v1"),))


def test_one_broken_route_leaves_the_others_alone() -> None:
    """What is wrong with one is not carried over to the next, nor to the virtual host."""
    host = virtual_host(f"routes:\n- {MISSING}- matchers: [{{prefix: /}}]\n- {TO_ECHO}")
    outcome = run(host, UPSTREAM, policy())
    assert [(each.code, each.replaced) for each in outcome.problems] == [("ES0214", True), ("ES0204", False)]
    assert [each.action.destination for each in outcome.routes if isinstance(each.action, ForwardAction)] == [
        FALLBACK,
        Destination("echo_default"),
    ]


def test_a_table_with_a_broken_route_hurts_nobody() -> None:
    """The table has the problem and the virtual service suffers from it; only that route is replaced."""
    table = (
        "apiVersion: gateway.solo.io/v1\nkind: RouteTable\nmetadata: {name: echo}\nspec:\n  routes:\n"
        f"  - matchers: [{{prefix: /echo/canary}}]\n    {MISSING}"
        f"  - matchers: [{{prefix: /echo}}]\n    {TO_ECHO}"
    )
    parent = "matchers: [{prefix: /echo}]\ndelegateAction: {ref: {name: echo, namespace: default}}\n"
    outcome = replaced(parent, table)
    problem = outcome.only()
    assert str(problem.resource) == "RouteTable default/echo"
    assert [str(each) for each in problem.affects] == ["VirtualService default/echo"]
    assert [each.action.destination for each in outcome.routes if isinstance(each.action, ForwardAction)] == [
        FALLBACK,
        Destination("echo_default"),
    ]
