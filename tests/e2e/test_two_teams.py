"""Two teams release through one gateway at once, one of them with a mistake, under constant traffic."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.running import DEADLINE, ROOT, Gateway, running

TEAMS = ROOT / "configs" / "teams"
GLOO_SAYS = (
    "Gloo Gateway has invalid configuration. Administrators should run `glooctl check` to find and fix config errors."
)
QUESTIONS = {
    "echo": b"GET /echo HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n",
    "echo canary": b"GET /echo HTTP/1.1\r\nhost: shop\r\nstage: canary\r\nconnection: close\r\n\r\n",
    "foxtrot": b"GET /foxtrot HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n",
    "foxtrot canary": b"GET /foxtrot HTTP/1.1\r\nhost: shop\r\nstage: canary\r\nconnection: close\r\n\r\n",
}
ECHO_CANARY = "0/routeAction/single/upstream/name"
FOXTROT_EVERYONE = "1/routeAction/single/subset/values/version"
PACE = 0.004
"""Seconds between two requests of a client, so that the traffic leaves the machine to others too."""

Answer = tuple[int, str]
World = Mapping[str, Answer]
V1_FOR_ALL: World = {
    "echo": (200, "echo:v1"),
    "echo canary": (200, "echo:v2"),
    "foxtrot": (200, "foxtrot:v1"),
    "foxtrot canary": (200, "foxtrot:v2"),
}
ECHO_BROKEN: World = {**V1_FOR_ALL, "echo canary": (404, GLOO_SAYS), "foxtrot": (200, "foxtrot:v2")}
FOXTROT_V2: World = {**V1_FOR_ALL, "foxtrot": (200, "foxtrot:v2")}


@dataclass(slots=True)
class Traffic:
    """Clients that ask all the time, each request like a `curl`; every answer must be right when it comes."""

    gateway: Gateway
    worlds: list[World]
    """What was, is, and may be right already, in order."""
    settled: int = 0
    """Which of them was reached for sure."""
    answered: dict[str, int] = field(default_factory=lambda: dict.fromkeys(QUESTIONS, 0))
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def ask(self, question: str) -> None:
        """Ask one question until cancelled."""
        while True:
            asked = self.settled
            answer = await fetch(self.gateway, QUESTIONS[question])
            allowed = {world[question] for world in self.worlds[asked:]}
            assert answer in allowed, f"{question}: {answer}, not one of {allowed}"
            self.answered[question] += 1
            async with self.news:
                self.news.notify_all()
            await asyncio.sleep(PACE)

    async def change(self, make: Callable[[], Any], into: World) -> Any:
        """Make a change; until it is made both answers are right, and from then on only the new one."""
        self.worlds.append(into)
        made = await asyncio.to_thread(make)
        self.settled = len(self.worlds) - 1
        await self.go_on()
        return made

    async def go_on(self, count: int = 5) -> None:
        """Wait until each question was answered a few times more."""
        wanted = {question: done + count for question, done in self.answered.items()}
        async with asyncio.timeout(DEADLINE), self.news:
            await self.news.wait_for(lambda: all(self.answered[each] >= count for each, count in wanted.items()))


async def fetch(gateway: Gateway, request: bytes) -> Answer:
    """Send one request on a connection of its own, and return status and body of a whole answer."""
    parts = urlsplit(gateway.proxy)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(request)
        async with asyncio.timeout(DEADLINE):
            head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
    finally:
        writer.close()
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    assert length == len(body), head + body
    return int(head[9:12]), body.decode().strip()


@asynccontextmanager
async def traffic(gateway: Gateway, world: World) -> AsyncIterator[Traffic]:
    """Run two clients for each question for the length of a block; the first wrong answer ends it."""
    running_traffic = Traffic(gateway, [world])
    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(running_traffic.ask(question)) for question in QUESTIONS for _ in range(2)]
        await running_traffic.go_on()
        yield running_traffic
        await running_traffic.go_on()
        for client in clients:
            client.cancel()


def patch(gateway: Gateway, name: str, path: str, value: str) -> Callable[[], None]:
    """Return what replaces one field of a team's RouteTable."""
    where = f"/apis/gateway.solo.io/v1/namespaces/{name}/routetables/{name}"
    body = f'[{{"op": "replace", "path": "/spec/routes/{path}", "value": "{value}"}}]'
    return lambda: send_patch(gateway, where, body, "json-patch")


def label(gateway: Gateway, name: str) -> Callable[[], None]:
    """Return what gives a team's RouteTable the label that the self-service form selects."""
    where = f"/apis/gateway.solo.io/v1/namespaces/{name}/routetables/{name}"
    return lambda: send_patch(gateway, where, '{"metadata": {"labels": {"apiGroup": "example"}}}', "merge-patch")


def replace_invalid_routes(gateway: Gateway) -> Callable[[], None]:
    """Return what patches Settings as on a cluster."""
    where = "/apis/gloo.solo.io/v1/namespaces/gloo-system/settings/default"
    body = '{"spec": {"gloo": {"invalidConfigPolicy": {"replaceInvalidRoutes": true}}}}'
    return lambda: send_patch(gateway, where, body, "merge-patch")


def send_patch(gateway: Gateway, where: str, body: str, kind: str) -> None:
    status, answer = gateway.ask("PATCH", where, body, {"content-type": f"application/{kind}+json"})
    assert status == 200, answer


async def check(gateway: Gateway) -> tuple[int, str]:
    """Run `check --strict`, and return its exit code and all it says."""
    done = await asyncio.to_thread(gateway.run, "check", "--strict")
    return done.code, done.out + done.err


def is_clean(checked: tuple[int, str]) -> bool:
    """Tell whether `check --strict` had nothing to say, not even a note."""
    return checked[0] == 0 and checked[1].rstrip().endswith("No problems detected.")


async def test_two_teams_release_through_one_gateway() -> None:
    """One team's mistake never hurts the other's requests, nor its own old version, from the first change to self-service."""
    with running(TEAMS / "delegation") as gateway:
        async with traffic(gateway, V1_FOR_ALL) as users:
            # Both roll out. Echo's table names an upstream that is not there: both old versions go on.
            await users.change(patch(gateway, "echo", ECHO_CANARY, "echo-typo"), V1_FOR_ALL)
            await users.change(patch(gateway, "foxtrot", FOXTROT_EVERYONE, "v2"), V1_FOR_ALL)
            code, said = await check(gateway)
            assert (code, "did you mean `echo`?" in said) == (1, True), said
            assert "by which these wait: RouteTable echo/echo, RouteTable foxtrot/foxtrot" in said

            # With replacement only echo's canary route answers 404; foxtrot's everyone is on version 2.
            await users.change(replace_invalid_routes(gateway), ECHO_BROKEN)

            # The table is mended, nothing is wrong any more, and foxtrot's version 1 goes.
            await users.change(patch(gateway, "echo", ECHO_CANARY, "echo"), FOXTROT_V2)
            assert is_clean(await check(gateway))
            old = "/apis/apps/v1/namespaces/foxtrot/deployments/foxtrot-v1"
            status, _ = await users.change(lambda: gateway.ask("DELETE", old), FOXTROT_V2)
            assert status == 200

            # The domain moves to the self-service form: first the labels, then who is taken in.
            for team in ("echo", "foxtrot"):
                await users.change(label(gateway, team), FOXTROT_V2)
            platform = TEAMS / "self-service" / "platform.yaml"
            applied = await users.change(lambda: gateway.apply(platform), FOXTROT_V2)
            assert applied.out.strip() == "virtualservice.gateway.solo.io/shared configured"
            assert is_clean(await check(gateway))
