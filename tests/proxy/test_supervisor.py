"""Real worker processes: what becomes of them, and of the updates they are handed."""

from __future__ import annotations

import asyncio
import os
import pickle
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from edgesim.model import Certificate, DownstreamTls, Model, Update, UpdateRefusedError, UpstreamTls, VirtualHost
from edgesim.proxy import Supervisor, slot
from edgesim.proxy.deltas import NOTHING, delta
from edgesim.telemetry.histogram import TOTAL, Counts
from edgesim.telemetry.tally import UNROUTED
from tests.dialects.certificates import pair
from tests.proxy.scenes import GET, Client, cluster, direct, until

PATIENT = 60.0
"""Seconds that starting processes may take with every core busy."""


def telling(text: str) -> Model:
    """Answer everything with a text."""
    return Model((VirtualHost("any", ("*",), (direct(body=text),)),))


def encrypted(certificate: Certificate) -> Model:
    """Answer on the TLS listener, too."""
    hosts = (*telling("plain").virtual_hosts, VirtualHost("tls", ("*",), (direct(),), tls=DownstreamTls(certificate)))
    return Model(hosts)


def sound() -> Certificate:
    made = pair()
    return Certificate(made.chain, made.key)


class Workers:
    """A supervisor, its updates numbered, and clients of it."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.version = 0

    async def push(self, model: Model) -> None:
        self.version += 1
        async with asyncio.timeout(PATIENT):
            await self.supervisor.push(Update(self.version, model, {}))

    async def ask(self) -> str:
        """Ask on a new connection."""
        client = Client(*await asyncio.open_connection("127.0.0.1", self.supervisor.port))
        try:
            return (await client.ask(GET)).body.decode()
        finally:
            client.close()

    async def answers(self, count: int = 30) -> set[str]:
        """Ask so often that every worker is asked."""
        return {await self.ask() for _ in range(count)}


@asynccontextmanager
async def running(count: int = 1, tls_port: int = 0) -> AsyncIterator[Workers]:
    supervisor = Supervisor("127.0.0.1", 0, count, "seed", tls_port)
    await supervisor.start()
    try:
        yield Workers(supervisor)
    finally:
        async with asyncio.timeout(PATIENT):
            await supervisor.close(0.5)


async def test_an_update_is_served_by_all_workers() -> None:
    """When a push returns, no worker gives an old answer any more."""
    async with running(2) as workers:
        await workers.push(telling("one"))
        assert await workers.answers() == {"one"}
        await workers.push(telling("two"))
        assert await workers.answers() == {"two"}


@pytest.mark.parametrize("count", [2, 3])
async def test_no_old_answer_comes_after_a_push_returned(count: int) -> None:
    """Clients that hammer during a hundred pushes never see what was replaced before they asked."""
    async with running(count) as workers:
        await workers.push(telling("0"))
        floor, asked, stop = 0, 0, False

        async def hammer(*, keep: bool) -> None:
            nonlocal asked
            client = Client(*await asyncio.open_connection("127.0.0.1", workers.supervisor.port))
            while not stop:
                least = floor
                assert int((await client.ask(GET)).body) >= least
                asked += 1
                if not keep:
                    client.close()
                    client = Client(*await asyncio.open_connection("127.0.0.1", workers.supervisor.port))
            client.close()

        async with asyncio.timeout(PATIENT), asyncio.TaskGroup() as group:
            for index in range(6):
                group.create_task(hammer(keep=index % 3 > 0))
            for version in range(1, 101):
                await workers.push(telling(str(version)))
                floor = version
            stop = True
        assert asked > 100


async def test_a_killed_worker_is_replaced_and_told_everything() -> None:
    """Only the connections of the worker that was killed fail; the next one serves what the others serve."""
    async with running(2) as workers:
        await workers.push(telling("one"))
        await workers.push(telling("two"))
        clients = [Client(*await asyncio.open_connection("127.0.0.1", workers.supervisor.port)) for _ in range(40)]
        for client in clients:
            await client.ask(GET)
        killed, kept = workers.supervisor.pids
        os.kill(killed, signal.SIGKILL)
        await until(lambda: len(workers.supervisor.pids) == 2 and killed not in workers.supervisor.pids, "none came")
        await workers.push(telling("three"))
        assert await workers.answers() == {"three"}
        assert kept in workers.supervisor.pids
        ended = 0
        for client in clients:
            client.send(GET)
            try:
                ended += not await client.head()
            finally:
                client.close()
        assert 0 < ended < 40


async def test_updates_go_on_while_a_new_worker_is_told_everything() -> None:
    """Where that is a lot, updates come amid it; the worker serves the last, and what no update spoke of."""
    many = tuple(direct(f"/many/{number}", body="many") for number in range(3000))

    def large(text: str) -> Model:
        return Model((VirtualHost("any", ("*",), (*many, direct(body=text))),))

    async with running(2) as workers:
        await workers.push(large("0"))
        for number in range(1, 4):
            before = workers.supervisor.pids
            os.kill(before[0], signal.SIGKILL)
            await until(lambda before=before: before[0] not in workers.supervisor.pids, "nobody noticed")  # type: ignore[misc]
            for step in range(5):
                await workers.push(large(f"{number}.{step}"))
            assert await workers.answers() == {f"{number}.4"}
        client = Client(*await asyncio.open_connection("127.0.0.1", workers.supervisor.port))
        assert (await client.ask(GET.replace(b"/ ", b"/many/2999 ", 1))).body == b"many"
        client.close()


async def test_a_worker_that_dies_during_a_push_does_not_hold_it_up() -> None:
    """A push waits for the worker that takes the place of the one that died, and returns when it serves."""
    async with running(2) as workers:
        await workers.push(telling("one"))
        stopped = workers.supervisor.pids[0]
        os.kill(stopped, signal.SIGSTOP)
        pushing = asyncio.ensure_future(workers.push(telling("two")))  # noqa: TID251 - awaited below
        await asyncio.sleep(0)
        os.kill(stopped, signal.SIGKILL)
        await pushing
        assert await workers.answers() == {"two"}


async def test_a_worker_that_says_nothing_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A push never waits longer than its patience for a worker that hangs."""
    async with running(2) as workers:
        await workers.push(telling("one"))
        stopped = workers.supervisor.pids[1]
        os.kill(stopped, signal.SIGSTOP)
        monkeypatch.setattr(slot, "PATIENCE", 3.0)
        pushing = asyncio.ensure_future(workers.push(telling("two")))  # noqa: TID251 - awaited below
        await until(lambda: stopped not in workers.supervisor.pids, "it is not killed")
        monkeypatch.undo()  # the one in its place may need longer to start
        await pushing
        assert await workers.answers() == {"two"}


@pytest.mark.parametrize("python", ["/bin/false", "/nowhere/python"])
async def test_workers_that_cannot_start_fail_the_push(python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A push fails, in a line that says how the workers end, when none stays alive."""
    async with running(2) as workers:
        monkeypatch.setattr(sys, "executable", python)
        for pid in workers.supervisor.pids:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(UpdateRefusedError, match=r"worker \d (ended with code 1|cannot be started: .*), 3 times"):
            await workers.push(telling("one"))
        monkeypatch.undo()
        await workers.push(telling("two"))
        assert await workers.answers() == {"two"}


@pytest.mark.parametrize(
    ("bad", "culprit"),
    [
        (encrypted(Certificate("nonsense", "nonsense")), "tls"),
        (Model((), (cluster(tls=UpstreamTls(root_ca="nonsense"), name="up"),)), "up"),
    ],
)
async def test_what_openssl_refuses_is_refused(bad: Model, culprit: str) -> None:
    """A certificate that cannot be used fails the push, names where it is, and leaves everything as it was."""
    async with running(2) as workers:
        await workers.push(telling("one"))
        pids = workers.supervisor.pids
        with pytest.raises(UpdateRefusedError, match="certificate") as refused:
            await workers.push(bad)
        assert refused.value.culprit == culprit
        assert await workers.answers() == {"one"}
        assert workers.supervisor.tls_port == 0
        await workers.push(telling("two"))
        assert await workers.answers() == {"two"}
        assert workers.supervisor.pids == pids


async def test_the_first_update_may_be_refused() -> None:
    """A refused first update leaves workers that answer 404 and take the next one."""
    async with running(2) as workers:
        with pytest.raises(UpdateRefusedError):
            await workers.push(encrypted(Certificate("nonsense", "nonsense")))
        assert await workers.answers(10) == {""}
        await workers.push(encrypted(sound()))
        assert await workers.answers(10) == {"plain"}
        assert workers.supervisor.tls_port != 0


async def test_a_taken_tls_port_fails_the_push() -> None:
    """The push fails while another program has the TLS listener's port, and works when it is free."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with running(1, port) as workers:
            await workers.push(telling("one"))
            with pytest.raises(UpdateRefusedError, match=f"127.0.0.1:{port}.* is in use"):
                await workers.push(encrypted(sound()))
            assert await workers.ask() == "one"
            taken.close()
            await workers.push(encrypted(sound()))
            assert workers.supervisor.tls_port == port
            await workers.push(telling("two"))
            assert workers.supervisor.tls_port == 0


async def test_one_worker_that_fails_takes_the_others_back() -> None:
    """When one of two workers cannot serve an update, neither does; the one that failed halfway is replaced."""
    async with running(2) as workers:
        await workers.push(encrypted(sound()))
        await workers.push(telling("one"))
        poor = workers.supervisor.pids[0]
        limits = resource.prlimit(poor, resource.RLIMIT_NOFILE)
        resource.prlimit(poor, resource.RLIMIT_NOFILE, (1, limits[1]))
        with pytest.raises(UpdateRefusedError, match="Too many open files"):
            await workers.push(encrypted(sound()))
        assert await workers.answers() == {"one"}
        assert poor not in workers.supervisor.pids
        await workers.push(encrypted(sound()))
        assert await workers.answers() == {"plain"}


async def test_counts_add_up_and_outlive_workers() -> None:
    """Every request is counted once whichever worker took it, also when that worker died; a reset begins at zero."""
    async with running(2) as workers:
        await workers.push(telling("one"))
        await workers.answers(50)
        tally = await workers.supervisor.stats()
        assert _requests(tally.by("virtual_host"), "any") == 50
        assert tally.totals.connections == 50
        for pid in workers.supervisor.pids:
            os.kill(pid, signal.SIGKILL)
        await workers.push(Model())
        assert await workers.answers(20) == {""}
        tally = await workers.supervisor.stats(reset=True)
        assert _requests(tally.by("virtual_host"), "any") == 50
        assert tally.counts[UNROUTED][TOTAL] == 20
        assert tally.totals.connections == 70
        await workers.answers(5)
        tally = await workers.supervisor.stats()
        assert {key: counts[TOTAL] for key, counts in tally.counts.items()} == {UNROUTED: 5}


async def test_what_a_worker_tells_after_a_reset_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that stands still through a reset counts from that reset on, once it goes on."""
    monkeypatch.setattr(slot, "_ANSWER", 0.1)
    async with running() as workers:
        await workers.push(telling("one"))
        (stopped,) = workers.supervisor.pids
        await workers.answers(20)
        os.kill(stopped, signal.SIGSTOP)
        await workers.supervisor.stats(reset=True)
        os.kill(stopped, signal.SIGCONT)
        await workers.push(telling("two"))
        async with asyncio.timeout(PATIENT):
            while workers.supervisor._slots[0]._overdue:  # noqa: ASYNC110  # until it has heard of the reset
                await asyncio.sleep(0.01)
        await workers.answers(5)
        async with asyncio.timeout(PATIENT):
            while (tally := await workers.supervisor.stats()).totals.connections < 5:  # noqa: ASYNC110  # it asks anew
                await asyncio.sleep(0.01)
        assert _requests(tally.by("virtual_host"), "any") == 5


def _requests(groups: dict[tuple[object, ...], Counts], name: str) -> int:
    return groups[(name,)][TOTAL]


def test_only_what_changed_is_sent() -> None:
    """One changed route among those of two thousand hosts is a message of less than a kilobyte."""
    hosts = [VirtualHost(f"host-{n}", (f"{n}.example",), (direct(), direct("/x"))) for n in range(2000)]
    old = Update(1, Model(tuple(hosts)), {})
    hosts[1000] = VirtualHost("host-1000", ("1000.example",), (direct(), direct("/y")))
    change = delta(old, Update(2, Model(tuple(hosts)), {}))
    assert [host.name for host in change.hosts] == ["host-1000"]
    assert len(pickle.dumps(delta(NOTHING, old))) > 100_000
    assert len(pickle.dumps(change)) < 2000
