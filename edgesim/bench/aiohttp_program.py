"""A plain proxy of aiohttp's server and client with the canary's two routes: `python -m edgesim.bench.aiohttp_program`.

It is what one would write by hand in an afternoon: it shows what the data plane gains over that.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from random import Random

import uvloop
from aiohttp import ClientSession, TCPConnector, web

_HOP_BY_HOP = frozenset(("connection", "content-length", "host", "keep-alive", "transfer-encoding"))
"""What a proxy does not pass on (RFC 9110, section 7.6.1), and what the client writes itself."""


def forwarding(
    session: ClientSession, v1: int, v2: int, random: Random
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the handler of every request: the canary's header to v2, of the rest half to each."""

    async def forward(request: web.Request) -> web.Response:
        port = v2 if request.headers.get("stage") == "canary" or random.random() < 0.5 else v1
        kept = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        url = f"http://127.0.0.1:{port}{request.raw_path}"
        async with session.request(request.method, url, headers=kept, data=await request.read()) as answer:
            body = await answer.read()
            passed = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
            return web.Response(status=answer.status, body=body, headers=passed)

    return forward


async def serve(port: int, v1: int, v2: int) -> None:
    """Serve until the process is ended."""
    async with ClientSession(connector=TCPConnector(limit=0), auto_decompress=False) as session:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", forwarding(session, v1, v2, Random()))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(serve(*map(int, sys.argv[1:4])))
