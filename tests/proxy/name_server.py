"""A small DNS server on loopback, whose answers a test changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.asyncresolver
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

from edgesim.proxy.resolving import Answer, ask_servers


@dataclass(slots=True, eq=False)
class NameServer:
    """What is known of names: records in the words of a zone file, without their names, or how asking for one fails.

    A name that is not known does not exist; one without records has no address.
    """

    port: int = 0
    records: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fails: dict[str, dns.rcode.Rcode] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def knows(self, name: str, *addresses: str, ttl: int = 60) -> None:
        """Let a name have these addresses from now on."""
        self.fails.pop(name, None)
        self.records[name] = tuple(f"{ttl} IN A {address}" for address in addresses)

    def answer(self, wire: bytes) -> bytes:
        """Return the answer to a question."""
        question = dns.message.from_wire(wire)
        name = question.question[0].name.to_text(omit_final_dot=True)
        self.asked.append(name)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.AA
        answer.set_rcode(self.fails.get(name, dns.rcode.NOERROR if name in self.records else dns.rcode.NXDOMAIN))
        if name not in self.fails:
            self._follow(answer, name)
        return answer.to_wire()

    def _follow(self, answer: dns.message.Message, name: str) -> None:
        for record in self.records.get(name, ()):
            ttl, _, kind, value = record.split()
            answer.answer.append(dns.rrset.from_text(name + ".", int(ttl), "IN", kind, value))
            if kind == "CNAME":
                self._follow(answer, value.rstrip("."))

    def resolver(self, *search: str, ndots: int = 1) -> dns.asyncresolver.Resolver:
        """Return a resolver that asks here and nowhere else."""
        made = dns.asyncresolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], self.port
        made.search, made.ndots = [dns.name.from_text(each) for each in search], ndots
        made.lifetime = 5.0
        return made

    async def ask(self, name: str) -> Answer:
        """Ask here as the proxy asks the system's servers."""
        return await ask_servers(name, self.resolver)


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # uvloop's is none by its class

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        self._transport.sendto(self._server.answer(data), addr)


@asynccontextmanager
async def name_server() -> AsyncIterator[NameServer]:
    """Run a server that knows nothing yet, at a port of its own."""
    server = NameServer()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Protocol(server), ("127.0.0.1", 0))
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()
