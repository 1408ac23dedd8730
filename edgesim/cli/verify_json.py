"""What `edgesim verify -o json` prints; docs/verify.schema.json is made from these classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgesim.cli.reproducers import curl
from edgesim.verify import Asked, Difference, Handshake, Verified
from edgesim.verify.comparing import Seen

_Lines = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """A request that is not answered alike.

    `headers` are pairs of name and value, without Host. `draw` is the 64-bit number that splits were given in both
    engines. `curl` asks again, where `$GATEWAY` is the address and port of either's listener.
    """

    listener: str
    method: str
    host: str
    target: str
    headers: _Lines
    draw: int
    curl: str


@dataclass(frozen=True, slots=True)
class VerifyAnswer:
    """What one engine made of a request; `status` is 0 where no answer came.

    `destination` is the cluster that it reached, "" for an answer of the engine's own, and `metadata` that of the
    endpoint. `method`, `path`, `host` and `forwarded_headers` are what reached it, null where nothing did; `body` is
    that of the engine's own answer, null otherwise. Headers are pairs of lower-case name and value, sorted, those that
    are not compared left out; "*" is a value that each engine makes up.
    """

    status: int
    destination: str
    metadata: Mapping[str, str]
    method: str | None
    path: str | None
    host: str | None
    forwarded_headers: _Lines | None
    answered_headers: _Lines
    body: str | None


@dataclass(frozen=True, slots=True)
class VerifyDifference:
    """`parts` names what is not alike: "status", "destination", "endpoint", or a part of the answers."""

    parts: tuple[str, ...]
    request: VerifyRequest
    edgesim: VerifyAnswer
    envoy: VerifyAnswer


@dataclass(frozen=True, slots=True)
class VerifyExplained:
    """A difference that is on purpose: what it is, why, and how many requests showed it."""

    name: str
    reason: str
    requests: int


@dataclass(frozen=True, slots=True)
class VerifyOutput:
    """The report of `edgesim verify`.

    `requests` is how many were asked, fewer than wanted where Ctrl-C `interrupted` it; `seed` asks them again. `not_compared` is what the configuration has and the
    comparison leaves out, in words for people. `explained` are differences on purpose, which are not among the others.
    """

    requests: int
    seed: int
    not_compared: tuple[str, ...]
    differences: tuple[VerifyDifference, ...]
    explained: tuple[VerifyExplained, ...]
    interrupted: bool


def verify_output(verified: Verified, seed: int) -> VerifyOutput:
    """Return the whole report."""
    differences = tuple(_difference(each, verified.handshakes) for each in verified.differences)
    explained = tuple(VerifyExplained(each.known.name, each.known.reason, each.requests) for each in verified.explained)
    return VerifyOutput(verified.requests, seed, verified.left_out, differences, explained, verified.interrupted)


def _difference(each: Difference, handshakes: Mapping[str, Handshake]) -> VerifyDifference:
    parts = tuple(part.replace(" ", "_") for part in each.parts)
    again = curl(each.asked, "$GATEWAY", handshakes.get(each.asked.listener))
    return VerifyDifference(parts, _request(each.asked, again), _answer(each.edgesim), _answer(each.envoy))


def _request(asked: Asked, again: str) -> VerifyRequest:
    return VerifyRequest(asked.listener, asked.method, asked.host, asked.target, asked.headers, asked.draw, again)


def _answer(seen: Seen) -> VerifyAnswer:
    parts: dict[str, Any] = dict(seen.parts)
    body = parts.get("body")
    return VerifyAnswer(
        status=seen.status,
        destination=seen.destination,
        metadata=dict(seen.metadata),
        method=parts.get("method"),
        path=parts.get("path"),
        host=parts.get("host"),
        forwarded_headers=parts.get("forwarded headers"),
        answered_headers=parts["answered headers"],
        body=None if body is None else body.decode(errors="replace"),
    )
