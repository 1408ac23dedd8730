"""Route tables and what answers from them."""

from __future__ import annotations

from textwrap import dedent, indent

from edgesim.model import DirectResponseAction, ResourceKey, Route
from tests.dialects.scenes import UPSTREAM, Outcome, route, run

VS = ResourceKey("VirtualService", "default", "echo")
BY_REF = "delegateAction: {ref: {name: a, namespace: default}}\n"
API = "matchers: [{prefix: /api}]\n"
TABLE = ResourceKey("RouteTable", "default", "a")
OK = "directResponseAction: {status: 200, body: ok}\n"


def table(
    *routes: str, name: str = "a", namespace: str = "default", labels: str = "", weight: int | None = None
) -> str:
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


def below(parent: str, child: str, *others: str) -> Outcome:
    """Translate a virtual service whose one route delegates to a table with one route."""
    return run(route(parent + BY_REF), table(child), UPSTREAM, *others)


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
