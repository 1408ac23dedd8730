"""The two ends of a connection, written `ip:port`."""

from __future__ import annotations

import asyncio


def both_ends(transport: asyncio.Transport | None) -> tuple[bytes, bytes]:
    """Return the other end and this one; empty where the system does not know."""
    return _address(transport, "peername"), _address(transport, "sockname")


def _address(transport: asyncio.Transport | None, which: str) -> bytes:
    found = None if transport is None else transport.get_extra_info(which)
    if not found:
        return b""
    host, port = found[0], found[1]
    return f"[{host}]:{port}".encode() if ":" in host else f"{host}:{port}".encode()
