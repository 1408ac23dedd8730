"""`edgesim route --explain`, offline and live."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Gateway, canary, edgesim, running

STEP_5 = canary("echo", "upstream", "echo-v2", "vs-5")


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running(*STEP_5) as started:
        yield started


def test_what_was_tried_is_told_in_order() -> None:
    """Listener, virtual hosts by strength, routes with what failed first, and an arrow before what was taken."""
    lines = edgesim("route", "--explain", *STEP_5, "-H", "stage: beta", "/").out.splitlines()
    assert "  listener:      listener-::-8080 (port 8080)" in lines
    place = str(STEP_5[3])
    hosts, routes = lines.index("virtual hosts, the strongest domain first:"), lines.index("routes, in order:")
    assert lines[hosts + 1] == "-> gloo-system_echo  *  * takes whatever no other domain takes"
    assert lines[routes + 1 :] == [
        f"   1  {place}:12  prefix /, header stage is canary  not header stage is canary: it is beta",
        f"-> 2  {place}:25  prefix /                          all hold",
    ]


def test_offline_the_endpoints_are_those_the_manifests_would_give() -> None:
    """Each destination names the pods its Deployment would have; they have no address."""
    report = json.loads(edgesim("route", "--explain", *STEP_5, "-o", "json", "/").out)
    targets = [target for arm in report["destinations"] for target in arm["endpoints"]]
    assert [(target["pod"].rsplit("-", 2)[0], target["address"], target["port"]) for target in targets] == [
        ("echo-v1", "", 5678),
        ("echo-v2", "", 5678),
    ]
    assert not any(arm["fallback"] for arm in report["destinations"])


def test_live_the_endpoints_are_the_pods_that_run(gateway: Gateway) -> None:
    """Each destination names its pods as `get pods` does, with their addresses."""
    report = json.loads(gateway.run("route", "--explain", "-o", "json", "/").out)
    pods = gateway.run("get", "pods", "-n", "echo").out
    for arm in report["destinations"]:
        (target,) = arm["endpoints"]
        assert target["pod"].startswith(f"echo-{arm['subset']['version']}-")
        assert target["pod"] in pods
        assert target["address"].startswith("127.")
    assert report["explanation"]["routes"][0]["failed"]["part"] == "header"


def test_a_subset_without_pods_says_what_it_falls_back_to() -> None:
    """Endpoints that are not of the subset are told to be the fallback."""
    out = edgesim("route", "--explain", *canary("echo", "upstream", "vs-5"), "-H", "stage: canary", "/").out
    assert "the fallback: the subset has no pod" in out


def test_all_tells_every_miss() -> None:
    """--all leaves nothing out, virtual hosts that do not take the host included."""
    text = "\n".join(
        f"      - {{matchers: [{{prefix: /{n}}}], directResponseAction: {{status: 200}}}}" for n in range(20)
    )
    manifest = (
        "apiVersion: gateway.solo.io/v1\nkind: VirtualService\nmetadata: {name: %s}\n"
        "spec:\n  virtualHost:\n    domains: [%s]\n    routes:\n" + text + "\n"
    )
    stdin = manifest % ("a", "a.example") + "---\n" + manifest % ("b", "b.example")
    few = edgesim("route", "--explain", "-", "http://a.example/x", stdin=stdin).out
    assert "and 15 others that failed earlier (--all shows them)" in few
    assert "and 1 other whose domains do not take the host" in few
    every = edgesim("route", "--all", "-", "http://a.example/x", stdin=stdin).out
    assert "others" not in every
    assert "default_b  b.example  does not take it" in every
    assert sum("the path is /x" in line for line in every.splitlines()) == 20


def test_a_listener_can_be_named(gateway: Gateway) -> None:
    """--listener chooses; one that is not there is told with those that are, offline and live."""
    for done in (
        edgesim("route", "--listener", "listener-::-8443", *STEP_5, "/"),
        gateway.run("route", "--listener", "listener-::-8443", "/"),
    ):
        assert "no virtual host has this domain" in done.out
    offline = edgesim("route", "--listener", "gone", *STEP_5, "/")
    assert offline.code == 2
    assert "there is no listener 'gone'" in " ".join(offline.err.split())
    live = gateway.run("route", "--listener", "gone", "/")
    assert live.code == 1
    assert "there is no listener 'gone'" in live.err


def test_a_url_before_the_paths_is_told() -> None:
    """The hint says where the URL belongs; nothing is looked for under its name."""
    done = edgesim("route", "http://a.example/", *STEP_5)
    assert done.code == 2
    assert "the URL comes last" in done.err
    assert "ES0010" not in done.err


def test_files_with_errors_decide_and_fail(tmp_path: Path) -> None:
    """Where a manifest cannot be read the others decide, and the exit code says that it is not the whole answer."""
    done = edgesim("route", *STEP_5, tmp_path / "gone.yaml", "/")
    assert done.code == 1
    assert "gone.yaml:1:1: error ES0010" in done.err
    assert "virtual host:  gloo-system_echo (*)" in done.out
