"""What a cluster shows besides: objects that stand for the proxy, pods that make one request, logs and events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from edgesim.backends import Controllers, Gateway, PodRuntime
from edgesim.backends.objects import rewritten
from edgesim.config.store import CONTROLLER, Entry
from edgesim.model import ResourceKey
from edgesim.telemetry import sources
from edgesim.telemetry.tasks import spawn
from tests.control.scenes import SERVICE, deployment, documents, made_store, resources, until

NAMESPACES = "\n---\n".join(
    f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}" for name in ("echo", "gloo-system")
)


@dataclass(frozen=True)
class Port:
    """Where the proxy listens."""

    port: int
    tls: bool = False


@dataclass
class World:
    """A store, and controllers that show all of a cluster; steps are made until none is due at once."""

    access_log: str = ""
    ports: list[Port] = field(default_factory=lambda: [Port(18080)])
    moment: float = 0.0

    def __post_init__(self) -> None:
        self.store = made_store()
        start = sources.today()
        gateway = Gateway(lambda: self.ports, self.access_log)
        self.controllers = Controllers(
            self.store,
            PodRuntime(),
            gateway=gateway,
            now=lambda: self.moment,
            clock=lambda: start + timedelta(seconds=self.moment),
        )
        self.again: float | None = None

    async def apply(self, *texts: str) -> None:
        for resource in resources(documents(*texts)):
            self.store.put(resource, "test")
        await self.settle()

    async def settle(self) -> None:
        self.again = 0.0
        for _ in range(30):
            step = await self.controllers.reconcile()
            self.controllers.retire(step.leaving, grace=0)
            self.again = step.again_in
            if self.again != 0:
                return
        raise AssertionError("it never comes to rest")

    def entry(self, kind: str, name: str, namespace: str = "echo") -> Entry:
        found = self.store.get(ResourceKey(kind, namespace, name))
        assert found is not None
        return found

    def status(self, kind: str, name: str, namespace: str = "echo") -> dict[str, Any]:
        return self.entry(kind, name, namespace).status or {}

    def pods(self, namespace: str = "echo") -> list[Entry]:
        return [*self.store.entries("Pod", namespace)]

    def events(self, kind: str) -> list[tuple[str, str]]:
        found = []
        for entry in self.store.entries("Event"):
            event = entry.resource.typed
            if event.involved_object.kind == kind and event.involved_object.namespace == "echo":
                found.append((event.reason, event.message))
        return found

    def log(self, name: str, namespace: str = "echo") -> list[str]:
        log = self.controllers.logs(ResourceKey("Pod", namespace, name))
        return [] if log is None else [line.text for line in log.lines()]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.controllers.close(grace=0)


def fetching(command: str, restart: str = "Never", name: str = "ask") -> str:
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: echo}}
spec: {{restartPolicy: {restart}, containers: [{{name: ask, image: curlimages/curl, command: [sh, -c, {command!r}]}}]}}
"""


async def test_the_proxy_has_objects(world: World) -> None:
    """A Deployment, a Pod and a Service stand for the proxy; the Service tells where it really listens."""
    world.ports = [Port(18080), Port(18443, tls=True)]
    await world.apply(NAMESPACES)
    service = world.entry("Service", "gateway-proxy", "gloo-system").resource.manifest["spec"]
    assert [(port["name"], port["port"]) for port in service["ports"]] == [("http", 18080), ("https", 18443)]
    ingress = world.status("Service", "gateway-proxy", "gloo-system")["loadBalancer"]["ingress"]
    assert ingress[0]["ip"] == "127.0.0.1"
    (pod,) = world.pods("gloo-system")
    assert (pod.status or {})["podIP"] == "127.0.0.1"
    assert world.status("Deployment", "gateway-proxy", "gloo-system")["availableReplicas"] == 1


async def test_the_proxy_s_objects_are_put_right(world: World) -> None:
    """Deleted or scaled they come back as they were; where the proxy listens elsewhere, its Service follows."""
    await world.apply(NAMESPACES)
    for kind in ("Deployment", "Service"):
        world.store.delete(ResourceKey(kind, "gloo-system", "gateway-proxy"))
    await world.settle()
    assert world.status("Deployment", "gateway-proxy", "gloo-system")["readyReplicas"] == 1
    spec = world.entry("Deployment", "gateway-proxy", "gloo-system").resource.manifest
    await world.apply(repr({**spec, "spec": {**spec["spec"], "replicas": 3}}))
    assert len(world.pods("gloo-system")) == 1
    world.ports = [Port(28080)]
    await world.settle()
    assert world.entry("Deployment", "gateway-proxy", "gloo-system").writer == CONTROLLER
    service = world.entry("Service", "gateway-proxy", "gloo-system").resource.manifest["spec"]
    assert [port["port"] for port in service["ports"]] == [28080]


async def test_a_proxy_that_does_not_listen_yet(world: World) -> None:
    """Until the proxy listens its Pod is not ready, and it is looked again soon."""
    world.ports = []
    await world.apply(NAMESPACES)
    assert world.status("Deployment", "gateway-proxy", "gloo-system").get("readyReplicas", 0) == 0
    assert world.again == 0.5
    world.ports = [Port(18080)]
    await world.settle()
    assert world.status("Deployment", "gateway-proxy", "gloo-system")["readyReplicas"] == 1


@pytest.mark.parametrize(("path", "said"), [("", "--access-log FILE turns it on"), ("-", "standard output")])
async def test_the_proxy_s_log_is_elsewhere(path: str, said: str) -> None:
    """Where there is no access log to show, the log says how to have it."""
    world = World(access_log=path)
    await world.apply(NAMESPACES)
    (pod,) = world.pods("gloo-system")
    assert said in world.log(pod.resource.name, "gloo-system")[0]
    await world.controllers.close(grace=0)


async def test_the_proxy_s_log(tmp_path: Path) -> None:
    """The log of the proxy's Pod is its access log."""
    path = tmp_path / "access.log"
    path.write_text("a line\n")
    world = World(access_log=str(path))
    await world.apply(NAMESPACES)
    (pod,) = world.pods("gloo-system")
    assert world.log(pod.resource.name, "gloo-system") == ["a line"]
    await world.controllers.close(grace=0)


async def test_services_have_addresses(world: World) -> None:
    """Each Service gets an address of 10.96.0.0/16 and keeps it; a headless one has none."""
    headless = SERVICE.replace("name: echo,", "name: none,").replace("spec:\n", "spec:\n  clusterIP: None\n")
    await world.apply(NAMESPACES, SERVICE, headless)
    address = world.entry("Service", "echo").resource.manifest["spec"]["clusterIP"]
    assert address.startswith("10.96.")
    await world.apply(SERVICE)
    assert world.entry("Service", "echo").resource.manifest["spec"]["clusterIP"] == address
    assert world.entry("Service", "none").resource.manifest["spec"]["clusterIP"] == "None"


async def test_slices_say_what_endpoints_say(world: World) -> None:
    """An EndpointSlice lists the pods with their readiness and named ports, and goes with its Service."""
    await world.apply(NAMESPACES, SERVICE, deployment(replicas=2))
    (made,) = world.store.entries("EndpointSlice", "echo")
    manifest = made.resource.manifest
    assert manifest["metadata"]["labels"]["kubernetes.io/service-name"] == "echo"
    assert manifest["ports"] == [{"name": "http", "port": 5678, "protocol": "TCP"}]
    assert [each["targetRef"]["name"] for each in manifest["endpoints"]] == [pod.resource.name for pod in world.pods()]
    assert all(each["conditions"]["ready"] for each in manifest["endpoints"])
    world.store.delete(ResourceKey("Service", "echo", "echo"))
    await world.settle()
    assert [*world.store.entries("EndpointSlice", "echo")] == []


async def test_the_events_of_a_pod(world: World) -> None:
    """A pod that starts and stops tells so, in the words of a kubelet."""
    await world.apply(NAMESPACES, deployment())
    (name,) = [pod.resource.name for pod in world.pods()]
    assert world.events("Pod") == [
        ("Scheduled", f"Successfully assigned echo/{name} to edgesim"),
        ("Pulled", 'Container image "hashicorp/http-echo" already present on machine'),
        ("Created", "Created container: echo"),
        ("Started", "Started container echo"),
    ]
    assert [reason for reason, _ in world.events("Deployment")] == ["ScalingReplicaSet"]
    world.store.delete(ResourceKey("Deployment", "echo", "echo-v1"))
    await world.settle()
    assert world.events("Pod")[-1] == ("Killing", "Stopping container echo")


async def test_a_pod_is_seen_pending_before_it_runs(world: World) -> None:
    """Who watches sees a pod Pending from the first, then placed, then Running."""
    phases: list[str] = []
    world.store.subscribe(
        lambda happening: (
            phases.append((happening.entry.status or {}).get("phase", ""))
            if happening.entry.resource.key.kind == "Pod" and happening.entry.resource.namespace == "echo"
            else None
        )
    )
    await world.apply(NAMESPACES, deployment())
    assert phases == ["Pending", "Pending", "Running"]


async def test_a_pod_that_is_ready_later(world: World) -> None:
    """A delay of readiness keeps a pod out of the Endpoints, and the step that ends it is asked for."""
    slow = deployment().replace(
        "template:\n    metadata: {", "template:\n    metadata: {annotations: {edgesim.io/ready-after: 5s}, "
    )
    await world.apply(NAMESPACES, SERVICE, slow)
    (pod,) = world.pods()
    assert (pod.status or {})["phase"] == "Running"
    (subset,) = world.entry("Endpoints", "echo").resource.manifest["subsets"]
    assert "addresses" not in subset
    assert "Unhealthy" in [reason for reason, _ in world.events("Pod")]
    assert world.again == 5
    world.moment = 5
    await world.settle()
    (subset,) = world.entry("Endpoints", "echo").resource.manifest["subsets"]
    assert len(subset["addresses"]) == 1
    assert world.status("Deployment", "echo-v1")["availableReplicas"] == 1


async def test_a_crash_is_tried_again_ever_later(world: World) -> None:
    """A container that ends at once is started again after ten seconds, then twenty, and counts its restarts."""
    await world.apply(NAMESPACES, deployment(text=""))
    waits = []
    for restarts in range(3):
        (pod,) = world.pods()
        (container,) = (pod.status or {})["containerStatuses"]
        assert container["restartCount"] == restarts
        assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"
        assert container["lastState"]["terminated"]["exitCode"] == 127
        assert world.again is not None
        waits.append(round(world.again))
        world.moment += world.again
        await world.settle()
    assert waits == [10, 20, 40]
    assert "BackOff" in [reason for reason, _ in world.events("Pod")]


async def test_a_pod_logs_its_requests(world: World) -> None:
    """Each request is a line of the pod's log, which ends with the pod."""
    await world.apply(NAMESPACES, deployment())
    (pod,) = world.pods()
    async with aiohttp.ClientSession(headers={"User-Agent": "test"}) as session:
        await session.get(f"http://{(pod.status or {})['podIP']}:5678/a?b=c")
    first, second = world.log(pod.resource.name)
    assert first.endswith("server is listening on :5678")
    assert '"GET /a?b=c HTTP/1.1" 200 11 "test"' in second
    world.store.delete(ResourceKey("Deployment", "echo", "echo-v1"))
    await world.settle()
    assert world.log(pod.resource.name) == []


async def test_a_pod_that_makes_its_request(world: World) -> None:
    """A pod that runs curl asks for real, by the name of a Service, and ends with what it got in its log."""
    await world.apply(NAMESPACES, SERVICE, deployment())
    for number, host in enumerate(("echo", "echo.echo", "echo.echo.svc", "echo.echo.svc.cluster.local")):
        name = f"ask{number}"
        await world.apply(fetching(f"curl -fsS http://{host}/x", name=name))
        await until(lambda name=name: world.status("Pod", name)["phase"] == "Succeeded")  # type: ignore[misc]
        assert world.log(name) == ["version:v1"]
    assert world.entry("Pod", "ask0").resource.manifest["spec"]["nodeName"] == "edgesim"
    (container,) = world.status("Pod", "ask0")["containerStatuses"]
    assert container["state"]["terminated"] | {"startedAt": "", "finishedAt": ""} == {
        "exitCode": 0,
        "reason": "Completed",
        "startedAt": "",
        "finishedAt": "",
    }


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("wget echo:80", ["saving to 'index.html'", "'index.html' saved"]),
        ("wget -O /tmp/page http://echo/x", ["saving to '/tmp/page'", "'/tmp/page' saved"]),
        ("wget http://echo/a/b.html?c=/d", ["saving to 'b.html'", "'b.html' saved"]),
        ("wget -O- http://echo/", ["writing to stdout", "version:v1", "written to stdout"]),
        ("wget --spider http://echo/", ["remote file exists"]),
        ("wget -qO- http://echo/", None),
    ],
)
async def test_what_wget_says(world: World, command: str, said: list[str] | None) -> None:
    """A wget that is not quiet tells in the log where it connects and what it saves, as the test of `helm create` does."""
    await world.apply(NAMESPACES, SERVICE, deployment(), fetching(command))
    await until(lambda: world.status("Pod", "ask")["phase"] == "Succeeded")
    if said is None:
        assert world.log("ask") == ["version:v1"]
        return
    first, *others = world.log("ask")
    assert first.startswith("Connecting to echo")
    assert first.endswith(":5678)")
    assert others == said


async def test_the_gateway_has_a_name(world: World) -> None:
    """`gateway-proxy.gloo-system` leads to where the proxy listens, with that name in Host, and 80 is its port."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nproxy")
        await writer.drain()
        writer.close()

    proxy = await asyncio.start_server(answer, "127.0.0.1", 0)
    world.ports = [Port(proxy.sockets[0].getsockname()[1])]
    async with proxy:
        await world.apply(NAMESPACES, fetching("curl -fsS http://gateway-proxy.gloo-system/x"))
        await until(lambda: world.status("Pod", "ask")["phase"] == "Succeeded")
    assert world.log("ask") == ["proxy"]
    assert asked[0].startswith(b"GET /x HTTP/1.1\r\n")
    assert b"Host: gateway-proxy.gloo-system\r\n" in asked[0]


async def test_a_request_that_is_refused(world: World) -> None:
    """With `-f` an answer of 400 or more is a failure, with curl's exit code and words."""
    bad = deployment("echo-v2", version="v2").replace('"-text=version:v1"', '"-text=no", "-status-code=404"')
    await world.apply(NAMESPACES, SERVICE, bad, fetching("curl -fsS http://echo/x"))
    await until(lambda: world.status("Pod", "ask")["phase"] == "Failed")
    assert world.log("ask") == ["curl: (22) The requested URL returned error: 404"]
    (container,) = world.status("Pod", "ask")["containerStatuses"]
    assert container["state"]["terminated"]["exitCode"] == 22


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("curl -fsS http://echo:81/", 7),
        ("curl -fsS http://nobody.invalid/", 6),
        ("curl -fsS http://[/", 3),
        ("wget -O- http://echo:81/", 1),
    ],
)
async def test_requests_that_fail(world: World, command: str, code: int) -> None:
    """What goes wrong is the exit code, and a line in the log."""
    await world.apply(NAMESPACES, SERVICE, deployment(), fetching(command))
    await until(lambda: world.status("Pod", "ask")["phase"] == "Failed")
    (container,) = world.status("Pod", "ask")["containerStatuses"]
    assert container["state"]["terminated"]["exitCode"] == code
    assert len(world.log("ask")) == 1


async def test_a_request_that_is_to_succeed_at_last(world: World) -> None:
    """With OnFailure a failed request is made again after a while; a pod that is deleted makes none."""
    await world.apply(NAMESPACES, fetching("curl -fsS http://127.0.0.1:1/", restart="OnFailure"))

    def waiting() -> bool:
        (container,) = world.status("Pod", "ask")["containerStatuses"]
        return "CrashLoopBackOff" in str(container["state"])

    await until(waiting)
    world.store.delete(ResourceKey("Pod", "echo", "ask"))
    await world.settle()
    await asyncio.sleep(0)
    assert world.pods() == []


async def test_what_changes_while_a_step_is_made(world: World) -> None:
    """Pods that others delete or write while pods start are no trouble: the next step sees to them."""
    await world.apply(NAMESPACES, SERVICE)
    for resource in resources(deployment(replicas=3)):
        world.store.put(resource, "test")
    step = spawn(world.controllers.reconcile(), "step")
    await until(lambda: bool(world.pods()))
    for pod in world.pods()[1:]:
        world.store.delete(pod.resource.key)
    world.store.put(resources(fetching("sleep 5", name="late"))[0], "test")
    world.controllers.retire((await step).leaving, grace=0)
    await world.settle()
    assert len(world.pods()) == 4
    (subset,) = world.entry("Endpoints", "echo").resource.manifest["subsets"]
    assert len(subset["addresses"]) == 3


async def test_the_node(world: World) -> None:
    """`kubectl get nodes` shows one, which is ready; it is put right, and comes back when it is deleted."""
    await world.apply(NAMESPACES)
    node = world.entry("Node", "edgesim", "")
    assert (node.status or {})["nodeInfo"]["kubeletVersion"] == "v1.33.0"
    assert [(each["type"], each["status"]) for each in (node.status or {})["conditions"]] == [("Ready", "True")]
    world.store.put(rewritten(node.resource, {**node.resource.manifest, "spec": {"unschedulable": True}}), "api")
    await world.settle()
    assert world.entry("Node", "edgesim", "").resource.manifest["spec"] == {}
    world.store.delete(node.resource.key)
    await world.settle()
    assert world.status("Node", "edgesim", "") == node.status
    assert world.again is None
