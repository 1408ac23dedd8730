"""What two engines made of one request, in the parts that are compared."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from edgesim.verify.asking import Answer
from edgesim.verify.requests import Asked

_NEVER_ALIKE = frozenset(("date", "x-envoy-upstream-service-time"))
_MADE_UP = frozenset(("x-request-id",))
"""Headers whose values each engine makes up; that they are there is compared."""
_HASH_COOKIE = re.compile(r'^([^=;]*)="[0-9a-f]{16}"')
"""A cookie that is made for hashing: its value is of the connection's two ends."""
_FRAMING = frozenset(("content-length", "transfer-encoding"))
"""How long an answer is: a recorder's is as long as what it tells, and one to HEAD has nothing to be long."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer by its parts."""

    status: int
    destination: str
    metadata: tuple[tuple[str, str], ...]
    parts: tuple[tuple[str, object], ...]
    """What else is compared, by name: the method, path, host and headers that were forwarded, those of the answer, its body."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A request that is not answered alike: which parts differ, and how each engine answered.

    `by_claims` says that Envoy alone lets headers of claims decide that the client sent itself.
    """

    asked: Asked
    parts: tuple[str, ...]
    edgesim: Seen
    envoy: Seen
    by_claims: bool = False


def seen(asked: Asked, answer: Answer) -> Seen:
    """Take an answer apart."""
    told = _told(answer)
    ignored = _NEVER_ALIKE
    if asked.method == "HEAD" or ("x-recorder", "1") in answer.headers:
        ignored |= _FRAMING
    headers = _comparable(answer.headers, asked, ignored)
    if told is None:
        parts: tuple[tuple[str, object], ...] = (("answered headers", headers), ("body", answer.body))
        return Seen(answer.status, "", (), parts)
    forwarded = tuple((name, value) for name, value in told["headers"])
    host = next((value for name, value in forwarded if name.lower() == "host"), "")
    parts = (
        ("method", told["method"]),
        ("path", told["target"]),
        ("host", host),
        ("forwarded headers", _comparable(forwarded, asked, frozenset(("host",)))),
        ("answered headers", headers),
    )
    return Seen(answer.status, told["cluster"], tuple(sorted(told["metadata"].items())), parts)


def _told(answer: Answer) -> dict[str, Any] | None:
    if ("x-recorder", "1") not in answer.headers or not answer.body:
        return None
    found: dict[str, Any] = json.loads(answer.body)
    return found


def _comparable(
    headers: tuple[tuple[str, str], ...], asked: Asked, ignored: frozenset[str]
) -> tuple[tuple[str, str], ...]:
    """Return headers by name, values of one name in one line: Envoy joins some, which says the same (RFC 9110, 5.2)."""
    given = {name for name, _ in asked.headers}
    found: dict[str, list[str]] = {}
    for name, value in ((name.lower(), value) for name, value in headers):
        if name not in ignored:
            found.setdefault(name, []).append("*" if name in _MADE_UP - given else _shared(name, value))
    return tuple(sorted((name, ",".join(values)) for name, values in found.items()))


def _shared(name: str, value: str) -> str:
    return _HASH_COOKIE.sub(r'\1="*"', value) if name == "set-cookie" else value


def differing(edgesim: Seen, envoy: Seen) -> tuple[str, ...]:
    """Return the names of what differs; which endpoint of a destination it was is not compared here."""
    own = [("status", edgesim.status), ("destination", edgesim.destination), *edgesim.parts]
    other = dict([("status", envoy.status), ("destination", envoy.destination), *envoy.parts])
    return tuple(name for name, value in own if other.get(name) != value)
