"""The ports of the Kubernetes API, and the kubeconfig files that lead to them.

On loopback the first port is plain http, and whoever reaches it is the administrator, as behind `kubectl proxy`.
Users with a token get a second port with TLS, opened when the first of them is made. Off loopback the one port has
TLS, and the administrator a token, too.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from aiohttp import web

from edgesim.control.guard import is_loopback
from edgesim.control.http_log import HTTP_LOG
from edgesim.kube.credentials import LOCAL, Credentials, make_credentials, server_context
from edgesim.kube.kubeconfig import Login, file_name, folders, kubeconfig, write_private
from edgesim.kube.users import ADMIN, User, Users, named

_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""What binds every address, and how this machine reaches it."""
_ADMINISTRATOR: Final = "edgesim-admin"
"""How the administrator's user is called in a kubeconfig."""


@dataclass(slots=True)
class KubeServer:
    """Serves an app on a socket, and makes credentials. `token` is the administrator's, empty for none.

    `passing` forgets the files it wrote when it ends, as those of a port that nobody chose.
    """

    app: web.Application
    users: Users
    sock: socket.socket
    host: str
    now: Callable[[], datetime]
    new_token: Callable[[], str]
    token: str = ""
    passing: bool = False
    kubeconfig: Path | None = None
    """The administrator's file, once it serves."""
    _runner: web.AppRunner | None = None
    _credentials: Credentials | None = None
    _secure_port: int = 0
    _tokens: dict[str, tuple[str, User]] = field(default_factory=dict)
    _written: set[Path] = field(default_factory=set)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def port(self) -> int:
        """Return the first port."""
        port: int = self.sock.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Return how clients on this machine reach the first port."""
        return self._url("http" if is_loopback(self.host) else "https", self.port)

    async def start(self) -> None:
        """Serve. Raises OSError where no kubeconfig can be written."""
        # With cancellation a watch ends when its client goes away.
        self._runner = web.AppRunner(
            self.app,
            access_log=None,
            logger=HTTP_LOG,
            handle_signals=False,
            shutdown_timeout=2.0,
            handler_cancellation=True,
        )
        await self._runner.setup()
        secure = None if is_loopback(self.host) else await self._context()
        await web.SockSite(self._runner, self.sock, ssl_context=secure).start()
        if self.token:
            self.users.give(self.token, ADMIN)
        authority = self._credentials.authority if secure is not None and self._credentials else ""
        token = self.token if secure is not None else ""
        self.kubeconfig = await self._write("", Login(_ADMINISTRATOR, self.url, authority, token))

    async def kubeconfig_of(self, user: str, groups: tuple[str, ...] = ()) -> Path:
        """Return the kubeconfig of a user, of the administrator where none is named.

        A user's token stays the same; groups that are given take the place of those given before.
        Raises OSError where the file cannot be written or the port not be opened.
        """
        async with self._lock:
            if not user:
                assert self.kubeconfig is not None
                return self.kubeconfig
            port = await self._open_secure()
            assert self._credentials is not None
            login = Login(user, self._url("https", port), self._credentials.authority, self._token_of(user, groups))
            return await self._write(user, login)

    async def close(self) -> None:
        """Serve no more."""
        if self._runner is not None:
            await self._runner.cleanup()
        for path in self._written if self.passing else ():
            with suppress(OSError):
                path.unlink()

    def _token_of(self, name: str, groups: tuple[str, ...]) -> str:
        token, user = self._tokens.get(name) or (self.new_token(), named(name))
        if groups:
            user = named(name, groups)
        self._tokens[name] = token, user
        self.users.give(token, user)
        return token

    async def _open_secure(self) -> int:
        """Return the port with TLS; it is opened where it is not."""
        if not is_loopback(self.host):
            return self.port
        if not self._secure_port:
            assert self._runner is not None
            context = await self._context()
            sock = socket.create_server((self.host, 0), family=self.sock.family)
            await web.SockSite(self._runner, sock, ssl_context=context).start()
            self._secure_port = sock.getsockname()[1]
        return self._secure_port

    async def _context(self) -> ssl.SSLContext:
        if self._credentials is None:
            own = () if self.host in _WILDCARDS else (self.host,)
            called = (socket.gethostname(),) if socket.gethostname().isascii() else ()
            hosts = (*LOCAL, *own, *called)
            self._credentials = await asyncio.to_thread(make_credentials, hosts, self.now())
        return server_context(self._credentials)

    async def _write(self, user: str, login: Login) -> Path:
        places = folders(os.environ, os.getuid())
        path = await asyncio.to_thread(write_private, file_name(self.port, user), kubeconfig(login), places)
        self._written.add(path)
        return path

    def _url(self, scheme: str, port: int) -> str:
        host = _WILDCARDS.get(self.host, self.host)
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
