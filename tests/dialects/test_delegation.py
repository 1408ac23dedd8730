from __future__ import annotations

from textwrap import dedent, indent

import pytest

from edgesim.model import DirectResponseAction, ResourceKey, Route, Severity
from tests.dialects.scenes import TO_ECHO, UPSTREAM, Outcome, route, run

VS = ResourceKey("VirtualService", "default", "echo")
BY_REF = "delegateAction: {ref: {name: a, namespace: default}}\n"
API = "matchers: [{prefix: /api}]\n"


def table(*routes: str, name: str = "a", namespace: str = "default", labels: str = "", weight: int | None = None) -> str:
    """Write a RouteTable around its routes."""
    lines = [
        "apiVersion: gateway.solo.io/v1",
        "kind: RouteTable",
        f"metadata: {{name: {name}, namespace: {namespace}, labels: {{{labels}}}}}",
        "spec:",
        *([] if weight is None else [f"  weight: {weight}"]),
        "  routes:" if routes else "  routes: []",
        *(f"  - {indent(dedent(text), '    ')[4:]}" for text in routes),
    ]
    return "\n".join(lines) + "\n"


def says(body: str, *paths: str) -> str:
    """Write a route to paths that answers with its name."""
    matchers = ", ".join(f"{{prefix: {path}}}" for path in paths)
    return f"matchers: [{matchers}]\ndirectResponseAction: {{status: 200, body: '{body}'}}\n"


def bodies(outcome: Outcome) -> list[str]:
    """Return what the routes answer, in order."""
    return [answer(each) for each in outcome.routes]


def answer(each: Route) -> str:
    assert isinstance(each.action, DirectResponseAction)
    return each.action.body


def test_a_table_is_taken_in_by_reference() -> None:
    """A table's routes stand where the delegating route stands, in their own order."""
    outcome = run(route(API + BY_REF), table(says("b", "/api/b"), says("a", "/api/a")))
    assert outcome.problems == []
    assert bodies(outcome) == ["b", "a"]
    assert [each.number for each in outcome.routes] == [1, 2]
    origin = outcome.routes[1].origin
    assert [(step.kind, step.name, step.path) for step in origin] == [
        ("VirtualService", "echo", ("spec", "virtualHost", "routes", 0)),
        ("RouteTable", "a", ("spec", "routes", 1)),
    ]
