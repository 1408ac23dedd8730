"""The machine's own address: what Envoy writes into `x-forwarded-for` instead of a loopback one."""

from __future__ import annotations

import socket
from functools import cache

_ELSEWHERE = ("192.0.2.1", 9)
"""An address of documentation (RFC 5737). Connecting a datagram socket sends nothing, it only picks a route."""


@cache
def own_address() -> bytes:
    """Return the address other machines see; `127.0.0.1` where there is no network, as Envoy says then."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return b"127.0.0.1"
        return str(probe.getsockname()[0]).encode()
