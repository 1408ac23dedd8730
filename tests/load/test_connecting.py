from __future__ import annotations

import socket
from dataclasses import replace

from edgesim.load.connecting import reachable
from tests.load.driving import constant, done, drive
from tests.load.servers import serving


async def test_a_name_is_loaded() -> None:
    """`localhost` is as good as its address."""
    async with serving() as server:
        scenario = constant(server.port, 50)
        result = await drive(replace(scenario, target=replace(scenario.target, host="localhost")))
    assert done(result) == 10


async def test_of_two_families_the_one_that_answers_is_taken() -> None:
    """A server that listens on one of the two addresses of `localhost` is found, whichever comes first."""
    async with serving() as server:
        old, new = (socket.AF_INET, ("127.0.0.1", server.port)), (socket.AF_INET6, ("::1", server.port))
        assert await reachable([new, old, old]) == [old, old]
        assert await reachable([old, new]) == [old]


async def test_where_nobody_answers_the_first_family_is_taken() -> None:
    """Then each request tells why it failed."""
    async with serving() as server:
        old, new = (socket.AF_INET, ("127.0.0.1", server.port)), (socket.AF_INET6, ("::1", server.port))
    assert await reachable([new, old]) == [new]
