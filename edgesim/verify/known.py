"""The differences from Envoy that are on purpose: few, each with its reason. docs/verify.md lists them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edgesim.http1.replies import BODILESS
from edgesim.verify.comparing import Difference, Seen

_OF_A_BODY = frozenset(("content-length", "content-type"))


@dataclass(frozen=True, slots=True)
class Known:
    """A difference on purpose: what it is, why, and how it is told."""

    name: str
    reason: str
    is_it: Callable[[Difference], bool]


@dataclass(frozen=True, slots=True)
class Explained:
    """A known difference, and how many of the requests showed it."""

    known: Known
    requests: int


def known(difference: Difference) -> Known | None:
    """Return which known difference this is."""
    return next((each for each in KNOWN if each.is_it(difference)), None)


def sorted_out(found: Iterable[Difference]) -> tuple[tuple[Difference, ...], tuple[Explained, ...]]:
    """Return the differences that nothing explains, and those that are known."""
    pairs = [(each, known(each)) for each in found]
    counts = Counter(each for _, each in pairs if each is not None)
    return tuple(each for each, why in pairs if why is None), tuple(Explained(*each) for each in counts.items())


def _describes_no_body(difference: Difference) -> bool:
    statuses = {difference.edgesim.status, difference.envoy.status}
    if difference.parts != ("answered headers",) or len(statuses) != 1 or not statuses <= BODILESS:
        return False
    own, other = _answered(difference.edgesim), _answered(difference.envoy)
    return own == {name: value for name, value in other.items() if name not in _OF_A_BODY}


def _answered(seen: Seen) -> dict[str, str]:
    return _headers(seen, "answered headers")


def _headers(seen: Seen, part: str) -> dict[str, str]:
    headers = dict(seen.parts)[part]
    assert isinstance(headers, tuple)
    return dict(headers)


def _takes_the_try_before_for_the_client(difference: Difference) -> bool:
    if difference.parts != ("forwarded headers",):
        return False
    host = dict(difference.envoy.parts)["host"]
    own, other = (_headers(each, "forwarded headers") for each in (difference.edgesim, difference.envoy))
    wanted = own | {"x-envoy-original-host": str(host)}
    if "x-forwarded-host" in own and other.get("x-forwarded-host") != own["x-forwarded-host"]:
        wanted |= {"x-forwarded-host": f"{own['x-forwarded-host']},{host}"}
    return "x-envoy-original-host" in own and own != other == wanted


KNOWN = (
    Known(
        "a body of a direct response of status 204 or 304",
        "Envoy sends it although such an answer has none (RFC 9112, section 6.3), and with it breaks the next answer "
        "on the connection; edgesim sends neither the body nor its length and type",
        _describes_no_body,
    ),
    Known(
        "x-envoy-original-host and x-forwarded-host of a retry with autoHostRewrite",
        "Envoy rewrites the host anew for each try, and takes that of the try before for the client's; edgesim forwards "
        "the client's with every try",
        _takes_the_try_before_for_the_client,
    ),
    Known(
        "a route that a client chose by sending the header of a claim itself (ES1305)",
        "Envoy takes such headers away before it chooses a route for a whole listener only; edgesim does for each virtual "
        "host. Without the header both answer alike, and edgesim answers with it as it does without",
        lambda difference: difference.by_claims,
    ),
)
