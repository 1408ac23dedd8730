"""A model and a request for each known difference, which show that it is still there."""

from __future__ import annotations

from edgesim.model import DirectResponseAction, Model, PathKind, PathMatcher, Route, RouteMatch, VirtualHost
from edgesim.verify import Asked
from edgesim.verify.known import KNOWN, Known


def _direct(status: int, body: str) -> Model:
    route = Route((RouteMatch(PathMatcher(PathKind.PREFIX, "/")),), DirectResponseAction(status, body))
    return Model((VirtualHost("any", ("*",), (route,)),))


_ASKED = Asked("", "GET", "any.example", "/")
EXAMPLES: tuple[tuple[Known, Model, Asked], ...] = (
    (KNOWN[0], _direct(204, "no"), _ASKED),
    (KNOWN[0], _direct(304, "no"), _ASKED),
)
