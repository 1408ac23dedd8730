"""What the Proxy itself has of a configuration's problems, so that its status and `check` agree."""

from __future__ import annotations

from typing import Final

from edgesim.model import Problem

GATEWAY_STEP: Final = frozenset({
    "ES0200", "ES0203", "ES0204", "ES0208", "ES0209", "ES0250", "ES0251", "ES0252", "ES0253", "ES0254", "ES0255",
    "ES0256", "ES0257", "ES0258", "ES0259", "ES0260", "ES0520", "ES0522", "ES0523", "ES0526",
})  # fmt: skip
"""Codes of the gateway step: their virtual host never reaches the Proxy, or reaches it without the route."""
_PROXIED: Final = frozenset({"VirtualService", "RouteTable", "Gateway"})


def on_proxy(problem: Problem) -> bool:
    """Tell whether the Proxy itself has this problem: the gloo step finds it, on what a Proxy is made of."""
    owner = problem.resource
    return owner is not None and owner.kind in _PROXIED and problem.code not in GATEWAY_STEP
