from __future__ import annotations

import errno
import socket

import pytest

from edgesim.backends.addresses import Addresses, PodAddress, open_socket


class Refusing:
    """Opens real sockets, but answers as a system that refuses some addresses."""

    def __init__(self, error: int, *, all_but: str = "", taken: int = 0) -> None:
        self.error = error
        self.all_but = all_but
        self.taken = taken
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> socket.socket:
        self.asked.append((host, port))
        if self.taken:
            self.taken -= 1
            raise OSError(errno.EADDRINUSE, "taken")
        if self.error and not (host == self.all_but or (not self.all_but and port == 0)):
            raise OSError(self.error, "refused")
        return open_socket(host, 0)


def close(bound: tuple[socket.socket, ...]) -> None:
    for one in bound:
        one.close()


def test_each_pod_has_an_address_of_its_own() -> None:
    """Two pods listen on the same port of two loopback addresses, neither of them 127.0.0.1."""
    addresses = Addresses()
    with open_socket("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    first, second = addresses.bind([port]), addresses.bind([port])
    try:
        assert first.address.ports == second.address.ports == {port: port}
        assert len({first.address.host, second.address.host, "127.0.0.1"}) == 3
    finally:
        close(first.sockets + second.sockets)


def test_another_instance_holds_the_address() -> None:
    """Where an address is taken the next block is tried."""
    one, other = Addresses(), Addresses()
    with open_socket("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    first, second = one.bind([port]), other.bind([port])
    try:
        assert first.address.host != second.address.host
        assert second.address.ports == {port: port}
    finally:
        close(first.sockets + second.sockets)


def test_a_system_without_more_loopback_addresses() -> None:
    """Where 127.a.b.c is refused the pod listens on 127.0.0.1 and a free port, and refuses other ports."""
    bound = Addresses(Refusing(errno.EADDRNOTAVAIL, all_but="127.0.0.1")).bind([5678])
    try:
        port = bound.sockets[0].getsockname()[1]
        assert bound.address == PodAddress("127.0.0.1", {5678: port}, own=False)
        assert bound.address.port(5678) == port
        assert bound.address.port(8080) is None
    finally:
        close(bound.sockets)


def test_a_privileged_port() -> None:
    """Where a port is refused another one of the same address is taken and mapped."""
    bound = Addresses(Refusing(errno.EACCES)).bind([80])
    try:
        assert bound.address.host != "127.0.0.1"
        assert bound.address.port(80) == bound.sockets[0].getsockname()[1]
        assert bound.address.port(81) == 81
    finally:
        close(bound.sockets)


def test_a_port_taken_everywhere() -> None:
    """A server on every address does not keep a pod from starting."""
    bind = Refusing(0, taken=64)
    bound = Addresses(bind).bind([5678])
    try:
        assert len({host for host, _ in bind.asked}) == 65
        assert bind.asked[-1][1] == 0
    finally:
        close(bound.sockets)


def test_nothing_left_open_when_one_port_fails() -> None:
    """Of a pod with several ports either all listen or none."""
    opened: list[socket.socket] = []

    def bind(host: str, port: int) -> socket.socket:
        if port == 2 or host == "127.0.0.1":
            raise OSError(errno.EMFILE, "too many open files")
        opened.append(open_socket(host, 0))
        return opened[-1]

    with pytest.raises(OSError, match="too many"):
        Addresses(bind).bind([1, 2])
    assert all(one.fileno() == -1 for one in opened)


def test_any_port_answers_for_every_number() -> None:
    """A pod that declares no ports is found on whatever port a Service names."""
    bound = Addresses(Refusing(0)).bind([8080], any_port=True)
    try:
        assert bound.address.port(3000) == bound.address.port(8080)
    finally:
        close(bound.sockets)
