"""Routes that forward, as tests look at them."""

from __future__ import annotations

from edgesim.model import (
    Destination,
    ForwardAction,
)
from tests.dialects.scenes import (
    Outcome,
)

ECHO = Destination("echo_default")


def forward(outcome: Outcome) -> ForwardAction:
    """Return the action of the only route, which forwards."""
    action = outcome.routes[0].action
    assert isinstance(action, ForwardAction)
    return action
