"""Options a canary is released with, from YAML to what clients see."""

from __future__ import annotations

from pathlib import Path

from tests.running import Gateway, canary, running, send

HELD = ("echo", "echo-v2", "upstream")
USERS = [f"user-{number}" for number in range(150)]
GATEWAY = """\
apiVersion: gateway.solo.io/v1
kind: Gateway
metadata: {name: gateway-proxy, namespace: gloo-system}
spec:
  bindPort: 8080
  httpGateway:
    options:
      httpConnectionManagerSettings:
        useRemoteAddress: true
        internalAddressConfig: {cidrRanges: [{addressPrefix: 127.0.0.0, prefixLen: 8}]}
---
"""


def virtual_service(options: str, v1: int = 100, v2: int = 0) -> str:
    """Write a split between two versions."""
    to = "upstream: {name: echo, namespace: gloo-system}, subset: {values: {version: %s}}"
    arms = ", ".join(f"{{destination: {{{to % name}}}, weight: {weight}}}" for name, weight in (("v1", v1), ("v2", v2)))
    return (
        "apiVersion: gateway.solo.io/v1\nkind: VirtualService\nmetadata: {name: echo, namespace: gloo-system}\n"
        f"spec:\n  virtualHost:\n    domains: ['*']\n    routes:\n    - matchers: [{{prefix: /}}]\n"
        f"      routeAction: {{multi: {{destinations: [{arms}]}}}}\n      options: {{{options}}}\n"
    )


def versions(gateway: Gateway) -> list[str]:
    """Return the version each user meets."""
    return [gateway.get(headers={"x-user": user})[1] for user in USERS]


def test_a_sticky_canary_moves_only_whom_it_must(tmp_path: Path) -> None:
    """Everybody stays while nothing changes; with each step users go to the canary, and none comes back."""
    sticky = "lbHash: {hashPolicies: [{header: x-user}]}, envoyMetadata: {edgesim.io: {stickyWeights: true}}"
    file = tmp_path / "vs.yaml"
    file.write_text(virtual_service(sticky, 90, 10))
    with running(*canary(*HELD), file) as gateway:
        before = versions(gateway)
        assert set(before) == {"version:v1", "version:v2"}
        assert versions(gateway) == before
        for weight in (40, 75):
            file.write_text(virtual_service(sticky, 100 - weight, weight))
            assert gateway.apply(file).code == 0
            after = versions(gateway)
            moved = {pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]}
            assert moved == {("version:v1", "version:v2")}
            before = after


def test_who_may_ask_by_header_is_a_setting(tmp_path: Path) -> None:
    """Faults where the route lets everybody, timeouts for clients of internal addresses only."""
    file = tmp_path / "vs.yaml"
    shown = "{header: {key: x-timeout, value: '%REQ(x-envoy-expected-rq-timeout-ms)%'}}"
    options = f"headerManipulation: {{responseHeadersToAdd: [{shown}]}}"
    by_header = "envoyMetadata: {edgesim.io: {faultsByHeader: true}}"
    file.write_text(GATEWAY + virtual_service(f"{by_header}, {options}"))
    with running(*canary(*HELD), file) as gateway:
        assert gateway.get(headers={"x-envoy-fault-abort-request": "418"}) == (418, "fault filter abort")
        asked = {"x-envoy-upstream-rq-timeout-ms": "7000"}
        for client, timeout in (({}, "7000"), ({"x-forwarded-for": "192.0.2.7"}, "15000")):
            _status, headers, _body = send(gateway.proxy, "GET", "/", asked | client)
            assert headers["x-timeout"] == timeout
