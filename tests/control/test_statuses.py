"""Statuses in Gloo's shape and words."""

from __future__ import annotations

from datetime import UTC, datetime
from textwrap import indent
from typing import Any

from edgesim.config.store import Store
from edgesim.control.statuses import PROXY, gloo_status, index_problems
from edgesim.model import ResourceKey
from edgesim.model.codes.code import route, virtual_host
from tests.dialects.scenes import run

NOT_FOUND = "Route Warning: InvalidDestinationWarning. Reason: *v1.Upstream { default.%s } not found"
DELEGATE = "matchers: [{prefix: /echo}]\ndelegateAction: {ref: {name: echo, namespace: default}}\n"


def table(text: str, name: str = "echo") -> str:
    head = f"apiVersion: gateway.solo.io/v1\nkind: RouteTable\nmetadata: {{name: {name}}}\nspec:\n  routes:\n"
    return head + f"  - {indent(text, '    ')[4:]}"


def status(kind: str, name: str, *texts: str) -> dict[str, Any]:
    """Return what is reported of one resource."""
    outcome = run(*texts)
    store = Store(lambda: datetime.fromtimestamp(0, UTC), lambda: "uid")
    for resource in outcome.resources:
        store.put(resource, "test")
    index = index_problems(outcome.problems, outcome.translation.model, store)
    key = ResourceKey(kind, "default", name)
    reported: dict[str, Any] = gloo_status(index, key, store)["statuses"]["gloo-system"]
    return reported


def to(name: str) -> str:
    return f"matchers: [{{prefix: /echo/{name}}}]\nrouteAction: {{single: {{upstream: {{name: {name}}}}}}}\n"


def test_accepted() -> None:
    """A virtual service without problems says so, and so does its proxy."""
    found = status("VirtualService", "echo", route("directResponseAction: {status: 200}\n"))
    proxy = {PROXY: {"reportedBy": "gloo", "state": "Accepted"}}
    assert found == {"reportedBy": "gloo", "state": "Accepted", "subresourceStatuses": proxy}


def test_warnings_are_worded_as_solo_kit_does() -> None:
    """The first line break is followed by two spaces, later warnings by none."""
    routes = "".join(f"- {indent(to(name), '  ')[2:]}" for name in ("a", "b"))
    found = status("VirtualService", "echo", virtual_host(f"domains: ['*']\nroutes:\n{routes}"))
    assert (found["state"], found["reason"]) == ("Warning", f"warning: \n  {NOT_FOUND % 'a'}\n{NOT_FOUND % 'b'}")
    assert found["subresourceStatuses"][PROXY] == {
        "reportedBy": "gloo",
        "state": "Warning",
        "reason": found["reason"],
    }


def test_errors_are_a_multierror_and_name_the_route() -> None:
    """One error or several, then the warnings; a route's error carries Envoy's name of the route."""
    text = route("matchers: [{methods: [GET]}]\nname: x\ndirectResponseAction: {status: 200}\n")
    found = status("VirtualService", "echo", text)
    assert found["state"] == "Rejected"
    assert found["reason"].startswith("1 error occurred:\n\t* Route Error: InvalidMatcherError. Reason: ")
    assert found["reason"].endswith(". Route Name: default_echo-route-0-x-matcher-0\n\n")


def test_a_tables_mistake_is_the_virtual_services_too() -> None:
    """What the gateway step finds has Gloo's prefix on the virtual service; the proxy never hears of it."""
    texts = (route(DELEGATE), table("matchers: [{prefix: /echo}]\n"))
    own, above = status("RouteTable", "echo", *texts), status("VirtualService", "echo", *texts)
    assert own["state"] == above["state"] == "Rejected"
    assert above["reason"] == own["reason"].replace("\t* ", "\t* on sub route table default.echo: ")
    assert above["subresourceStatuses"][PROXY]["state"] == "Accepted"


def test_a_tables_missing_upstream_reaches_the_virtual_service() -> None:
    """What the gloo step finds is worded alike on both, and it is the proxy's as well."""
    texts = (route(DELEGATE), table(to("nowhere")))
    own, above = status("RouteTable", "echo", *texts), status("VirtualService", "echo", *texts)
    assert own["reason"] == above["reason"] == "warning: \n  " + NOT_FOUND % "nowhere"
    assert own["subresourceStatuses"] == above["subresourceStatuses"]
    assert own["subresourceStatuses"][PROXY]["state"] == "Warning"


def test_a_table_nobody_uses_is_accepted() -> None:
    """It is on no proxy, so it has no status there."""
    found = status("RouteTable", "echo", table(to("nowhere")))
    assert found == {"reportedBy": "gloo", "state": "Accepted"}


def test_a_broken_upstream_is_warned_of() -> None:
    """The sanitizer takes the cluster away and makes a warning of the error."""
    text = "apiVersion: gloo.solo.io/v1\nkind: Upstream\nmetadata: {name: echo}\nspec: {static: {}}\n"
    assert status("Upstream", "echo", text)["state"] == "Warning"


def test_a_missing_secret_is_worded_once() -> None:
    """The level and the type stand before the reason, and the reason does not say them again."""
    secure = route("directResponseAction: {status: 200}\n") + "  sslConfig: {secretRef: {name: s, namespace: t}}\n"
    reason = "Listener Warning: SSLConfigWarning. Reason: SSL secret not found: list did not find secret t.s"
    assert status("VirtualService", "echo", secure)["reason"] == f"warning: \n  {reason}"
