"""Routes and virtual hosts with options, as tests of what reads them need them."""

from __future__ import annotations

from edgesim.model import Policies
from tests.dialects.scenes import TO_ECHO, UPSTREAM, Outcome, gateway, routed, run, virtual_host

ELSEWHERE = ("directResponseAction: {status: 200}", "redirectAction: {hostRedirect: example.com}")
BUFFERED = gateway("httpGateway: {options: {buffer: {maxRequestBytes: 1000}}}\n")
"""A listener with the buffer filter, without which the limits of a level have no effect."""


def options(text: str, action: str = TO_ECHO, listener: str = BUFFERED) -> Outcome:
    """Translate a route with options."""
    return run(routed(f"{action.rstrip()}\noptions: {{{text}}}\n"), listener)


def policies(text: str) -> Policies:
    """Return the policies of a route whose options are clean."""
    outcome = options(text)
    assert outcome.problems == []
    return outcome.routes[0].policies


def host_options(text: str) -> Outcome:
    """Translate a virtual host with options."""
    return run(virtual_host(f"options: {{{text}}}\nroutes:\n- {TO_ECHO}"), UPSTREAM, BUFFERED)


def refused(outcome: Outcome) -> tuple[str, str]:
    """Return code and field (below the options) of the only problem of a route, which is left out."""
    problem = outcome.only()
    assert outcome.routes == ()
    return problem.code, problem.field.partition(".options.")[2]
