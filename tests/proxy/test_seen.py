"""Which headers routes see: what was measured on Envoy 1.40, asked with a matcher for each header's presence."""

from __future__ import annotations

import re

import pytest

from edgesim.model import (
    Destination,
    DirectResponseAction,
    ForwardAction,
    HeaderMatcher,
    PathKind,
    PathMatcher,
    Route,
    RouteMatch,
    ValueKind,
)
from tests.proxy.scenes import cluster, gateway, model, to, upstream, with_options

NAMES = (
    "x-request-id",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-max-retries",
    "x-forwarded-client-cert",
    "connection",
    "keep-alive",
    "te",
    "transfer-encoding",
)


def asked(name: str) -> Route:
    """Answer `yes` below a path of the header's name, if the header is seen there."""
    match = RouteMatch(PathMatcher(PathKind.PREFIX, f"/{name}"), (HeaderMatcher(name, ValueKind.PRESENT, ""),))
    return Route((match,), DirectResponseAction(200, "yes"))


SERVED = model([asked(name) for name in NAMES])


@pytest.mark.parametrize(
    ("options", "sent", "seen"),
    [
        ({}, "", "x-request-id x-forwarded-proto"),
        ({"generate_request_id": False}, "", "x-forwarded-proto"),
        (
            {"use_remote_address": True},
            "",
            "x-request-id x-forwarded-for x-forwarded-proto x-envoy-external-address",
        ),
        ({}, "x-forwarded-for: 1.2.3.4", "x-request-id x-forwarded-for x-forwarded-proto"),
        ({}, "x-envoy-max-retries: 3", "x-request-id x-forwarded-proto"),
        ({}, "x-envoy-internal: true", "x-request-id x-forwarded-proto"),
        ({}, "x-forwarded-client-cert: a", "x-request-id x-forwarded-proto"),
        ({}, "connection: keep-alive\r\nkeep-alive: timeout=5", "x-request-id x-forwarded-proto"),
        ({}, "te: trailers", "x-request-id x-forwarded-proto te"),
        ({}, "transfer-encoding: chunked", "x-request-id x-forwarded-proto"),
        (
            {"internal_addresses": ("10.0.0.0/8",)},
            "x-forwarded-for: 10.1.2.3\r\nx-envoy-max-retries: 3",
            "x-request-id x-forwarded-for x-forwarded-proto x-envoy-internal x-envoy-max-retries",
        ),
    ],
)
async def test_routes_see_what_envoys_see(options: dict[str, object], sent: str, seen: str) -> None:
    """Headers the proxy makes are there before the route is chosen, and those it takes away are gone."""
    async with gateway(with_options(SERVED, **options)) as gw:
        client = await gw.client()
        found = []
        for name in NAMES:
            more = f"{sent}\r\n" if sent else ""
            end = "0\r\n\r\n" if "chunked" in sent else ""
            reply = await client.ask(f"PUT /{name} HTTP/1.1\r\nhost: any\r\n{more}\r\n{end}".encode())
            found += [name] if reply.body == b"yes" else []
    assert found == seen.split(" ")


async def test_the_id_a_route_was_chosen_by_is_the_one_sent() -> None:
    """Each request, also one that comes again, is judged by the id that its upstream gets."""
    matcher = HeaderMatcher("x-request-id", ValueKind.REGEX, ".*[02468ace]")
    even = Route((RouteMatch(PathMatcher(PathKind.PREFIX, "/"), (matcher,)),), ForwardAction(Destination("even")))
    async with upstream() as one, upstream() as other:
        clusters = [cluster(one.endpoint, name="even"), cluster(other.endpoint, name="odd")]
        async with gateway(model([even, to("odd")], clusters)) as gw:
            client = await gw.client()
            for _ in range(40):
                assert (await client.ask()).status == 200
    for up, last in ((one, "[02468ace]"), (other, "[13579bdf]")):
        assert up.heads
        for head in up.heads:
            assert re.search(f"\r\nx-request-id: [0-9a-f-]{{35}}{last}(\r\n|$)", head.decode())


async def test_what_only_internal_clients_may_say_is_judged_for_each_client() -> None:
    """The same bytes are another request when another client sends them, so what was found is not remembered."""
    served = with_options(SERVED, internal_addresses=("127.0.0.1",), use_remote_address=True)
    ask = b"GET /x-envoy-max-retries HTTP/1.1\r\nhost: any\r\nx-envoy-max-retries: 1\r\n\r\n"
    async with gateway(served) as gw:
        client = await gw.client()
        for _ in range(2):
            assert (await client.ask(ask)).status == 200
        for connection in gw.worker.connections:
            connection.addresses = (b"8.8.8.8:80", b"127.0.0.1:80")
        assert (await client.ask(ask)).status == 404
