"""An upstream in a process of its own, to be killed: a body of `/length` or `/chunked` does not end, any other is `ok`.

`/silent` is never answered, and only before the answer of `/drain` is a body read. It prints its port first.
"""

from __future__ import annotations

import asyncio
import re
import sys

_PIECE = b"x" * (1 << 16)
_STARTS = {
    "length": b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (1 << 40),
    "chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of a connection until it breaks."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            what = head.split(b" ")[1].decode().rpartition("/")[2]
            if what == "drain":
                await _drain(head, reader)
            await _answer(what, writer)
    except (ConnectionError, asyncio.IncompleteReadError):
        writer.close()


async def _drain(head: bytes, reader: asyncio.StreamReader) -> None:
    length = re.search(rb"content-length: (\d+)", head)
    if length is not None:
        await reader.readexactly(int(length[1]))
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):
        await reader.readexactly(size + 2)
    await reader.readexactly(2)


async def _answer(what: str, writer: asyncio.StreamWriter) -> None:
    if what == "silent":
        await asyncio.Event().wait()
    if what not in _STARTS:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        return
    writer.write(_STARTS[what])
    piece = _PIECE if what == "length" else b"%x\r\n%b\r\n" % (len(_PIECE), _PIECE)
    while True:
        writer.write(piece)
        await writer.drain()


async def main(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  # whoever started it waits for this
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
