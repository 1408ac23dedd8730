"""A release whose pods and upstream are broken from the shell, as a client sees it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.running import Gateway, canary, running, wait_until

pytestmark = pytest.mark.slow
ROUTE = """
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {name: echo, namespace: gloo-system}
spec:
  virtualHost:
    domains: ["*"]
    routes:
    - matchers: [{prefix: /retried}]
      options: {retries: {retryOn: "connect-failure", numRetries: 5}}
      routeAction: {single: {upstream: {name: echo, namespace: gloo-system}}}
    - matchers: [{prefix: /}]
      options: {timeout: 0.3s}
      routeAction: {single: {upstream: {name: echo, namespace: gloo-system}}}
"""


@pytest.fixture(scope="module", params=["edgesim", "envoy"])
def gateway(request: pytest.FixtureRequest) -> Iterator[Gateway]:
    if request.param == "envoy":
        pytest.importorskip("envoy")
    with running("--workers", "2", "--engine", request.param, *canary("echo", "upstream", "echo-v2")) as started:
        assert started.run("apply", "-f", "-", stdin=ROUTE).code == 0
        yield started


def pods(gateway: Gateway) -> list[str]:
    return gateway.run("get", "pods", "-n", "echo", "-o", "name").out.split()


def statuses(gateway: Gateway, path: str = "/", count: int = 8) -> set[int]:
    """Ask on connections of their own, so that each worker is asked."""
    return {gateway.get(path)[0] for _ in range(count)}


@pytest.mark.parametrize(
    ("options", "found", "said"),
    [
        (("--error-rate", "100%"), {500}, "100% errors"),
        (("--hang",), {504}, "hang"),
        (("--reset",), {503}, "reset"),
        (("--kill",), {503}, "kill"),
        (("--latency", "2s"), {504}, "2000 ms of latency"),
    ],
)
def test_an_upstream_fails_as_it_is_told_and_is_mended(
    gateway: Gateway, options: tuple[str, ...], found: set[int], said: str
) -> None:
    """All workers let its requests fail so, and none after it is mended; both are told in a line."""
    done = gateway.run("break", "echo", *options)
    assert (done.code, done.out) == (0, f"upstream gloo-system/echo is broken: {said}\n")
    wait_until(lambda: statuses(gateway) == found, f"not broken: {statuses(gateway)}")
    assert gateway.run("break").out == done.out
    assert gateway.run("mend", "echo").out == "upstream gloo-system/echo is mended\n"
    wait_until(lambda: statuses(gateway) == {200}, "not mended")
    again = gateway.run("mend")
    assert (again.code, again.out, again.err) == (0, "", "nothing was broken\n")


def test_latency_is_added(gateway: Gateway) -> None:
    """A slow upstream answers, later."""
    gateway.run("break", "echo", "--latency", "100ms")
    began = time.monotonic()
    assert gateway.get()[0] == 200
    assert time.monotonic() - began >= 0.1
    gateway.run("mend")


def test_the_other_pod_takes_over(gateway: Gateway) -> None:
    """A pod that is killed fails alone; where the route tries again, the other answers everything."""
    one, other = pods(gateway)
    version = "v2" if "echo-v1" in one else "v1"
    found = json.loads(gateway.run("break", one, "--kill", "-o", "json").out)["broken"]
    assert [(each["kind"], each["kill"]) for each in found] == [("pod", True)]
    wait_until(lambda: statuses(gateway) == {200, 503}, "the pod takes connections")
    assert {gateway.get("/retried") for _ in range(20)} == {(200, f"version:{version}")}
    assert gateway.run("mend", other).err == "nothing was broken\n"
    assert gateway.run("mend", one).code == 0
    wait_until(lambda: statuses(gateway) == {200}, "not mended")


def test_it_ends_by_itself(gateway: Gateway) -> None:
    """With --for nobody has to mend it."""
    assert gateway.run("break", "gloo-system/echo", "--reset", "--for", "1s").out.endswith(
        "is broken: reset, for 1 s\n"
    )
    wait_until(lambda: gateway.run("break").err == "nothing is broken\n", "it goes on")
    wait_until(lambda: statuses(gateway) == {200}, "not mended")


def test_a_wrong_name(gateway: Gateway) -> None:
    """The nearest name is told, with exit code 1; a wrong option is exit code 2."""
    done = gateway.run("break", "ecko", "--hang")
    assert (done.code, done.out) == (1, "")
    assert (
        done.err
        == "Error from server (NotFound): there is no pod and no upstream `ecko`; did you mean `echo`? (ES0740)\n"
    )
    done = gateway.run("break", "echo", "--hang", "--for", "soon")
    assert done.code == 2
    assert done.err.startswith("edgesim break: invalid value for --for: 'soon' is not a duration")
