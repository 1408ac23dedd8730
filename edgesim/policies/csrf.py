"""Cross-site request forgery as Envoy's csrf filter sees it.

Measured on Envoy 1.40: only POST, PUT, DELETE and PATCH are looked at; the source is Origin unless empty
(`null` is an origin), else Referer; of both only host and port count, not the scheme, user, path, or a
default port; case counts; the target is Host as it came; additional origins match host and port as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from edgesim.model import RequestHead
from edgesim.model.policies import Csrf, StringMatch, StringMatchKind
from edgesim.policies.lines import MILLION, line

REFUSED_STATUS = 403
REFUSED_BODY = b"Invalid origin"

_MUTATING = frozenset((b"POST", b"PUT", b"DELETE", b"PATCH"))
_URL = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#]*)")

Matcher = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class CsrfRules:
    """The rules of one route, compiled."""

    enforced_millionths: int
    additional: tuple[Matcher, ...]


def compile_csrf(policy: Csrf) -> CsrfRules | None:
    """Return the rules, None where nothing can be refused: watching alone has no effect on a request."""
    if not policy.enforced_millionths:
        return None
    return CsrfRules(policy.enforced_millionths, tuple(map(_matcher, policy.additional_origins)))


def refuses(rules: CsrfRules, head: RequestHead, draw: int) -> bool:
    """Say whether a request is refused with REFUSED_STATUS; the draw is a random 64-bit integer."""
    if head.method not in _MUTATING or draw % MILLION >= rules.enforced_millionths:
        return False
    source = _host_and_port(line(head, b"origin")) or _host_and_port(line(head, b"referer"))
    if not source:
        return True
    return source != _host_and_port(head.authority) and not any(matches(source) for matches in rules.additional)


def _host_and_port(value: bytes) -> bytes:
    found = _URL.match(value)
    return value if found is None else found[1]


def _matcher(match: StringMatch) -> Matcher:
    if match.kind is StringMatchKind.REGEX:
        import re2  # noqa: PLC0415 - with the first regex: 2.5 MB that an idle process without any does not need

        fullmatch: Matcher = re2.compile(match.value.encode()).fullmatch
        return fullmatch
    compare, wanted = _COMPARE[match.kind], match.value.encode()
    if not match.ignore_case:
        return lambda source: compare(source, wanted)
    lower = wanted.lower()
    return lambda source: compare(source.lower(), lower)


_COMPARE: dict[StringMatchKind, Callable[[bytes, bytes], bool]] = {
    StringMatchKind.EXACT: bytes.__eq__,
    StringMatchKind.PREFIX: bytes.startswith,
    StringMatchKind.SUFFIX: bytes.endswith,
}
