"""The Kubernetes API in this process, on an ephemeral port, over a real instance whose engine only remembers."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from edgesim.backends import Controllers, PodRuntime
from edgesim.control import Instance
from edgesim.control.changes import install
from edgesim.kube.app import create_app
from edgesim.kube.context import KubeContext
from edgesim.kube.pod_logs import LogsOf, no_logs
from edgesim.kube.users import Users
from tests.control.scenes import RecordingEngine, made_store

VIRTUAL_SERVICES = "/apis/gateway.solo.io/v1/namespaces/default/virtualservices"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"
NOW = datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes
    warnings: tuple[str, ...] = ()

    @property
    def json(self) -> Json:
        found: Json = json.loads(self.body)
        return found

    @property
    def refusal(self) -> tuple[int, str, str]:
        """Return code, reason and message of a Status."""
        found = self.json
        assert (found["kind"], found["status"], found["code"]) == ("Status", "Failure", self.status)
        return self.status, found["reason"], found["message"]


@dataclass(frozen=True, slots=True)
class Api:
    """A client of one instance."""

    app: web.Application
    instance: Instance
    users: Users
    session: aiohttp.ClientSession
    url: str

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request; a body that is no bytes is written as JSON, `_` in a header's name is `-`."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if data is not None and "Content-Type" not in named:
            named["Content-Type"] = "application/json"
        sent = None if data is None else io.BytesIO(data)
        async with self.session.request(method, self.url + path, data=sent, headers=named) as response:
            told = tuple(response.headers.getall("Warning", ()))
            return Answer(response.status, dict(response.headers), await response.read(), told)


@asynccontextmanager
async def serving(*, rbac: bool = False, logs: LogsOf = no_logs) -> AsyncIterator[Api]:
    """Serve the API of an instance that has the namespace `default` and nothing else."""
    store, users = made_store(), Users()
    install(store)
    instance = Instance(store, RecordingEngine(), Controllers(store, PodRuntime()))
    app = create_app(KubeContext(instance, lambda: NOW, lambda size: bytes(range(size)), users, rbac, logs))
    async with (
        TestServer(app, access_log=None, handler_cancellation=True) as server,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        api = Api(app, instance, users, session, str(server.make_url("")).rstrip("/"))
        await api.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "default"}})
        yield api
    await instance.close(grace=0)


def virtual_service(name: str, prefix: str = "/") -> Json:
    """A VirtualService that answers by itself."""
    route = {"matchers": [{"prefix": prefix}], "directResponseAction": {"status": 200, "body": name}}
    spec = {"virtualHost": {"domains": [f"{name}.example"], "routes": [route]}}
    return {"apiVersion": "gateway.solo.io/v1", "kind": "VirtualService", "metadata": {"name": name}, "spec": spec}


def config_map(name: str, **data: str) -> Json:
    """A ConfigMap, with the rest of the arguments as its data."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
