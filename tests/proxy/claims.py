"""Routes behind token rules, and requests with tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from edgesim.model import (
    DirectResponseAction,
    HeaderMatcher,
    Model,
    PathKind,
    PathMatcher,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
)
from edgesim.model.policies import ClaimHeader, Jwt, JwtProvider, JwtValidation, Policies
from tests.policies.signing import NOW, jwks
from tests.proxy.scenes import Client, Gateway, direct, gateway

STAGE = ClaimHeader("stage", "x-stage")
PROVIDER = JwtProvider("p", "iss", jwks=jwks(), claims_to_headers=(STAGE,))
CANARY = RouteMatch(PathMatcher(PathKind.PREFIX, "/"), headers=(HeaderMatcher("x-stage", ValueKind.EXACT, "canary"),))
NONE = Policies(jwt=Jwt(disabled=True))


def by_claim(
    provider: JwtProvider = PROVIDER,
    *more: Route,
    validation: JwtValidation = JwtValidation.REQUIRE_VALID,
    **policies: object,
) -> VirtualHost:
    """Routes for canaries and for all others, behind token rules."""
    routes = (Route((CANARY,), DirectResponseAction(200, "canary")), *more, direct(body="stable"))
    rules = Policies(jwt=Jwt((provider,), validation), **policies)  # type: ignore[arg-type]
    return VirtualHost("any", ("*",), routes, policies=rules)


def asking(token: str = "", *lines: str, target: str = "/", method: str = "GET") -> bytes:
    """Return a request, with a token if there is one."""
    held = [f"authorization: Bearer {token}"] if token else []
    return "\r\n".join((f"{method} {target} HTTP/1.1", "host: any", *held, *lines, "", "")).encode()


@asynccontextmanager
async def served(*hosts: VirtualHost, at: float = NOW) -> AsyncIterator[tuple[Gateway, Client]]:
    """Run a worker at a moment of the wall clock; yields a client."""
    async with gateway(Model(hosts)) as gw:
        gw.worker.wall_clock = lambda: at
        yield gw, await gw.client()


async def body(client: Client, request: bytes) -> bytes:
    """Return the body of an answer."""
    return (await client.ask(request)).body
