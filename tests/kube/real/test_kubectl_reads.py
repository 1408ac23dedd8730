"""What kubectl reads, and the ways it shows it."""

from __future__ import annotations

import json

import pytest

from tests.kube.real import binaries
from tests.kube.real.cluster import Cluster, documents, rows
from tests.kube.real.scenes import application, deployment, service, virtual_service

pytestmark = pytest.mark.slow
versions = pytest.mark.parametrize("version", [binaries.OLDEST, binaries.NEWEST])
ENDPOINTS = "Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\n"
"""What an API server of 1.33 says to whoever reads Endpoints, as older kubectls do to describe a Service."""


@pytest.fixture
def app(kube: Cluster, namespace: str) -> str:
    """A namespace with an application that is ready."""
    kube.says("apply", "-f", "-", stdin=documents(*application(namespace)))
    kube.says("rollout", "status", "-n", namespace, "deploy/echo-v1")
    return namespace


@versions
def test_tables_of_built_in_kinds(kube: Cluster, app: str, version: str) -> None:
    """Deployments, pods, services and replica sets are shown in the columns of a cluster."""
    (shown,) = rows(kube.says("get", "deployments", "-n", app, version=version))
    assert {**shown, "AGE": ""} == {"NAME": "echo-v1", "READY": "1/1", "UP-TO-DATE": "1", "AVAILABLE": "1", "AGE": ""}
    (pod,) = rows(kube.says("get", "pods", "-n", app, "-o", "wide", version=version))
    assert (pod["READY"], pod["STATUS"], pod["RESTARTS"]) == ("1/1", "Running", "0")
    assert pod["IP"].startswith("127.")
    (balanced,) = rows(kube.says("get", "svc", "-n", app, version=version))
    assert (balanced["NAME"], balanced["TYPE"], balanced["PORT(S)"]) == ("echo", "ClusterIP", "80/TCP")
    (replicas,) = rows(kube.says("get", "rs", "-n", app, version=version))
    assert (replicas["DESIRED"], replicas["CURRENT"], replicas["READY"]) == ("1", "1", "1")
    assert pod["NAME"].startswith(replicas["NAME"])
    everything = kube.says("get", "all", "-n", app, version=version)
    assert {"deployment.apps/echo-v1", "service/echo"} <= set(everything.split())


@versions
def test_every_kind_is_listed_by_each_of_its_names(kube: Cluster, app: str, version: str) -> None:
    """Each kind that `api-resources` names can be listed, in all namespaces; Gloo's by their short names, too."""
    named = kube.says("api-resources", "--verbs=list", "-o", "name", version=version).split()
    assert {"virtualservices.gateway.solo.io", "upstreams.gloo.solo.io", "deployments.apps", "events", "pods"} <= set(
        named
    )
    listed = kube.kubectl("get", ",".join(named), "-A", "-o", "name", version=version)
    assert (listed.code, listed.err) == (0, ENDPOINTS), listed
    assert {"virtualservice.gateway.solo.io/echo", "upstream.gloo.solo.io/echo", f"namespace/{app}"} <= set(
        listed.out.split()
    )
    for short in ("vs", "rt", "gw", "us", "ug", "st", "deploy", "svc", "po", "ep", "ns", "cm"):
        done = kube.kubectl("get", short, "-A", version=version)
        assert done.code == 0, done


@versions
def test_outputs(kube: Cluster, app: str, version: str) -> None:
    """YAML, JSON, JSONPath, names and custom columns show the same object."""
    on = ("get", "vs", "echo", "-n", app, "-o")
    assert json.loads(kube.says(*on, "json", version=version))["spec"]["virtualHost"]["domains"] == [app]
    assert f"- {app}" in kube.says(*on, "yaml", version=version)
    assert kube.says(*on, "jsonpath={.spec.virtualHost.domains[0]}", version=version) == app
    assert kube.says(*on, "name", version=version) == "virtualservice.gateway.solo.io/echo"
    columns = "custom-columns=NAME:.metadata.name,DOMAIN:.spec.virtualHost.domains[0]"
    assert rows(kube.says(*on, columns, version=version)) == [{"NAME": "echo", "DOMAIN": app}]


@versions
def test_selectors(kube: Cluster, namespace: str, version: str) -> None:
    """Label and field selectors choose as on a cluster; a bad one is refused."""
    both = documents(deployment(namespace), deployment(namespace, "v2"), service(namespace))
    kube.says("apply", "-f", "-", stdin=both, version=version)
    for each in ("v1", "v2"):
        kube.says("rollout", "status", "-n", namespace, f"deploy/echo-{each}", version=version)
    pods = ("get", "pods", "-n", namespace, "-o", "jsonpath={.items[*].metadata.labels.version}", "-l")
    for chosen, expected in {
        "app=echo": "v1 v2",
        "version!=v1": "v2",
        "version in (v1)": "v1",
        "version notin (v1)": "v2",
        "app,version==v2": "v2",
        "!version": "",
    }.items():
        assert sorted(kube.says(*pods, chosen, version=version).split()) == expected.split(), chosen
    by_name = ("get", "svc", "-A", "-o", "name", "--field-selector")
    assert kube.says(*by_name, f"metadata.name=echo,metadata.namespace={namespace}", version=version) == "service/echo"
    assert "unable to parse requirement" in kube.refuses(*pods, "a in", version=version)


@versions
def test_what_is_not_there(kube: Cluster, app: str, version: str) -> None:
    """A missing object is NotFound in Kubernetes' words; a missing kind is not a kind."""
    said = kube.refuses("get", "vs", "nobody", "-n", app, version=version)
    assert said == 'Error from server (NotFound): virtualservices.gateway.solo.io "nobody" not found'
    said = kube.refuses("get", "unicorns", version=version)
    assert said == 'error: the server doesn\'t have a resource type "unicorns"'


@versions
def test_describe_tells_why_a_virtual_service_is_rejected(kube: Cluster, app: str, version: str) -> None:
    """`kubectl describe` shows the status and a warning event that name the cause."""
    bad = virtual_service(app)
    bad["spec"]["virtualHost"]["routes"][0]["matchers"] = [{"regex": "/(a"}]
    kube.says("apply", "-f", "-", stdin=documents(bad), version=version)
    rejected = "--for=jsonpath={.status.statuses.gloo-system.state}=Rejected"
    kube.says("wait", "vs/echo", "-n", app, rejected, "--timeout=30s", version=version)
    told = kube.says("describe", "vs", "echo", "-n", app, version=version)
    assert "invalid regex" in told, told
    assert "Warning" in told.partition("Events:")[2], told


@versions
def test_describe_of_built_in_kinds(kube: Cluster, app: str, version: str) -> None:
    """Deployments, pods, services, replica sets and namespaces are described, with their events and endpoints."""
    for kind in ("deploy", "pods", "rs", "svc", "ep"):
        described = kube.kubectl("describe", kind, "-n", app, version=version)
        assert (described.code, described.out[:5]) == (0, "Name:"), described
        assert described.err in ("", ENDPOINTS if kind in {"svc", "ep"} else ""), described
    deployed = kube.says("describe", "deploy/echo-v1", "-n", app, version=version)
    assert "1 desired | 1 updated | 1 total | 1 available | 0 unavailable" in deployed
    assert "Scaled up replica set echo-v1-" in deployed
    balanced = kube.kubectl("describe", "svc/echo", "-n", app, version=version).out
    assert ":5678" in next(line for line in balanced.splitlines() if line.startswith("Endpoints:"))
    assert "Started container echo" in kube.says("describe", "pods", "-n", app, version=version)
    assert "Active" in kube.says("describe", "ns", app, version=version)


@versions
def test_events_tell_the_story(kube: Cluster, app: str, version: str) -> None:
    """`kubectl events` and `get events` show a rollout's steps and a problem found; `--for` chooses an object's."""
    wrong = virtual_service(app, target="nobody")
    kube.says("apply", "-f", "-", stdin=documents(wrong), version=version)
    warned = "--for=jsonpath={.status.statuses.gloo-system.state}=Warning"
    kube.says("wait", "vs/echo", "-n", app, warned, "--timeout=30s", version=version)
    told = kube.says("events", "-n", app, "--for", "virtualservice/echo", version=version)
    assert "Warning" in told
    assert "nobody" in told
    listed = kube.says("get", "events", "-n", app, "--sort-by=.metadata.creationTimestamp", version=version)
    assert {"ScalingReplicaSet", "SuccessfulCreate", "Started"} <= set(listed.split()), listed


@versions
def test_explain_shows_the_documented_fields(kube: Cluster, version: str) -> None:
    """`kubectl explain` tells the type, the description and the fields of Gloo's kinds."""
    told = kube.says("explain", "vs.spec.virtualHost.routes", version=version)
    assert "VirtualService" in told
    for field in ("matchers", "routeAction", "delegateAction", "options"):
        assert f"\n  {field}\t" in told or f"\n   {field}\t" in told, told
    assert "prefix" in kube.says("explain", "rt.spec.routes.matchers", version=version)
    assert "subsetSpec" in kube.says("explain", "us.spec.kube", "--recursive", version=version)
    assert "does not exist" in kube.refuses("explain", "vs.spec.virtualHosts", version=version)


@versions
def test_the_server_says_what_it_is(kube: Cluster, version: str) -> None:
    """version, cluster-info and the health endpoints answer; the server is 1.33."""
    assert (
        json.loads(kube.kubectl("version", "-o", "json", version=version).out)["serverVersion"]["gitVersion"]
        == "v1.33.0"
    )
    assert kube.server in kube.says("cluster-info", version=version)
    for probe in ("healthz", "readyz", "livez"):
        assert kube.says("get", "--raw", f"/{probe}", version=version) == "ok"


@versions
def test_the_first_user_may_do_everything(kube: Cluster, version: str) -> None:
    """`auth can-i` says yes to the administrator, for any verb of any kind, and lists the rules."""
    assert kube.says("auth", "can-i", "delete", "virtualservices.gateway.solo.io", version=version) == "yes"
    assert "*.*" in kube.says("auth", "can-i", "--list", version=version)
    if version != binaries.OLDEST:  # which knows only the beta of it
        assert "system:masters" in kube.says("auth", "whoami", "-o", "json", version=version)


def test_one_pass_over_a_watch(kube: Cluster, app: str) -> None:
    """`kubectl get -w` shows what is there and then each change of a rollout."""
    with kube.following("get", "deploy", "-n", app, "-w") as watched:
        watched.line(r"^echo-v1 +1/1")
        kube.says("scale", "-n", app, "deploy/echo-v1", "--replicas=2")
        watched.line(r"^echo-v1 +2/2 +2 +2")
        kube.says("delete", "-n", app, "deploy/echo-v1")
    with kube.following("get", "vs", "-n", app, "-w", "-o", "name") as watched:
        watched.line("echo")
        kube.says("label", "-n", app, "vs/echo", "a=b")
        watched.line("echo")


def test_events_are_followed(kube: Cluster, app: str) -> None:
    """`kubectl get events -w` and `kubectl events -w` tell of a rollout's step and of a problem when they happen."""
    wrong = documents(virtual_service(app, target="nobody"))
    with (
        kube.following("get", "events", "-n", app, "-w") as listed,
        kube.following("events", "-n", app, "-w") as told,
    ):
        for followed in (listed, told):
            followed.line("Started")
        kube.says("scale", "-n", app, "deploy/echo-v1", "--replicas=2")
        for followed in (listed, told):
            followed.line("ScalingReplicaSet.*from 1 to 2")
        kube.says("apply", "-f", "-", stdin=wrong)
        for followed in (listed, told):
            followed.line("Warning.*nobody")


@versions
def test_wait_for_what_comes_and_goes(kube: Cluster, namespace: str, version: str) -> None:
    """`kubectl wait` sees conditions, states of VirtualServices, deletions and, where it can, creations."""
    kube.says("apply", "-f", "-", stdin=documents(*application(namespace)), version=version)
    on = ("-n", namespace, "--timeout=30s")
    kube.says("wait", *on, "deploy/echo-v1", "--for=condition=Available", version=version)
    assert "condition met" in kube.says("wait", *on, "pods", "--all", "--for=condition=Ready", version=version)
    accepted = "--for=jsonpath={.status.statuses.gloo-system.state}=Accepted"
    for each in ("vs/echo", "us/echo"):
        assert kube.says("wait", *on, each, accepted, version=version).endswith("condition met")
    if version != binaries.OLDEST:
        with kube.following("wait", *on, "--for=create", "cm/late", version=version) as waiting:
            kube.says("create", "-n", namespace, "cm", "late", version=version)
            waiting.line("configmap/late condition met")
    with kube.following("wait", *on, "--for=delete", "vs/echo", version=version) as waiting:
        kube.says("delete", "-n", namespace, "vs/echo", version=version)
        assert waiting.code() == 0  # it says so only if it saw it go
    assert waiting.lines in ([], ["virtualservice.gateway.solo.io/echo condition met"])
