"""Deployments that roll, pods that come back, and the logs of both, by the real kubectl."""

from __future__ import annotations

import json

import pytest

from tests.e2e.load import Load
from tests.kube.real import binaries
from tests.kube.real.cluster import Cluster, documents, eventually, rows
from tests.kube.real.scenes import application, deployment, service, upstream, virtual_service

pytestmark = pytest.mark.slow
versions = pytest.mark.parametrize("version", [binaries.OLDEST, binaries.NEWEST])


@pytest.fixture
def app(kube: Cluster, namespace: str) -> str:
    """A namespace with an application that is ready."""
    kube.says("apply", "-f", "-", stdin=documents(*application(namespace)))
    kube.says("rollout", "status", "-n", namespace, "deploy/echo-v1")
    return namespace


def answering(kube: Cluster, namespace: str, text: str) -> str:
    """Change what the pods of version 1 answer, and wait for the rollout."""
    where = "/spec/template/spec/containers/0/args/0"
    operations = json.dumps([{"op": "replace", "path": where, "value": f"-text={text}"}])
    kube.says("patch", "-n", namespace, "deploy/echo-v1", "--type=json", "-p", operations)
    return kube.says("rollout", "status", "-n", namespace, "deploy/echo-v1")


@versions
def test_status_history_and_undo(kube: Cluster, app: str, version: str) -> None:
    """A rollout ends, its history tells its causes, and undo brings back the old replica set under a new revision."""
    on = ("-n", app, "deploy/echo-v1")
    (first,) = rows(kube.says("get", "rs", "-n", app))
    kube.says("annotate", *on, "kubernetes.io/change-cause=first", version=version)
    assert answering(kube, app, "second").endswith('deployment "echo-v1" successfully rolled out')
    assert kube.curl(host=app) == (200, "second")
    kube.says("annotate", *on, "kubernetes.io/change-cause=second", "--overwrite", version=version)
    history = kube.says("rollout", "history", *on, version=version).splitlines()
    assert [line.split() for line in history[-2:]] == [["1", "first"], ["2", "second"]], history
    shown = kube.says("rollout", "history", *on, "--revision=1", version=version)
    assert "-text=version:v1" in shown
    undone = kube.kubectl("rollout", "undo", *on, version=version)  # newer ones warn of what apply remembers
    assert (undone.code, undone.out) == (0, "deployment.apps/echo-v1 rolled back\n"), undone
    kube.says("rollout", "status", *on, version=version)
    assert kube.curl(host=app) == (200, "version:v1")
    history = kube.says("rollout", "history", *on, version=version).splitlines()
    assert [line.split()[0] for line in history[-2:]] == ["2", "3"], history
    sets = {each["NAME"]: each["DESIRED"] for each in rows(kube.says("get", "rs", "-n", app))}
    assert (len(sets), sets[first["NAME"]]) == (2, "1")


@versions
def test_restart_makes_new_pods(kube: Cluster, app: str, version: str) -> None:
    """`rollout restart` replaces the pods of a Deployment by new ones that answer the same."""
    names = ("get", "pods", "-n", app, "-o", "jsonpath={.items[*].metadata.name}")
    before = kube.says(*names)
    said = kube.says("rollout", "restart", "-n", app, "deploy/echo-v1", version=version)
    assert said == "deployment.apps/echo-v1 restarted"
    kube.says("rollout", "status", "-n", app, "deploy/echo-v1", version=version)
    eventually(lambda: len(kube.says(*names).split()) == 1, "the old pod never left")
    assert kube.says(*names) != before
    assert kube.curl(host=app) == (200, "version:v1")


def test_a_paused_rollout_waits(kube: Cluster, app: str) -> None:
    """A paused Deployment keeps its pods until it is resumed."""
    on = ("-n", app, "deploy/echo-v1")
    assert kube.says("rollout", "pause", *on) == "deployment.apps/echo-v1 paused"
    kube.says("set", "env", *on, "A=b")
    assert len(rows(kube.says("get", "rs", "-n", app))) == 1
    assert kube.says("rollout", "resume", *on) == "deployment.apps/echo-v1 resumed"
    kube.says("rollout", "status", *on)
    assert len(rows(kube.says("get", "rs", "-n", app))) == 2


def test_a_rollout_under_load_fails_no_request(kube: Cluster, namespace: str) -> None:
    """Three pods are replaced one after another, pods are deleted and scaled, and 32 connections notice nothing."""
    everywhere = virtual_service(namespace)
    everywhere["spec"]["virtualHost"]["domains"] = ["*"]
    parts = (deployment(namespace, replicas=3), service(namespace), upstream(namespace), everywhere)
    kube.says("apply", "-f", "-", stdin=documents(*parts))
    kube.says("rollout", "status", "-n", namespace, "deploy/echo-v1")
    with Load(kube.gateway) as load:
        load.every()
        answering(kube, namespace, "version:v1+")
        load.every()
        kube.says("delete", "pods", "-n", namespace, "--all")
        kube.says("scale", "-n", namespace, "deploy/echo-v1", "--replicas=1")
        kube.says("rollout", "status", "-n", namespace, "deploy/echo-v1")
        load.every()
        kube.says("rollout", "undo", "-n", namespace, "deploy/echo-v1")
        kube.says("rollout", "status", "-n", namespace, "deploy/echo-v1")
        load.every()
    kube.says("delete", "vs", "-n", namespace, "echo")
    assert load.failures == {}


def test_deleted_pods_come_back(kube: Cluster, app: str) -> None:
    """A deleted pod is replaced under another name, and the Service has its address."""
    names = ("get", "pods", "-n", app, "-o", "jsonpath={.items[*].metadata.name}")
    old = kube.says(*names)
    kube.says("delete", "pod", "-n", app, old)
    kube.says("wait", "-n", app, "deploy/echo-v1", "--for=condition=Available", "--timeout=30s")
    eventually(lambda: kube.says(*names).split() not in ([], [old]), "no pod came back")
    assert kube.curl(host=app) == (200, "version:v1")
    slices = json.loads(kube.says("get", "endpointslices", "-n", app, "-o", "json"))["items"]
    targets = [end["targetRef"]["name"] for each in slices for end in each["endpoints"]]
    assert targets == kube.says(*names).split()


@versions
def test_logs_are_the_requests_of_a_pod(kube: Cluster, app: str, version: str) -> None:
    """`kubectl logs` shows a line for each request with method, path and status, `-f` goes on, `--tail` cuts."""
    kube.curl("/first?a=b", host=app)
    logged = kube.says("logs", "-n", app, "deploy/echo-v1", version=version)
    line = next(each for each in logged.splitlines() if "/first?a=b" in each)
    assert "GET" in line
    assert "200" in line
    with kube.following("logs", "-f", "-n", app, "deploy/echo-v1", version=version) as followed:
        followed.line("/first")
        kube.curl("/second", host=app)
        followed.line("/second")
    last = kube.says("logs", "-n", app, "-l", "app=echo", "--tail=1", version=version)
    assert "/second" in last
    assert "/first" not in last


@versions
def test_what_needs_a_container_is_refused_with_the_address_to_use(kube: Cluster, app: str, version: str) -> None:
    """port-forward and exec say in one line at which loopback address the pod answers."""
    pod = kube.says("get", "pods", "-n", app, "-o", "jsonpath={.items[0].metadata.name}")
    address = kube.says("get", "pods", "-n", app, "-o", "jsonpath={.items[0].status.podIP}")
    for words in (("port-forward", f"pod/{pod}", ":5678"), ("exec", pod, "--", "ls"), ("attach", pod)):
        done = kube.kubectl(words[0], "-n", app, *words[1:], version=version)
        assert done.code != 0, done
        assert f"{address}:5678" in done.out + done.err, done
