"""What connections of a worker share: how they end together."""

from __future__ import annotations

from dataclasses import replace

from tests.proxy.scenes import GET, direct, gateway, model


async def test_a_request_on_its_way_when_the_drain_begins_is_answered() -> None:
    """Who asks in that moment gets an answer that ends the connection; who does not is closed at once."""
    async with gateway(model([direct()])) as gw:
        clients = [await gw.client() for _ in range(9)]
        for client in clients:
            assert (await client.ask()).status == 200
        gw.worker.drain()
        for client in clients[1:]:
            client.send(GET)
        assert await clients[0].ended()
        for client in clients[1:]:
            reply = await client.reply()
            assert (reply.status, reply.headers["connection"]) == (200, "close")
            assert await client.ended()


async def test_a_listener_that_goes_answers_what_is_on_its_way() -> None:
    """A reload that takes a listener away loses no request of a connection that was kept."""
    served = model([direct()])
    async with gateway(served) as gw:
        client = await gw.client()
        assert (await client.ask()).status == 200
        gw.serve(replace(served, listeners=()))
        reply = await client.ask()
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        assert await client.ended()
