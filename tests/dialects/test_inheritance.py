"""Options of delegated routes: what a child inherits, and options by reference (section 5.6)."""

from __future__ import annotations

import pytest

from edgesim.model import (
    HostRewriteKind,
    OriginStep,
    ResourceKey,
    Severity,
)
from tests.dialects.forwards import forwarded
from tests.dialects.scenes import TO_ECHO, UPSTREAM, route, run
from tests.dialects.tables import BY_REF, TABLE, VS, below, table

# --- options (section 5.6) --------------------------------------------------------------------------


def test_a_parents_option_reaches_the_child() -> None:
    """Also through a table in between; the route knows which options it inherited, and from where."""
    middle = "options: {prefixRewrite: /x}\ndelegateAction: {ref: {name: b, namespace: default}}\n"
    outcome = below("options: {timeout: 7s}\n", middle, table(TO_ECHO, name="b"))
    assert outcome.problems == []
    found = outcome.routes[0]
    assert (forwarded(found).timeout, forwarded(found).prefix_rewrite) == (7.0, "/x")
    assert {(each.field, each.step.name, each.step.path) for each in found.inherited} == {
        ("timeout", "echo", ("spec", "virtualHost", "routes", 0, "options", "timeout")),
        ("prefixRewrite", "a", ("spec", "routes", 0, "options", "prefixRewrite")),
    }


def test_the_child_wins_field_by_field() -> None:
    """What the child sets hides the parent's whole field, and nothing inside a field is merged."""
    parent = "options: {timeout: 7s, retries: {retryOn: 5xx, numRetries: 9}}\n"
    found = below(parent, TO_ECHO + "options: {retries: {retryOn: reset}}\n").routes[0]
    assert forwarded(found).timeout == 7.0
    assert found.policies.retries is not None
    assert (found.policies.retries.retry_on, found.policies.retries.num_retries) == (("reset",), 1)
    assert [each.field for each in found.inherited] == ["timeout"]


@pytest.mark.parametrize(
    ("parent", "child", "timeout", "rewrite"),
    [
        ("{prefixRewrite: /x, timeout: 7s}", "{prefixRewrite: ''}", 7.0, None),
        ("{prefixRewrite: /x, timeout: 7s}", "{timeout: 0s}", 0.0, "/x"),
        ("{prefixRewrite: /x, timeout: 7s}", "{}", 7.0, "/x"),
    ],
)
def test_a_wrapper_counts_as_set_whatever_it_holds(
    parent: str, child: str, timeout: float, rewrite: str | None
) -> None:
    """An empty rewrite or a timeout of 0 hides the parent's."""
    action = forwarded(below(f"options: {parent}\n", TO_ECHO + f"options: {child}\n").routes[0])
    assert (action.timeout, action.prefix_rewrite) == (timeout, rewrite)


@pytest.mark.parametrize("empty", ["upgrades: []", "envoyMetadata: {}"])
def test_an_empty_list_or_map_is_not_set(empty: str) -> None:
    """It hides nothing."""
    parent = "options: {upgrades: [{websocket: {enabled: false}}], envoyMetadata: {a: {b: c}}}\n"
    found = below(parent, TO_ECHO + f"options: {{{empty}}}\n").routes[0]
    assert {each.field for each in found.inherited} == {"upgrades", "envoyMetadata"}


@pytest.mark.parametrize("own", ["autoHostRewrite: true", "hostRewriteHeader: x", "autoHostRewrite: false"])
def test_a_oneof_counts_as_one_field(own: str) -> None:
    """Any of the four host rewrites hides another of the parent's."""
    found = below("options: {hostRewrite: parent.example}\n", TO_ECHO + f"options: {{{own}}}\n").routes[0]
    rewrite = forwarded(found).host_rewrite
    assert rewrite is None or rewrite.kind is not HostRewriteKind.LITERAL
    assert found.inherited == ()


def test_a_wrong_option_is_the_problem_of_who_wrote_it() -> None:
    """It is told once, at its place, and the table suffers; a child that hides it is served."""
    hides = "matchers: [{prefix: /h}]\n" + TO_ECHO + "options: {timeout: 1s}\n"
    outcome = run(route("options: {timeout: -1s}\n" + BY_REF), table(TO_ECHO, TO_ECHO, hides), UPSTREAM)
    problem = outcome.only()
    assert (problem.code, problem.resource, problem.affects) == ("ES0229", VS, (TABLE,))
    assert problem.field == "spec.virtualHost.routes[0].options.timeout"
    assert [each.number for each in outcome.routes] == [3]


def test_an_inherited_option_without_effect_gives_no_note() -> None:
    """A timeout for all is nothing to mend because one of them redirects."""
    assert below("options: {timeout: 7s}\n", "redirectAction: {}\n").problems == []
    assert below("", "redirectAction: {}\noptions: {timeout: 7s}\n").codes == ["ES0604"]


# --- options by reference ---------------------------------------------------------------------------


def options(name: str, text: str, kind: str = "RouteOption") -> str:
    return f"apiVersion: gateway.solo.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{options: {{{text}}}}}\n"


def refs(*names: str) -> str:
    listed = ", ".join(f"{{name: {name}, namespace: default}}" for name in names)
    return f"optionsConfigRefs: {{delegateOptions: [{listed}]}}\n"


def test_inline_options_win_over_the_first_reference_and_that_over_later_ones() -> None:
    """Field by field; then what is left comes from the parent route."""
    outcome = below(
        "options: {timeout: 9s, idleTimeout: 9s, prefixRewrite: /9, appendXForwardedHost: false}\n",
        TO_ECHO + "options: {prefixRewrite: /0}\n" + refs("one", "two"),
        options("one", "prefixRewrite: /1, timeout: 1s"),
        options("two", "prefixRewrite: /2, timeout: 2s, idleTimeout: 2s"),
    )
    assert outcome.problems == []
    found = outcome.routes[0]
    assert (forwarded(found).prefix_rewrite, forwarded(found).timeout, found.policies.idle_timeout) == ("/0", 1.0, 2.0)
    steps = {each.field: each.step for each in found.inherited}
    assert steps["timeout"] == OriginStep("RouteOption", "default", "one", "x.yaml", ("spec", "options", "timeout"))
    assert (steps["idleTimeout"].name, steps["appendXForwardedHost"].name) == ("two", "echo")


def test_a_delegating_route_hands_down_referenced_options() -> None:
    """They count as its own."""
    found = below(refs("one"), TO_ECHO, options("one", "timeout: 1s")).routes[0]
    assert forwarded(found).timeout == 1.0
    assert [(each.field, each.step.kind) for each in found.inherited] == [("timeout", "RouteOption")]


def test_missing_options_are_a_warning() -> None:
    """The route stays without them, and the near name is the hint."""
    outcome = run(route(TO_ECHO + refs("slaw")), options("slow", "timeout: 1s"), UPSTREAM)
    problem = outcome.only()
    assert (problem.code, problem.severity) == ("ES0258", Severity.WARNING)
    assert (problem.message, problem.hint) == ("list did not find routeOption default.slaw", "did you mean `slow`?")
    assert problem.field == "spec.virtualHost.routes[0].optionsConfigRefs.delegateOptions[0]"
    assert len(outcome.routes) == 1


def test_a_wrong_referenced_option_is_the_problem_of_its_object() -> None:
    """Everything that uses it suffers."""
    problem = below("", TO_ECHO + refs("one"), options("one", "timeout: -1s")).only()
    assert (problem.resource, problem.field) == (ResourceKey("RouteOption", "default", "one"), "spec.options.timeout")
    assert problem.affects == (TABLE, VS)


def test_a_virtual_host_takes_options_by_reference() -> None:
    """Inline first, then the first reference; a missing one is a warning, a wrong one its object's problem."""
    host = f"""\
    apiVersion: gateway.solo.io/v1
    kind: VirtualService
    metadata: {{name: echo}}
    spec:
      virtualHost:
        options: {{includeRequestAttemptCount: true}}
        {refs("one", "two", "three").strip()}
        routes: [{{directResponseAction: {{status: 200}}}}]
    """
    outcome = run(
        host,
        options("one", "includeRequestAttemptCount: false, retries: {retryOn: 5xx}", "VirtualHostOption"),
        options("two", "retries: {retryOn: reset}, cors: {}", "VirtualHostOption"),
    )
    missing, cors = outcome.problems
    assert missing.message == "list did not find virtualHostOption default.three"
    assert (cors.resource, cors.field) == (ResourceKey("VirtualHostOption", "default", "two"), "spec.options.cors")
    assert cors.affects == (VS,)
    policies = outcome.hosts[0].policies
    assert policies.include_attempt_count
    assert policies.retries is not None
    assert policies.retries.retry_on == ("5xx",)


def test_exposed_headers_of_the_virtual_host_join_those_of_a_tables_route() -> None:
    """`corsPolicyMergeSettings` reaches delegated routes too."""
    cors = "{allowOrigin: ['*'], exposeHeaders: [%s]}"
    host = f"options: {{corsPolicyMergeSettings: {{exposeHeaders: UNION}}, cors: {cors % 'a'}}}"
    text = route(BY_REF).replace("    domains:", f"    {host}\n    domains:")
    outcome = run(text, table(TO_ECHO + f"options: {{cors: {cors % 'b'}}}\n"), UPSTREAM)
    found = outcome.routes[0].policies.cors
    assert found is not None
    assert set(found.expose_headers.split(",")) == {"a", "b"}
