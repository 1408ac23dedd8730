"""A relay in place of one endpoint that is broken: requests end there as they are told, or pass with every byte as it was.

Each connection of Envoy's has one to the endpoint. Heads are only read to find where a request begins and ends: what
passes is not written anew. Of HTTP/2 (`relay_http2`) each stream is a request. What is neither (tunnels, checks over TCP) ends
by the connection.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

from edgesim.envoy.detours import HOST
from edgesim.envoy.relay_connection import FromEnvoy
from edgesim.model import UpstreamTls
from edgesim.policies.breakage import Breakage
from edgesim.proxy.dialing import EndpointTls, dial
from edgesim.proxy.loopback import unpaced
from edgesim.proxy.tls import upstream_context
from edgesim.telemetry import spawn

_BACKLOG = 1024
_HTTP2 = ("h2",)
_WHOLE = Breakage()


@dataclass(frozen=True, slots=True)
class Way:
    """The way to an endpoint: where it is, for how many seconds a connection is tried, and its TLS with its server name."""

    address: str
    port: int
    connect_timeout: float = 5.0
    tls: UpstreamTls | None = None
    server_name: str = ""
    http2: bool = False


class Relay:
    """Takes the connections that Envoy makes to an endpoint. It is whole until it is told how it is broken."""

    def __init__(self, way: Way, draw: Callable[[], int]) -> None:
        """Listen on a free port of the loopback; `draw` returns 64 random bits. Raises OSError."""
        self.way = way
        self.draw = draw
        self.breakage = _WHOLE
        self._connections: set[FromEnvoy] = set()
        self._socket = _bound(0)
        self.port: int = self._socket.getsockname()[1]
        self._listens = False
        self._listen()

    def become(self, breakage: Breakage | None) -> None:
        """Be broken so from the next request on, None for not at all."""
        self.breakage = breakage or _WHOLE
        if self.breakage.kill and self._listens:
            self._deafen()
            self._socket = _bound(self.port)  # nobody else gets the port, and nobody listens there
        elif not self.breakage.kill and not self._listens:
            self._listen()

    def _listen(self) -> None:
        self._socket.listen(_BACKLOG)
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._accept)
        self._listens = True

    def _deafen(self) -> None:
        """Listen no more; connections that wait for a request end."""
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._listens = False
        self._socket.close()
        for each in [*self._connections]:
            each.end_if_idle()

    def _accept(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except OSError:  # it is gone again, or there are too many files
            return
        connection.setblocking(False)
        _task = spawn(self._take(connection), "relay")

    async def _take(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(lambda: FromEnvoy(self), connection)
        except BaseException:
            connection.close()
            raise

    @property
    def busy(self) -> bool:
        """Whether a request is under way to the endpoint, or waits here."""
        return any(each.busy for each in self._connections)

    @property
    def connections(self) -> int:
        """How many connections of Envoy's there are."""
        return len(self._connections)

    def came(self, connection: FromEnvoy) -> None:
        """Count a connection of Envoy's."""
        self._connections.add(connection)

    def went(self, connection: FromEnvoy) -> None:
        """Count it no more."""
        self._connections.discard(connection)

    @property
    def http2(self) -> bool:
        """Whether HTTP/2 is spoken to the endpoint."""
        return self.way.http2

    async def connect(self, make: Callable[[], asyncio.Protocol], *, http2: bool) -> None:
        """Connect to the endpoint. Raises OSError (of which TimeoutError is one) or ValueError."""
        way = self.way
        async with asyncio.timeout(way.connect_timeout):
            await dial(way.address, way.port, self._tls(http2=http2), make)

    def _tls(self, *, http2: bool) -> EndpointTls | None:
        tls = self.way.tls
        if tls is None:
            return None
        context = upstream_context(replace(tls, alpn=_HTTP2) if http2 else tls)
        return EndpointTls(context, self.way.server_name or tls.sni, tls.verify_names)

    def close(self) -> None:
        """Take no more connections. Those there are Envoy closes: it may have sent a request that is on its way."""
        if self._listens:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._listens = False
        self._socket.close()

    def abort(self) -> None:
        """End every connection at once."""
        self.close()
        for each in [*self._connections]:
            each.reset()


def _bound(port: int) -> socket.socket:
    """Return a socket bound to a port of the loopback, which does not listen yet."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        unpaced(made)
        made.bind((HOST, port))
    except OSError:
        made.close()
        raise
    return made
