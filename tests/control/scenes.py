"""Manifests of small releases, and an engine that only remembers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import yaml

from edgesim.config.store import Store
from edgesim.control import Put
from edgesim.dialects import Document, Resource, decode, nowhere
from edgesim.model import Endpoint, Update


@dataclass
class RecordingEngine:
    """A small engine: it keeps what it was pushed, and can be held up or made to fail."""

    updates: list[Update] = field(default_factory=list)
    gate: asyncio.Event | None = None
    failure: Exception | None = None
    during: Callable[[Update], Any] | None = None

    async def push(self, update: Update) -> None:
        if self.during is not None:
            await self.during(update)
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        self.updates.append(update)

    @property
    def last(self) -> Update:
        return self.updates[-1]

    def endpoints(self, cluster: str) -> tuple[Endpoint, ...]:
        return self.last.assignments.get(cluster, ())


def made_store() -> Store:
    """An empty store, at one moment, that counts its objects."""
    numbers = itertools.count(1)
    return Store(lambda: datetime(2026, 1, 1, tzinfo=UTC), lambda: f"uid-{next(numbers)}")


def resources(text: str) -> list[Resource]:
    found = []
    for manifest in yaml.safe_load_all(text):
        decoded = decode(Document(manifest, nowhere("test.yaml")))
        assert decoded.resource is not None, decoded.problems
        found.append(decoded.resource)
    return found


def puts(text: str, writer: str = "test") -> list[Put]:
    return [Put(resource, writer) for resource in resources(text)]


def deployment(name: str = "echo-v1", text: str = "version:v1", replicas: int = 1, version: str = "v1") -> str:
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: echo}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: echo, version: {version}}}}}
  template:
    metadata: {{labels: {{app: echo, version: {version}}}}}
    spec:
      containers:
      - {{name: echo, image: hashicorp/http-echo, args: ["-text={text}"], ports: [{{containerPort: 5678}}]}}
"""


SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: echo}
spec:
  selector: {app: echo}
  ports: [{name: http, port: 80, targetPort: 5678}]
"""
UPSTREAM = """
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: echo, namespace: gloo-system}
spec:
  kube: {serviceName: echo, serviceNamespace: echo, servicePort: 80}
"""
CLUSTER = "echo_gloo-system"


def virtual_service(upstream: str = "echo", prefix: str = "/") -> str:
    return f"""
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {{name: echo, namespace: gloo-system}}
spec:
  virtualHost:
    domains: ['*']
    routes:
    - matchers: [{{prefix: {prefix}}}]
      routeAction: {{single: {{upstream: {{name: {upstream}, namespace: gloo-system}}}}}}
"""


def documents(*texts: str) -> str:
    return "\n---\n".join(texts)


ECHO = documents(deployment(), SERVICE, UPSTREAM, virtual_service())


async def ask(endpoint: Endpoint) -> str:
    url = f"http://{endpoint.address}:{endpoint.port}/"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return (await response.text()).strip()


async def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition; the deadline is for a machine that is busy with other tests."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, "it never came to that"
        await asyncio.sleep(0.005)


async def until_refused(endpoint: Endpoint) -> None:
    """Wait until an endpoint takes no connection any more."""
    with suppress(OSError, aiohttp.ClientError):
        while True:
            await ask(endpoint)
            await asyncio.sleep(0.01)
