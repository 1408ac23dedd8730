"""A broken route beside a sound one: what is answered, and how Settings change it while everything runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Gateway, canary, running

BROKEN = """\
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {name: broken, namespace: gloo-system}
spec:
  virtualHost:
    domains: [broken.example]
    routes:
    - matchers: [{prefix: /missing}]
      routeAction: {single: {upstream: {name: none}}}
      options:
        headerManipulation: {responseHeadersToAdd: [{header: {key: x-team, value: broken}}]}
    - matchers: [{prefix: /split}]
      routeAction:
        multi:
          destinations:
          - {destination: {upstream: {name: none}}, weight: 100}
          - {destination: {upstream: {name: echo}, subset: {values: {version: v1}}}, weight: 0}
    - directResponseAction: {status: 202}
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running(*canary("echo", "upstream", "vs-1")) as started:
        yield started


def get(gateway: Gateway, path: str) -> tuple[int, str]:
    return gateway.get(path, {"Host": "broken.example"})


def patch(gateway: Gateway, policy: dict[str, object]) -> None:
    """Patch Settings as on a cluster."""
    body = json.dumps({"spec": {"gloo": {"invalidConfigPolicy": policy}}})
    done = gateway.run("patch", "settings", "default", "-n", "gloo-system", "--type", "merge", "-p", body)
    assert done.code == 0, done.err


def test_settings_exist_and_show_their_defaults(gateway: Gateway) -> None:
    """`get -o yaml` shows what an installation has."""
    shown = gateway.run("get", "settings", "default", "-n", "gloo-system", "-o", "yaml").out
    assert "replaceInvalidRoutes: false" in shown
    assert "invalidRouteResponseCode: 404" in shown


def test_replacement_lets_the_rest_go_live(gateway: Gateway, tmp_path: Path) -> None:
    """Frozen without it, then only what is broken answers 404, then as Settings say, then frozen on the last good."""
    file = tmp_path / "broken.yaml"
    file.write_text(BROKEN)
    gateway.apply(file)
    assert get(gateway, "/")[0] == 200  # frozen: the virtual host is not there, and the other takes any domain
    patch(gateway, {"replaceInvalidRoutes": True})
    assert get(gateway, "/")[0] == 202
    for path in ("/missing", "/split"):
        status, text = get(gateway, path)
        assert (status, "invalid configuration" in text) == (404, True)
    patch(gateway, {"invalidRouteResponseCode": 418, "invalidRouteResponseBody": "a teapot"})
    assert get(gateway, "/missing") == (418, "a teapot")
    patch(gateway, {"replaceInvalidRoutes": False})
    assert get(gateway, "/missing") == (418, "a teapot")
    assert gateway.run("delete", "settings", "default", "-n", "gloo-system").code == 0
    assert "replaceInvalidRoutes: false" in gateway.run("get", "settings", "-n", "gloo-system", "-o", "yaml").out


def test_isolated_a_missing_upstream_is_503(tmp_path: Path) -> None:
    """Warnings are served: the route is there, and nothing behind it."""
    file = tmp_path / "broken.yaml"
    file.write_text(BROKEN)
    with running(*canary("echo", "upstream", "vs-1"), file, "--invalid-config", "isolate") as gateway:
        assert get(gateway, "/")[0] == 202
        assert get(gateway, "/missing") == (503, "")
        assert get(gateway, "/split") == (503, "")
