"""Routes that forward, as tests look at them."""

from __future__ import annotations

from edgesim.model import (
    Destination,
    ForwardAction,
    Route,
)
from tests.dialects.scenes import (
    Outcome,
)

ECHO = Destination("echo_default")


def forward(outcome: Outcome) -> ForwardAction:
    """Return the action of the only route, which forwards."""
    return forwarded(outcome.routes[0])


def forwarded(route: Route) -> ForwardAction:
    """Return the action of a route, which forwards."""
    assert isinstance(route.action, ForwardAction)
    return route.action
