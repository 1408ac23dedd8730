"""The differences from Envoy that random configurations may show: few, each with its reason, and each still needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgesim.model import DirectResponseAction, Model, PathKind, PathMatcher, Route, RouteMatch, VirtualHost
from edgesim.verify import Asked, Difference
from edgesim.verify.comparing import Seen


@dataclass(frozen=True, slots=True)
class Known:
    """A difference on purpose: why, by what it is told, and a configuration and a request that show it."""

    name: str
    reason: str
    is_it: Callable[[Difference], bool]
    model: Model
    asked: Asked


def known(difference: Difference) -> Known | None:
    """Return which known difference this is."""
    return next((each for each in KNOWN if each.is_it(difference)), None)


def _answered(seen: Seen) -> dict[str, str]:
    headers = dict(seen.parts)["answered headers"]
    assert isinstance(headers, tuple)
    return dict(headers)


def _describes_no_body(difference: Difference) -> bool:
    if difference.parts != ("answered headers",) or {difference.edgesim.status, difference.envoy.status} != {204}:
        return False
    own, other = _answered(difference.edgesim), _answered(difference.envoy)
    return own == {name: value for name, value in other.items() if name not in {"content-length", "content-type"}}


def _direct(status: int, body: str) -> Model:
    route = Route((RouteMatch(PathMatcher(PathKind.PREFIX, "/")),), DirectResponseAction(status, body))
    return Model((VirtualHost("any", ("*",), (route,)),))


KNOWN = (
    Known(
        "a 204 of a direct response that is given a body",
        "Envoy names the length and type of a body that it does not send; a 204 has no content-length (RFC 9110, section 8.6)",
        _describes_no_body,
        _direct(204, "no"),
        Asked("", "GET", "any.example", "/"),
    ),
)
