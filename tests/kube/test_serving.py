from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from edgesim.kube.serving import KubeServer
from edgesim.kube.users import Users, authenticate
from edgesim.telemetry.sources import today


async def _whoami(request: web.Request) -> web.Response:
    user = authenticate(request.headers, request.app[USERS], trusted=not request.secure)
    return web.json_response({"name": user.name, "groups": user.groups})


USERS: web.AppKey[Users] = web.AppKey("users", Users)


@asynccontextmanager
async def serving(host: str = "127.0.0.1", **more: Any) -> AsyncIterator[KubeServer]:
    """Serve an app that tells who one is."""
    app, users, numbers = web.Application(), Users(), count(1)
    app[USERS] = users
    app.router.add_get("/", _whoami)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.create_server((host, 0), family=family)
    server = KubeServer(app, users, sock, host, today, lambda: f"token-{next(numbers)}", **more)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


async def who(path: Path, host: str = "") -> Any:
    """Ask who one is, as a client with a kubeconfig does; the certificate is verified against its authority."""
    config = read(path)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = cluster.get("certificate-authority-data")
    trust: Any = True
    if authority:
        trust = ssl.create_default_context(cadata=base64.b64decode(authority).decode())
    url = cluster["server"].replace("127.0.0.1", host) if host else cluster["server"]
    headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
    async with aiohttp.ClientSession() as session, session.get(url, ssl=trust, headers=headers) as answer:
        return await answer.json()


async def test_the_administrator_needs_nothing_on_loopback() -> None:
    """Its file leads to plain http, without a token."""
    async with serving() as server:
        assert server.kubeconfig is not None
        assert read(server.kubeconfig)["clusters"][0]["cluster"] == {"server": server.url}
        assert (await who(server.kubeconfig))["name"] == "system:admin"
        assert await server.kubeconfig_of("") == server.kubeconfig


async def test_users_have_a_port_with_tls() -> None:
    """One port for all users, one file and one token for each, and a certificate for every name of this machine."""
    async with serving() as server:
        bob = await server.kubeconfig_of("bob", ("dev",))
        assert await who(bob) == {"name": "bob", "groups": ["dev", "system:authenticated"]}
        assert (await who(bob, "localhost"))["name"] == "bob"
        text = bob.read_text()
        assert await server.kubeconfig_of("bob") == bob
        assert bob.read_text() == text
        assert (await who(bob))["groups"] == ["dev", "system:authenticated"]
        eve = await server.kubeconfig_of("eve")
        assert (await who(eve))["name"] == "eve"
        servers = [read(path)["clusters"][0]["cluster"]["server"] for path in (bob, eve)]
        assert servers[0] == servers[1]
        await server.kubeconfig_of("bob", ("ops",))
        assert (await who(bob))["groups"] == ["ops", "system:authenticated"]


async def test_off_loopback_there_is_tls_and_a_token_only() -> None:
    """The one port speaks TLS, the administrator has a token, and the file names an address one can reach."""
    async with serving("0.0.0.0", token="secret") as server:
        assert server.kubeconfig is not None
        assert server.url == f"https://127.0.0.1:{server.port}"
        assert (await who(server.kubeconfig))["name"] == "system:admin"
        assert (await who(await server.kubeconfig_of("bob")))["name"] == "bob"
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientError):
                await session.get(f"http://127.0.0.1:{server.port}/")


async def test_files_of_a_port_nobody_chose_go_with_it(tmp_path: Path) -> None:
    """They are of no use to anybody; others stay for the next instance on that port."""
    for passing, left in ((True, 0), (False, 2)):
        async with serving(passing=passing) as server:
            await server.kubeconfig_of("bob")
            assert len([*(tmp_path / "edgesim").iterdir()]) == 2
        assert len([*(tmp_path / "edgesim").iterdir()]) == left


async def test_what_is_no_http_is_answered_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Bytes that are no HTTP, or too many of them, get 400; the log is for mistakes of ours."""
    async with serving() as server:
        for sent in (
            b"\x16\x03\x01\r\n\r\n",
            b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(sent)
            assert (await reader.readline()).split()[1] == b"400"
            writer.close()
            await writer.wait_closed()
    assert not caplog.records
