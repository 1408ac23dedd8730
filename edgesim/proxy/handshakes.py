"""The TLS listener: look at each ClientHello, choose the context by its server name, shake hands.

Python's `sni_callback` can swap certificates only: client certificates, versions and protocols would stay
those of the first context. So the hello is looked at in the socket's buffer before TLS begins. Measured
on Envoy 1.40: a name that nothing serves is a reset without an alert, and so is a client that speaks no
TLS where every certificate has names. A slow client holds its own connection only, for 15 s at most.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import struct
from typing import TYPE_CHECKING, cast

from edgesim.proxy.client_hello import LONGEST, more_wanted, server_name
from edgesim.proxy.downstream import Downstream
from edgesim.proxy.tls import ServerTls, names_hold
from edgesim.proxy.tls_counts import count_failure, count_handshake
from edgesim.routing import find_host
from edgesim.telemetry import spawn

if TYPE_CHECKING:
    from edgesim.proxy.listening import ActiveListener
    from edgesim.proxy.worker import Worker

HANDSHAKE = 15.0
"""Seconds a client has for its handshake, as Envoy's `transport_socket_connect_timeout` by default in Gloo."""
_GOODBYE = 1.0
"""Seconds a client has to answer our `close_notify`."""
_AT_ONCE = 64
_PAUSE = 1.0
"""Seconds before accepting again where the system had no room."""
_NO_ROOM = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
_RESET = struct.pack("ii", 1, 0)


class TlsDownstream(Downstream):
    """A connection from a client over TLS, begun when hands are shaken."""

    __slots__ = ("server_name", "tls_cipher", "tls_version", "verify_names")

    def __init__(
        self, worker: Worker, listener: ActiveListener, server_name: bytes, verify_names: tuple[str, ...]
    ) -> None:
        """Belong to a worker and a listener; take the server name asked for, and the names a client must carry one of."""
        super().__init__(worker, listener)
        self.server_name = server_name
        self.tls_version = self.tls_cipher = b""
        self.verify_names = verify_names

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the worker's connections, if the client is who it has to be and the worker is not leaving."""
        super().connection_made(transport)
        shaken: ssl.SSLObject = transport.get_extra_info("ssl_object")
        self.tls_version, self.tls_cipher = (shaken.version() or "").encode(), (shaken.cipher() or ("",))[0].encode()
        certificate = transport.get_extra_info("peercert")
        if not names_hold(certificate, self.verify_names):
            self.listener.tls["ssl.fail_verify_san"] += 1
            self.abort()
            return
        count_handshake(self.listener.tls, shaken, certified=bool(certificate))
        if self.listener.leaving:
            self.close()

    def eof_received(self) -> bool:
        """Close: TLS knows no half-closed connections here (nor in Envoy)."""
        super().eof_received()
        return False


class TlsListener:
    """A listening socket whose connections begin with TLS."""

    def __init__(self, worker: Worker, listener: ActiveListener, listening: socket.socket) -> None:
        """Take a listening socket, and the listener whose it is."""
        self._worker = worker
        self._listener = listener
        self._socket = listening
        self._loop = asyncio.get_running_loop()
        self._paused: asyncio.TimerHandle | None = None
        self.handshakes: set[_Handshake] = set()
        listening.setblocking(False)
        self._resume()

    @property
    def port(self) -> int:
        """Where it listens."""
        return cast("int", self._socket.getsockname()[1])

    def close(self) -> None:
        """Accept no more, and end handshakes under way: nothing was asked yet."""
        if self._paused is not None:
            self._paused.cancel()
        else:
            self._loop.remove_reader(self._socket)
        self._socket.close()
        for handshake in list(self.handshakes):
            handshake.end()

    def _resume(self) -> None:
        self._paused = None
        self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                client, _address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as failed:
                if failed.errno in _NO_ROOM:
                    self._loop.remove_reader(self._socket)
                    self._paused = self._loop.call_later(_PAUSE, self._resume)
                return
            client.setblocking(False)
            self._worker.accepted += 1
            if self._listener.is_full(len(self.handshakes)):
                client.close()
            else:
                _Handshake(self, client).look()

    def chosen(self, name: bytes) -> ServerTls | None:
        """Return what serves a server name now; count where nothing does."""
        found = find_host(self._listener.snapshot.contexts, name)
        self._listener.tls["no_filter_chain_match"] += found is None
        return found

    async def serve(self, client: socket.socket, name: bytes, tls: ServerTls, seconds: float) -> None:
        """Shake hands; from then on the connection lives by itself. One that fails is closed, and nobody is told."""
        try:
            await self._loop.connect_accepted_socket(
                lambda: TlsDownstream(self._worker, self._listener, name, tls.verify_names),
                client,
                ssl=tls.context,
                ssl_handshake_timeout=seconds,
                ssl_shutdown_timeout=_GOODBYE,
            )
        except OSError as failed:
            count_failure(self._listener.tls, failed)


class _Handshake:
    """A connection before its context is chosen. What is looked at stays in the socket for OpenSSL to read."""

    __slots__ = ("_client", "_loop", "_seen", "_timer", "_watched", "listener", "task")

    def __init__(self, listener: TlsListener, client: socket.socket) -> None:
        self.listener = listener
        self.task: asyncio.Task[None] | None = None
        self._client = client
        self._seen = 0
        self._watched = False
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(HANDSHAKE, self.end)
        listener.handshakes.add(self)

    def look(self) -> None:
        """Look at what came; choose, or wait for more without being woken by what was seen."""
        try:
            hello = self._client.recv(LONGEST, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            self._watch()
            return
        except OSError:
            self.end()
            return
        if len(hello) <= self._seen:
            self.end()  # woken, and nothing new: the client is gone
            return
        name = server_name(hello)
        if name is None:
            self._seen = len(hello)
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, more_wanted(hello))
            self._watch()
        else:
            self._choose(name)

    def _watch(self) -> None:
        if not self._watched:
            self._watched = True
            self._loop.add_reader(self._client, self.look)

    def _unwatch(self) -> None:
        if self._watched:
            self._watched = False
            self._loop.remove_reader(self._client)

    def _choose(self, name: bytes) -> None:
        tls = self.listener.chosen(name)
        if tls is None:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.end()
            return
        self._unwatch()
        left = max(0.001, self._timer.when() - self._loop.time())
        self._timer.cancel()
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        self.task = spawn(self.listener.serve(self._client, name, tls, left), name="TLS handshake")
        self.task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self.listener.handshakes.discard(self)
        if task.cancelled():
            self._client.close()  # nobody else does where the task never began

    def end(self) -> None:
        """Close, whatever the handshake has come to."""
        self.listener.handshakes.discard(self)
        self._timer.cancel()
        if self.task is not None:
            self.task.cancel()
            return
        self._unwatch()
        self._client.close()
