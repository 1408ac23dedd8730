"""Real Envoys that follow a management server, each by its node id."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgesim.dialects.envoy import Json, Kind, Resources, Source, fetching_bootstrap, snapshot, version
from edgesim.envoy.admin import Admin, AdminError
from edgesim.envoy.discovery import without_pods
from edgesim.model import (
    Certificate,
    Cluster,
    ClusterType,
    Destination,
    DirectResponseAction,
    DownstreamTls,
    Endpoint,
    ForwardAction,
    HostRewrite,
    HostRewriteKind,
    Listener,
    Model,
    OriginStep,
    PathKind,
    PathMatcher,
    Route,
    RouteMatch,
    ServiceRef,
    VirtualHost,
)
from edgesim.verify.engines import free_ports
from tests.dialects.certificates import pair
from tests.dialects.envoy.scenes import ASSIGNMENTS, everything, in_files
from tests.envoy_engine.fleet import answers, ask, envoy, fleet, listens, process, telling
from tests.proxy.scenes import OK, direct, to, until, upstream

WRONG = Cluster(
    "wrong", ClusterType.STATIC, (Endpoint("no.address", 80),), origin=(OriginStep("Upstream", "a", "wrong", "u"),)
)


async def counted(admin: Admin, name: str) -> int:
    try:
        return int((await admin.values(f"^{name}$")).get(name, 0))
    except AdminError:
        return 0


@pytest.mark.slow
async def test_two_envoys_serve_the_same_and_follow(tmp_path: Path) -> None:
    """Each node gets the snapshot, and the next one; when both have it, it is served."""
    [port] = free_ports(1)
    async with fleet() as made, envoy("one", made, tmp_path) as (one, _), envoy("two", made, tmp_path) as (two, _):
        for text in ("first", "second"):
            made.serve(telling(text, port))
            await made.taken("one", "two")
            await answers(port, text)
        assert await counted(one, "listener_manager.total_listeners_active") == 1
        assert await counted(two, "listener_manager.total_listeners_active") == 1
        assert made.refusals == []


@pytest.mark.slow
async def test_what_both_refuse_is_told_of_each(tmp_path: Path) -> None:
    """A refusal names node, resource and reason, once; the node keeps what it had, and takes what is mended."""
    [port] = free_ports(1)
    async with fleet() as made, envoy("one", made, tmp_path), envoy("two", made, tmp_path):
        made.serve(telling("good", port))
        await made.taken("one", "two")
        made.serve(telling("bad", port, WRONG))
        await until(lambda: len(made.refusals) >= 2, "nobody refused it")
        assert {node for node, _ in made.told} == {"one", "two"}
        assert all("malformed IP address: no.address" in reason for _, reason in made.told)
        assert made.at_fault(0) == made.at_fault(1) == ["wrong"]
        assert await ask(port) == (200, "good")
        made.serve(telling("mended", port))
        await made.taken("one", "two")
        await answers(port, "mended")
        assert len(made.refusals) == 2


def named(name: str, **options: Any) -> Route:
    """Return a route with an origin of its own."""
    match = (RouteMatch(PathMatcher(PathKind.PREFIX, f"/{name}")),)
    return Route(
        match, ForwardAction(Destination("nowhere"), **options), origin=(OriginStep("RouteTable", "a", name, "r"),)
    )


@pytest.mark.slow
async def test_the_route_that_is_refused_is_named(tmp_path: Path) -> None:
    """Of many routes that are new, that is at fault which Envoy refuses."""
    [port] = free_ports(1)
    bad = named("bad", host_rewrite=HostRewrite(HostRewriteKind.LITERAL, "a\nb"))
    async with fleet() as made, envoy("one", made, tmp_path):
        made.serve(telling("good", port))
        await made.taken("one")
        made.serve(telling("bad", port, routes=(named("a"), named("b"), bad, named("c"))))
        await until(lambda: made.refusals, "nobody refused it")
        assert made.at_fault() == ["bad"]
        assert "HostRewriteLiteral: value does not match regex pattern" in made.told[0][1]
        assert await ask(port) == (200, "good")


@pytest.mark.slow
async def test_a_certificate_that_is_refused_is_its_hosts(tmp_path: Path) -> None:
    """A certificate that Envoy cannot load is the fault of the virtual host that uses it."""
    [port, secure] = free_ports(2)
    broken = DownstreamTls(Certificate(pair("a.example").chain, pair("b.example").key))
    host = VirtualHost(
        "tls", ("a.example",), (direct(),), origin=(OriginStep("VirtualService", "a", "tls", "v"),), tls=broken
    )
    async with fleet() as made, envoy("one", made, tmp_path):
        made.serve(telling("good", port))
        await made.taken("one")
        model = telling("bad", port)
        listeners = (*model.listeners, Listener("secure", secure, tls=True, address="127.0.0.1"))
        made.serve(replace(model, virtual_hosts=(*model.virtual_hosts, host), listeners=listeners))
        await until(lambda: made.refusals, "nobody refused it")
        assert made.refusals[0].what.kind is Kind.SECRET
        assert made.at_fault() == ["tls"]
        await answers(port, "good")


@pytest.mark.slow
async def test_one_of_two_refuses(tmp_path: Path) -> None:
    """Where one Envoy cannot do what another can, it keeps what it had and the other goes on."""
    ports = free_ports(2)
    answering = Cluster("answering", ClusterType.DIRECT_RESPONSE, response=DirectResponseAction(404, "Gone."))

    async with fleet() as made, envoy("able", made, tmp_path), envoy("unable", made, tmp_path, internal=False):
        made.serve(telling("first", ports[0]))
        await made.taken("able", "unable")
        made.serve(telling("second", ports[0], answering))
        await made.taken("able")
        await until(lambda: made.refusals, "nobody refused it")
        assert [node for node, _ in made.told] == ["unable"]
        assert not made.discovery.taken("unable")
        seen = {await ask(ports[0]) for _ in range(60)}
        assert seen == {(200, "first"), (200, "second")}
        made.serve(telling("third", ports[0]))
        await made.taken("able", "unable")
        await answers(ports[0], "third")


@pytest.mark.slow
async def test_an_envoy_shows_its_token(tmp_path: Path) -> None:
    """An Envoy whose bootstrap has the token is served."""
    [port] = free_ports(1)
    async with fleet("!se-$&cret~") as made, envoy("one", made, tmp_path):
        made.serve(telling("good", port))
        await made.taken("one")


@pytest.mark.slow
async def test_updates_lose_no_request(tmp_path: Path) -> None:
    """While updates bring a cluster and take the last one away, some of them refused, every request is answered."""
    [port] = free_ports(1)
    statuses: list[int] = []
    over = False

    async def asking() -> None:
        while not over:
            statuses.append((await ask(port))[0])

    async with upstream(OK) as behind, fleet() as made, envoy("one", made, tmp_path):
        made.serve(forwarding(0, port, behind.endpoint))
        await made.taken("one")
        await listens(port)
        clients = [asyncio.ensure_future(asking()) for _ in range(4)]  # noqa: TID251  # of a test
        for number in range(1, 31):
            made.serve(forwarding(number, port, behind.endpoint))
            if number % 3:
                await made.taken("one")
            else:
                await until(lambda number=number: len(made.refusals) == number // 3, "it is not refused")  # type: ignore[misc]
            so_far = len(statuses)
            await until(lambda so_far=so_far: len(statuses) >= so_far + 10, "nobody asks")  # type: ignore[misc]
        over = True
        await asyncio.gather(*clients)
    assert set(statuses) == {200}
    assert {each.what.kind for each in made.refusals} == {Kind.CLUSTER, Kind.LISTENER, Kind.ROUTES}


def forwarding(number: int, port: int, endpoint: Endpoint) -> Model:
    """Forward everything to a cluster of this number's name; every third model has something that Envoy refuses."""
    cluster = Cluster(f"echo-{number}", ClusterType.STATIC, (endpoint,))
    bad = named("bad", host_rewrite=HostRewrite(HostRewriteKind.LITERAL, "a\nb"))
    fault = (number // 3) % 3 if number and not number % 3 else None
    return Model(
        (VirtualHost("any", ("*",), (*([bad] if fault == 0 else []), to(cluster.name))),),
        (cluster, *([WRONG] if fault == 1 else [])),
        (
            Listener("edge", port, address="127.0.0.1"),
            *([Listener("far", 1, address="192.0.2.1")] if fault == 2 else []),
        ),
    )


@pytest.mark.slow
async def test_an_envoy_that_hangs_holds_up_nobody(tmp_path: Path) -> None:
    """While one Envoy does not go on the others get what is new, and it gets it when it does."""
    [port] = free_ports(1)
    async with fleet() as made, envoy("one", made, tmp_path), envoy("two", made, tmp_path) as (_, two):
        made.serve(telling("first", port))
        await made.taken("one", "two")
        assert two.process is not None
        two.process.send_signal(signal.SIGSTOP)
        try:
            for text in ("second", "third"):
                made.serve(telling(text, port))
                await made.taken("one")
            assert not made.discovery.taken("two")
        finally:
            two.process.send_signal(signal.SIGCONT)
        await made.taken("two")
        await answers(port, "third")


@pytest.mark.slow
async def test_an_envoy_that_was_started_again_is_served(tmp_path: Path) -> None:
    """A process that takes a killed one's place gets everything, though its node has it by the books."""
    [port] = free_ports(1)
    async with fleet() as made, envoy("one", made, tmp_path) as (_, running):
        made.serve(telling("first", port))
        await made.taken("one")
        assert running.process is not None
        killed = running.process.pid
        os.kill(killed, signal.SIGKILL)
        await until(lambda: running.starts == 2, "nobody took its place")
        await made.taken("one")
        await answers(port, "first")
        made.serve(telling("second", port))
        await made.taken("one")
        await answers(port, "second")


PARTS = ("Listeners", "Routes", "Clusters", "Secrets", "Endpoints")
SOURCES = frozenset(("config_source", "sds_config", "eds_config"))
OTHERS = frozenset(("version_info", "last_updated", "bootstrap"))


@pytest.mark.slow
async def test_envoy_has_what_it_reads_from_files(tmp_path: Path) -> None:
    """A model with every feature is the same in Envoy, whether it comes packed by a stream or as JSON in files."""
    source = in_files(tmp_path)
    found = snapshot(everything(), ASSIGNMENTS, source)
    write_all(found, source)
    async with process("files", fetching_bootstrap("files", source), tmp_path) as (admin, _):
        by_files = await dumped(admin)
    async with fleet() as made, envoy("one", made, tmp_path) as (admin, _):
        made.serve(everything(), ASSIGNMENTS)
        await made.taken("one")
        by_stream = await dumped(admin)
    assert by_stream == by_files


def write_all(found: Resources, source: Source) -> None:
    """Write each resource, and all clusters and listeners, to the files they are fetched from."""
    for kind in Kind:
        together = {"": found.of(kind)} if kind in {Kind.LISTENER, Kind.CLUSTER} else None
        groups = together or {name: {name: each} for name, each in found.of(kind).items()}
        for name, group in groups.items():
            listed = [{"@type": kind.type_url, **each} for each in group.values()]
            path = Path(source(kind, name)["path_config_source"]["path"])
            path.write_text(json.dumps({"version_info": version(group), "resources": listed}))


async def dumped(admin: Admin) -> Json:
    """Return what an Envoy has, when it is ready, but for where it comes from."""
    async with asyncio.timeout(60):
        while True:
            try:
                if (await admin.answer("/ready", "GET"))[0] == 200:
                    break
            except AdminError:
                pass
            await asyncio.sleep(0.05)
    configs = json.loads(await admin.ask("/config_dump?include_eds"))["configs"]
    by_part = {part: each for each in configs for part in PARTS if each["@type"].endswith(f".{part}ConfigDump")}
    assert by_part.keys() == {*PARTS}
    return {part: in_order(plain(each)) for part, each in by_part.items()}


def plain(node: Any) -> Any:
    if isinstance(node, list):
        return [plain(each) for each in node if not is_management(each)]
    if not isinstance(node, dict):
        return node
    return {name: plain(each) for name, each in node.items() if name not in SOURCES | OTHERS}


def is_management(each: Any) -> bool:
    """Tell whether something is the server's own cluster, or its endpoints."""
    if not isinstance(each, dict):
        return False
    inner: Any = each.get("cluster") or each.get("endpoint_config")
    return isinstance(inner, dict) and "edgesim-xds" in {inner.get("name"), inner.get("cluster_name")}


def in_order(dump: Json) -> Json:
    """Return a dump whose lists of resources are in the order of what they say."""
    return {
        name: sorted(each, key=json.dumps) if isinstance(each, list) else each for name, each in dump.items() if each
    }


def test_services_are_found_by_name() -> None:
    """A cluster of pods becomes one that asks DNS for its Service."""
    pods = Cluster("a", ClusterType.EDS, service=ServiceRef("default", "echo", 80))
    [found] = without_pods(replace(Model(), clusters=(pods,))).clusters
    assert (found.type, found.endpoints[0].address) == (ClusterType.STRICT_DNS, "echo.default.svc.cluster.local")
