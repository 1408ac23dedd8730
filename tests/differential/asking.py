"""A client that sends what it is told, and listens until nothing more can come.

How long silence lasts says nothing on a busy machine: whoever is to speak may have no processor. So nobody is
waited for by the clock. Proxy and upstream each do their work in one thread, and both show, in turns, that they
have dealt with everything there was. When that is so several times on end and nothing has moved, nothing will.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.differential import kernel
from tests.differential.recorder import DEADLINE, Upstream
from tests.differential.wire import Message, read_responses

_QUIET_TURNS = 4
"""So many in which nothing moves: what one reads in a turn the other may answer in the next but one."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a client heard: whole responses, what came after them, and how it ended (`eof`, `reset`, `open`)."""

    responses: tuple[Message, ...]
    rest: bytes
    end: str

    @property
    def statuses(self) -> tuple[int, ...]:
        return tuple(int(response.start[0]) for response in self.responses if response.is_final)


def ask(port: int, data: bytes, upstream: Upstream, *, whole: bool = True) -> Heard:
    """Send bytes, and listen until the proxy closes, resets, or waits for more."""
    methods = [line.split(b" ", 1)[0] for line in data.split(b"\r\n") if line.endswith(b"HTTP/1.1")]
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sender = Sender(client, data, whole=whole)
        sender.start()
        heard, end = _listen(port, client, sender, upstream)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        sender.join(DEADLINE)
    responses, rest = read_responses(heard, methods, ended=end == "eof")
    return Heard(tuple(responses), rest, end)


def settle(port: int, upstream: Upstream) -> None:
    """Wait until what a client that has gone began is over, so that none of it is taken for the next one's."""
    is_quiet = _watch(port, lambda: upstream.moves, upstream)
    deadline = time.monotonic() + DEADLINE
    while not is_quiet() or upstream.busy:
        assert time.monotonic() < deadline, "a connection stays open behind a client that has gone"


class Sender(threading.Thread):
    """Sends bytes while another listens; `sent` tells how far it got."""

    def __init__(self, client: socket.socket, data: bytes, *, whole: bool) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.pieces = kernel.sending(client, data, whole=whole)
        self.sent = -1

    def run(self) -> None:
        with contextlib.suppress(OSError):
            for at in self.pieces:
                self.sent = at

    def state(self) -> object:
        """Return how far it got; never the same while it is its turn to go on.

        A proxy that reads no more although bytes are there has said what it had to say.
        """
        is_alive, sent = self.is_alive(), self.sent
        unread = kernel.unread(self.client) if kernel.CAN_TELL else 0
        return object() if is_alive and not unread else (sent, unread)


def _listen(port: int, client: socket.socket, sender: Sender, upstream: Upstream) -> tuple[bytes, str]:
    heard = b""
    is_quiet = _watch(port, lambda: (len(heard), sender.state(), upstream.moves), upstream)
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        over = is_quiet()
        if not select.select([client], [], [], 0)[0]:
            if over:
                break
            continue
        try:
            piece = client.recv(65536)
        except ConnectionResetError:
            return heard, "reset"
        if not piece:
            return heard, "eof"
        heard += piece
    return heard, "open"


def _watch(port: int, state: Callable[[], object], upstream: Upstream) -> Callable[[], bool]:
    """Return what gives both sides a turn, and tells whether the state has been the same for several of them."""
    seen: list[object] = []

    def is_quiet() -> bool:
        _give_turn(port)
        upstream.turn()
        now = state()
        if seen[-1:] != [now]:
            seen.clear()
        seen.append(now)
        return len(seen) > _QUIET_TURNS

    return is_quiet


def _give_turn(port: int) -> None:
    """Have the proxy answer somebody else, from the same loop."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as other:
        other.sendall(b"no request\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            other.recv(65536)
