"""The real Helm, 3 and 4, against a running instance: the chart's whole walk, and every command people use."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.load import Load
from tests.kube.real import binaries
from tests.kube.real.cluster import CHART, Cluster
from tests.running import ROOT

pytestmark = pytest.mark.slow
PLATFORM = ROOT / "configs" / "teams" / "self-service" / "platform.yaml"
versions = pytest.mark.parametrize("helm", binaries.HELMS)


@pytest.fixture(autouse=True)
def platform(kube: Cluster) -> None:
    """The VirtualService that delegates to the RouteTables of all namespaces, all that a release needs."""
    kube.says("apply", "-f", PLATFORM)


@contextmanager
def unnoticed(kube: Cluster, path: str) -> Iterator[None]:
    """Hold 32 connections of load to a path; none of their requests may fail."""
    with Load(kube.gateway, path=path) as load:
        load.every()
        yield
        load.every()
    assert load.failures == {}


def values(number: int) -> tuple[str, str]:
    """Return the flags of a step's values."""
    return "-f", str(CHART / f"values-{number}.yaml")


def answers(kube: Cluster, path: str, count: int = 40, **headers: str) -> set[str]:
    """Return who answers below a path."""
    seen = Counter(kube.curl(path, **headers) for _ in range(count))
    assert {status for status, _ in seen} == {200}, seen
    return {body.removeprefix("version:") for _, body in seen}


WALK = {
    1: ({"v1"}, {"v1"}),
    2: ({"v1"}, {"v1"}),
    3: ({"v1"}, {"v2"}),
    4: ({"v1", "v2"}, {"v2"}),
    5: ({"v2"}, {"v2"}),
    6: ({"v2"}, {"v2"}),
}
"""For each step who answers anybody, and who answers those that ask for the canary."""


def stands_at(kube: Cluster, path: str, step: int) -> None:
    """Check by curl that a release is where it should be."""
    everyone, canary = WALK[step]
    assert (answers(kube, path), answers(kube, path, 5, stage="canary")) == (everyone, canary), step


@versions
def test_the_whole_walk(kube: Cluster, helm: str) -> None:
    """install, five upgrades, rollbacks and uninstall: the right version answers each time, and no request fails."""
    name = f"walk{helm}"
    path, on = f"/{name}", ("--namespace", name)
    said = kube.helms("install", name, CHART, *on, "--create-namespace", "--wait", *values(1), version=helm)
    assert "STATUS: deployed" in said
    stands_at(kube, path, 1)
    for step in range(2, 7):
        with unnoticed(kube, path):
            said = kube.helms("upgrade", name, CHART, *on, "--wait", *values(step), version=helm)
        assert f"REVISION: {step}" in said
        stands_at(kube, path, step)
    left = kube.says("get", "deploy", "-n", name, "-o", "name")
    assert left == f"deployment.apps/{name}-v2"
    for revision in (5, 3):
        with unnoticed(kube, path):
            said = kube.helms("rollback", name, str(revision), *on, "--wait", version=helm)
        assert "Rollback was a success" in said
        stands_at(kube, path, revision)
    history = json.loads(kube.helms("history", name, *on, "-o", "json", version=helm))
    assert [each["revision"] for each in history] == list(range(1, 9))
    assert [each["status"] for each in history] == ["superseded"] * 7 + ["deployed"]
    assert "uninstalled" in kube.helms("uninstall", name, *on, "--wait", version=helm)
    assert kube.curl(path)[0] == 404
    left = kube.says("get", "all,us,rt,secrets", "-n", name, "-o", "name")
    assert left == ""


@versions
def test_asking_about_a_release(kube: Cluster, namespace: str, helm: str) -> None:
    """list, status, history and get tell what was installed, and `helm test` asks through the gateway."""
    name, on = f"asked{helm}", ("--namespace", namespace)
    kube.helms("upgrade", "--install", name, CHART, *on, "--wait", *values(3), version=helm)
    (listed,) = json.loads(kube.helms("list", *on, "-o", "json", version=helm))
    assert (listed["name"], listed["status"], listed["chart"]) == (name, "deployed", "canary-app-0.1.0")
    everywhere = json.loads(kube.helms("list", "-A", "-o", "json", version=helm))
    assert name in {each["name"] for each in everywhere}
    assert "STATUS: deployed" in kube.helms("status", name, *on, version=helm)
    said = json.loads(kube.helms("get", "values", name, *on, "-o", "json", version=helm))
    assert said["routes"]["canary"] == {"version": "v2", "headers": {"stage": "canary"}}
    manifest = kube.helms("get", "manifest", name, *on, version=helm)
    assert "kind: RouteTable" in manifest
    assert manifest.strip() in kube.helms("get", "all", name, *on, version=helm)
    tested = kube.helms("test", name, *on, "--logs", version=helm)
    assert "Phase:          Succeeded" in tested
    assert "version:v1" in tested
    stored = kube.says("get", "secret", *on, "-l", f"owner=helm,name={name}", "-o", "name")
    assert stored == f"secret/sh.helm.release.v1.{name}.v1"
    kube.helms("uninstall", name, *on, "--keep-history", version=helm)
    assert "STATUS: uninstalled" in kube.helms("status", name, *on, version=helm)
    assert kube.curl(f"/{name}")[0] == 404


@versions
def test_a_failing_request_fails_the_test(kube: Cluster, namespace: str, helm: str) -> None:
    """`helm test` fails when the gateway has no route to the release."""
    name, on = f"lost{helm}", ("--namespace", namespace)
    kube.helms("install", name, CHART, *on, "--wait", "--set", "routes.apiGroup=nobodys", version=helm)
    done = kube.helm("test", name, *on, version=helm)
    assert done.code != 0, done
    assert "Failed" in done.out + done.err
    kube.helms("uninstall", name, *on, version=helm)


@versions
def test_bad_values_are_refused_before_anything_is_sent(kube: Cluster, namespace: str, helm: str) -> None:
    """A weight of 101 and a version that is not deployed are refused, and nothing is stored."""
    for setting, told in (
        ("routes.canary.weight=101", "routes" if helm == "3" else "/routes/canary/weight"),
        ("routes.canary.version=v9", 'routes.canary.version is "v9", which is not deployed: versions has v1, v2'),
        ("routes.primary.version=v8", 'routes.primary.version is "v8", which is not deployed: versions has v1, v2'),
    ):
        done = kube.helm("install", "bad", CHART, "--namespace", namespace, *values(4), "--set", setting, version=helm)
        assert (done.code, told in done.err) == (1, True), done
    assert kube.says("get", "all,us,rt,secrets", "-n", namespace, "-o", "name") == ""


@versions
def test_dry_runs_send_nothing(kube: Cluster, namespace: str, helm: str) -> None:
    """A dry run, the client's or the server's, shows the manifests and keeps nothing."""
    for where in ("client", "server"):
        said = kube.helms(
            "install", "dry", CHART, "--namespace", namespace, f"--dry-run={where}", *values(1), version=helm
        )
        assert "kind: RouteTable" in said
    assert kube.says("get", "all,us,rt,secrets", "-n", namespace, "-o", "name") == ""


@versions
def test_a_failed_upgrade_goes_back(kube: Cluster, namespace: str, helm: str) -> None:
    """With `--atomic` an upgrade whose pods never start is rolled back, and users never notice."""
    name, on = f"atomic{helm}", ("--namespace", namespace)
    kube.helms("install", name, CHART, *on, "--wait", *values(3), version=helm)
    crash = ("--set", "versions.v2.args={-no-such-flag}")
    flag = "--atomic" if helm == "3" else "--rollback-on-failure"
    with unnoticed(kube, f"/{name}"):
        done = kube.helm("upgrade", name, CHART, *on, flag, "--timeout", "3s", *values(3), *crash, version=helm)
        assert done.code == 1, done
    stands_at(kube, f"/{name}", 3)
    history = json.loads(kube.helms("history", name, *on, "-o", "json", version=helm))
    assert [each["status"] for each in history] == ["superseded", "failed", "deployed"]
    kube.helms("uninstall", name, *on, version=helm)


def test_two_releases_side_by_side(kube: Cluster, namespace: str) -> None:
    """Releases of any name live in one namespace, each with its own paths, one installed by Helm 3, one by Helm 4."""
    on = ("--namespace", namespace, "--wait")
    kube.helms("install", "left", CHART, *on, *values(1), version="3")
    kube.helms("install", "2.right", CHART, *on, *values(6), "--set", "routes.paths={/right,/also}", version="4")
    assert [answers(kube, path, 5) for path in ("/left", "/right", "/also")] == [{"v1"}, {"v2"}, {"v2"}]
    kube.helms("uninstall", "left", *on, version="4")
    assert (kube.curl("/left")[0], answers(kube, "/right", 5)) == (404, {"v2"})
    kube.helms("uninstall", "2.right", *on, version="3")


def test_shadowing_retries_and_timeout(kube: Cluster, namespace: str) -> None:
    """The chart's options act: a copy of every request reaches the shadowed version's log, and nobody's answer changes."""
    on = ("--namespace", namespace, "--wait")
    options = (
        "options.timeout=5s",
        "options.retries.retryOn=5xx",
        "options.retries.numRetries=2",
        "options.shadowing.version=v2",
        "options.shadowing.percentage=100",
    )
    kube.helms("install", "shadowed", CHART, *on, *values(2), "--set", ",".join(options))
    assert answers(kube, "/shadowed?copied", 5) == {"v1"}
    with kube.following("logs", "-f", "-n", namespace, "deploy/shadowed-v2") as followed:
        followed.line("copied")
    kube.helms("uninstall", "shadowed", *on)
