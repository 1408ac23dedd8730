"""Several gateways in one instance: where each is bound, and whom it serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import Gateway, free_port, running, send, wait_until

GATEWAYS = """
apiVersion: gateway.solo.io/v1
kind: Gateway
metadata: {{name: gateway-proxy, namespace: gloo-system}}
spec: {{bindAddress: '::', bindPort: 8080, httpGateway: {{}}}}
---
apiVersion: gateway.solo.io/v1
kind: Gateway
metadata: {{name: internal, namespace: gloo-system}}
spec: {{bindAddress: '::', bindPort: {internal}, httpGateway: {{virtualServiceSelector: {{side: internal}}}}}}
---
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {{name: internal, namespace: gloo-system, labels: {{side: internal}}}}
spec:
  virtualHost:
    domains: [internal.example]
    routes: [{{matchers: [{{prefix: /}}], directResponseAction: {{status: 200, body: internal}}}}]
---
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {{name: public, namespace: gloo-system}}
spec:
  virtualHost:
    domains: ['*']
    routes: [{{matchers: [{{prefix: /}}], directResponseAction: {{status: 200, body: public}}}}]
"""


def announced(gateway: Gateway) -> list[str]:
    """Return where the listeners are, as they were printed."""
    wait_until(lambda: len(gateway.lines) > 2, "only one listener was announced")
    return [line.split()[1] for line in gateway.lines if line.startswith("proxy ")]


@pytest.mark.parametrize(("asked", "host"), [((), "127.0.0.1"), (("--listen", "127.0.0.2"), "127.0.0.2")])
def test_any_address_is_loopback_unless_listen_says_otherwise(
    tmp_path: Path, asked: tuple[str, ...], host: str
) -> None:
    """`--port` stands in for 8080, another bindPort is as written, and each gateway serves whom it selects."""
    port = free_port()
    file = tmp_path / "gateways.yaml"
    file.write_text(GATEWAYS.format(internal=port))
    with running(file, *asked) as gateway:
        first, second = announced(gateway)
        assert (first, second) == (gateway.proxy, f"http://{host}:{port}")
        assert first.startswith(f"http://{host}:")
        for url, name, wanted in (
            (first, "any.example", (200, b"public")),
            (first, "internal.example", (200, b"internal")),
            (second, "internal.example", (200, b"internal")),
            (second, "any.example", (404, b"")),
        ):
            status, _, body = send(url, "GET", "/", {"Host": name})
            assert (status, body) == wanted
