"""Logs of pods: which lines are sent, and how."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from edgesim.backends.pod_log import PodLog
from edgesim.kube.pod_logs import LogsOf
from edgesim.model import ResourceKey
from tests.kube.api import NOW, Api, serving

POD = {"metadata": {"name": "echo"}, "spec": {"containers": [{"name": "echo", "image": "hashicorp/http-echo"}]}}
LOG = "/api/v1/namespaces/default/pods/echo/log"
SECONDS = 30.0


class Clock:
    """Unix seconds that stand still until they are moved."""

    def __init__(self) -> None:
        self.time = (NOW - timedelta(seconds=10)).timestamp()

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> PodLog:
    made = PodLog(clock)
    for text in ("first", "second", "third"):
        made.say(text)
        clock.time += 5
    return made


@pytest.fixture
async def api(log: PodLog) -> AsyncIterator[Api]:
    async with serving(logs=_only(log)) as made:
        await made.ask("POST", "/api/v1/namespaces/default/pods", POD)
        yield made


def _only(log: PodLog) -> LogsOf:
    return {ResourceKey("Pod", "default", "echo"): log}.get


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("", "first\nsecond\nthird\n"),
        ("container=echo&tailLines=2", "second\nthird\n"),
        ("tailLines=0", ""),
        ("tailLines=-1", "first\nsecond\nthird\n"),
        ("limitBytes=8", "first\nse"),
        ("sinceSeconds=5", "second\nthird\n"),
        (f"sinceTime={quote(NOW.isoformat())}", "third\n"),
        ("tailLines=1&timestamps=true", "2026-01-01T00:00:10.000000000Z third\n"),
    ],
)
async def test_the_lines_that_are_asked_for(api: Api, query: str, lines: str) -> None:
    """Each option leaves the lines, or the bytes, that it names."""
    answered = await api.ask("GET", f"{LOG}?{query}")
    assert (answered.status, answered.body.decode()) == (200, lines)
    assert answered.headers["Content-Type"] == "text/plain; charset=utf-8"


async def test_it_follows(api: Api, log: PodLog) -> None:
    """With `follow` what is written comes as it is written, until the pod ends."""
    async with api.session.get(f"{api.url}{LOG}?follow=true&tailLines=1") as response:
        async with asyncio.timeout(SECONDS):
            assert await response.content.readline() == b"third\n"
            log.say("fourth")
            assert await response.content.readline() == b"fourth\n"
            log.end()
            assert await response.content.read() == b""


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        (f"{LOG}?container=none", (400, "BadRequest", "container none is not valid for pod echo")),
        (f"{LOG}?previous=true", (400, "BadRequest", 'previous terminated container "echo" in pod "echo" not found')),
        (LOG.replace("echo", "none"), (404, "NotFound", 'pods "none" not found')),
    ],
)
async def test_what_has_no_log(api: Api, path: str, refusal: tuple[int, str, str]) -> None:
    """A container or a pod that is not there, and an earlier container, are refused in Kubernetes' words."""
    assert (await api.ask("GET", path)).refusal == refusal


@pytest.mark.parametrize(
    "query", ["tailLines=x", "sinceTime=yesterday", "sinceTime=2026-01-01", "sinceSeconds=1&sinceTime=x"]
)
async def test_options_that_mean_nothing(api: Api, query: str) -> None:
    """An option that cannot be read is BadRequest."""
    assert (await api.ask("GET", f"{LOG}?{query}")).refusal[:2] == (400, "BadRequest")


@pytest.mark.parametrize("part", ["exec", "attach", "portforward"])
async def test_streams_are_refused_with_the_address_to_use(api: Api, part: str) -> None:
    """Whoever wants into a pod is told where it listens on this machine."""
    for method in ("GET", "POST"):
        refused = await api.ask(method, f"/api/v1/namespaces/default/pods/echo/{part}")
        assert refused.refusal[:2] == (400, "BadRequest")
        assert "edgesim's pods are no containers" in refused.refusal[2]


async def test_a_pod_that_never_ran_has_no_lines() -> None:
    """Of a pod nothing is known of there is an empty log."""
    async with serving() as api:
        await api.ask("POST", "/api/v1/namespaces/default/pods", POD)
        assert (await api.ask("GET", LOG)).body == b""


def test_the_clock_is_utc(clock: Clock) -> None:
    """Lines carry the moment they were written, in UTC."""
    log = PodLog(clock)
    log.say("a\nb")
    assert [each.time for each in log.lines()] == [datetime(2026, 1, 1, tzinfo=UTC)] * 2
