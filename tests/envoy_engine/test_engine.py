"""Real Envoy as the engine: updates while it serves, what it refuses, and its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from dataclasses import replace

import pytest

from edgesim.envoy.engine import with_few_files
from edgesim.model import (
    Assignments,
    Certificate,
    Cluster,
    ClusterType,
    ConnectionSettings,
    DownstreamTls,
    Endpoint,
    Listener,
    Model,
    UpdateRefusedError,
    VirtualHost,
)
from edgesim.telemetry import spawn
from edgesim.telemetry.histogram import HISTOGRAM, TOTAL
from edgesim.telemetry.rows import rows
from tests.dialects.certificates import pair
from tests.envoy_engine.scenes import PATIENT, eds, forward, running, saying, telling
from tests.proxy.scenes import GET, OK, Client, Peer, direct, model, until, upstream

WRONG = Cluster("wrong", ClusterType.STATIC, (Endpoint("no.address", 80),))


@pytest.mark.slow
async def test_an_update_is_served_without_a_restart() -> None:
    """An update is served by the same process, whatever was served before."""
    async with running() as envoy:
        await envoy.push(telling("one"))
        assert await envoy.ask() == "one"
        pids = envoy.engine.pids
        for text in ("two", "three", "one"):
            await envoy.push(telling(text))
            await envoy.answers(text)
        assert envoy.engine.pids == pids


@pytest.mark.slow
async def test_no_request_fails_while_clusters_come_and_go() -> None:
    """While each update brings another cluster and takes away the last one, every request is answered."""
    async with running() as envoy, upstream(saying("a")) as a, upstream(saying("b")) as b:
        models = [model([forward(each)], [eds(each)]) for each in ("a", "b")]
        ends = {"a": (a.endpoint,), "b": (b.endpoint,)}
        await envoy.push(models[0], **ends)
        done, seen = asyncio.Event(), []

        async def asking() -> None:
            while not done.is_set():
                seen.append(await envoy.ask())

        task = spawn(asking(), "asking")
        for turn in range(1, 7):
            await envoy.push(models[turn % 2], **ends)
            await envoy.answers("ab"[turn % 2])
        done.set()
        await task
        assert set(seen) == {"a", "b"}


@pytest.mark.slow
async def test_endpoints_of_a_cluster_change() -> None:
    """Other endpoints of the same cluster are used from the next update on."""
    async with running() as envoy, upstream(saying("a")) as a, upstream(saying("b")) as b:
        same = model([forward("echo")], [eds("echo")])
        await envoy.push(same, echo=(a.endpoint,))
        await envoy.answers("a")
        await envoy.push(same, echo=(b.endpoint,))
        await envoy.answers("b")


@pytest.mark.slow
async def test_what_envoy_refuses_leaves_all_as_it_was() -> None:
    """A refused update names the resource at fault and Envoy's reason; what was served is served, and can be changed."""
    async with running() as envoy:
        await envoy.push(telling("one"))
        with pytest.raises(UpdateRefusedError, match=r"malformed IP address: no\.address") as refused:
            await envoy.push(telling("two", WRONG))
        assert refused.value.culprit == "wrong"
        assert await envoy.ask() == "one"
        await envoy.push(telling("three"))
        await envoy.answers("three")


@pytest.mark.slow
async def test_a_virtual_host_that_envoy_refuses_is_named() -> None:
    """Where routes are refused, the virtual host that changed is at fault."""
    bad = VirtualHost("bad", ("bad.example",), (direct(status=99),))
    async with running() as envoy:
        await envoy.push(telling("one"))
        with pytest.raises(UpdateRefusedError) as refused:
            await envoy.push(replace(telling("one"), virtual_hosts=(*telling("one").virtual_hosts, bad)))
        assert refused.value.culprit == "bad"
        assert await envoy.ask() == "one"


@pytest.mark.slow
async def test_what_envoy_refuses_at_the_start_is_told() -> None:
    """The very first update may be refused, too, and the next one is served."""
    async with running() as envoy:
        with pytest.raises(UpdateRefusedError):
            await envoy.push(telling("one", WRONG))
        await envoy.push(telling("two"))
        await envoy.answers("two")


@pytest.mark.slow
async def test_another_envoy_serves_the_same() -> None:
    """An Envoy that was killed is replaced by one that serves what it served, and takes updates."""
    async with running() as envoy:
        await envoy.push(telling("one"))
        [killed] = envoy.engine.pids
        os.kill(killed, signal.SIGKILL)
        await until(lambda: envoy.engine.pids not in ([], [killed]), "nobody took its place")
        await envoy.push(telling("two"))
        await envoy.answers("two")


@pytest.mark.slow
async def test_tls_listeners_open_when_a_virtual_host_asks_for_them() -> None:
    """A virtual host with a certificate opens the TLS listener, and another certificate is shown to new connections."""
    async with running() as envoy:
        await envoy.push(telling("plain"))
        assert envoy.engine.tls_port == 0
        for made in (pair("a.example"), pair("b.example")):
            certificate = Certificate(made.chain, made.key)
            host = VirtualHost("tls", ("*",), (direct(),), tls=DownstreamTls(certificate))
            await envoy.push(replace(telling("plain"), virtual_hosts=(*telling("plain").virtual_hosts, host)))
            async with asyncio.timeout(PATIENT):
                while await shown(envoy.engine.tls_port) != ssl.PEM_cert_to_DER_cert(made.chain):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)


async def shown(port: int) -> bytes | None:
    """Return the certificate that a port shows."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    found: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return found


@pytest.mark.slow
async def test_a_port_that_is_taken_refuses_the_update() -> None:
    """A listener whose port another program has is at fault."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with running() as envoy:
            await envoy.push(telling("one"))
            more = replace(telling("two"), listeners=(*telling("two").listeners, Listener("more", port)))
            with pytest.raises(UpdateRefusedError, match="is in use"):
                await envoy.push(more)
            assert await envoy.ask() == "one"


@pytest.mark.slow
async def test_requests_in_progress_are_finished_at_the_end() -> None:
    """Draining takes no more connections, and waits for what is in progress as long as it may."""
    release, asked = asyncio.Event(), asyncio.Event()

    async def slow(peer: Peer) -> None:
        await peer.head()
        asked.set()
        await release.wait()
        peer.send(OK)

    async with upstream(slow) as up, running() as envoy:
        await envoy.push(model([forward("echo")], [eds("echo")]), echo=(up.endpoint,))
        client = Client(*await asyncio.open_connection("127.0.0.1", envoy.engine.port))
        client.send(GET)
        await asked.wait()
        closing = spawn(envoy.engine.close(PATIENT), "close")
        async with asyncio.timeout(PATIENT):
            while await accepts(envoy.engine.port):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        release.set()
        assert (await client.reply()).status == 200
        client.close()
        await closing


async def accepts(port: int) -> bool:
    """Tell whether somebody takes connections."""
    try:
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.mark.slow
async def test_answers_are_counted_by_cluster() -> None:
    """What Envoy counted of a cluster is told by class of status, and begins at zero after a reset."""
    async with upstream() as up, running() as envoy:
        await envoy.push(model([forward("echo")], [eds("echo")]), echo=(up.endpoint,))
        for _ in range(3):
            await envoy.ask()
        tally = await envoy.engine.stats(reset=True)
        assert {key.cluster: (counts[TOTAL], counts[-200]) for key, counts in tally.counts.items()} == {"echo": (3, 3)}
        assert (await envoy.engine.stats()).counts == {}


@pytest.mark.slow
async def test_a_cluster_that_changes_keeps_its_counts() -> None:
    """Envoy forgets the statuses and durations of one that another takes the place of; they are told all the same."""
    async with upstream() as up, running() as envoy:
        for timeout in (1.0, 2.0, 3.0):
            changed = replace(eds("echo"), connection=ConnectionSettings(connect_timeout=timeout))
            await envoy.push(model([forward("echo")], [changed]), echo=(up.endpoint,))
            await envoy.ask()
        [counts] = (await envoy.engine.stats()).counts.values()
        assert (counts[TOTAL], counts[-200]) == (3, 3)
        assert sum(count for slot, count in counts.items() if slot >= HISTOGRAM) == 3


@pytest.mark.slow
async def test_durations_are_counted_by_cluster() -> None:
    """Each answer's duration is told when it is asked for, begins at zero after a reset, and anew with another Envoy."""

    async def slow(peer: Peer) -> None:
        while await peer.head():
            await asyncio.sleep(0.12)
            peer.send(OK)

    async def durations(*, reset: bool = False) -> list[tuple[float, float]]:
        tally = await envoy.engine.stats(reset=reset)
        return [(row.p50_ms or 0.0, row.p99_ms or 0.0) for row in rows(tally, "cluster")]

    async with upstream(slow) as up, running() as envoy:
        await envoy.push(model([forward("echo")], [eds("echo")]), echo=(up.endpoint,))
        await envoy.ask()
        [(middle, high)] = await durations(reset=True)
        assert 120 <= middle == high
        assert await durations() == []
        await envoy.ask()
        assert len(await durations()) == 1
        [killed] = envoy.engine.pids
        os.kill(killed, signal.SIGKILL)
        await until(lambda: envoy.engine.pids not in ([], [killed]), "nobody took its place")
        await envoy.push(model([forward("echo")], [eds("echo"), eds("other")]), echo=(up.endpoint,))
        await envoy.ask()
        [(middle, _)] = await durations()
        assert middle >= 120


def test_many_clusters_hold_their_endpoints_themselves() -> None:
    """Up to 40 clusters have a file for their endpoints; where there are more, each cluster holds them itself."""
    ends: Assignments = {f"c{number}": (Endpoint("127.0.0.1", number + 1),) for number in range(41)}
    few = Model(clusters=tuple(eds(name) for name in [*ends][:40]))
    assert with_few_files(few, ends) is few
    many = with_few_files(Model(clusters=tuple(map(eds, ends))), ends)
    assert {each.name: (each.type, each.endpoints) for each in many.clusters} == {
        name: (ClusterType.STATIC, found) for name, found in ends.items()
    }


@pytest.mark.slow
async def test_hundreds_of_clusters_are_served() -> None:
    """More clusters than files that a user may follow are served, and other endpoints of one are used."""
    names = [f"c{number}" for number in range(300)]
    async with running() as envoy, upstream(saying("a")) as a, upstream(saying("b")) as b:
        served = model([forward("c7")], [eds(name) for name in names])
        await envoy.push(served, **dict.fromkeys(names, (a.endpoint,)))
        await envoy.answers("a")
        await envoy.push(served, **(dict.fromkeys(names, (a.endpoint,)) | {"c7": (b.endpoint,)}))
        await envoy.answers("b")
