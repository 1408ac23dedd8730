"""Who may talk to the admin side: this machine's own programs, never a foreign web page.

A page the user has open can send requests to loopback, directly (Origin gives it away) or through a
name it rebinds to 127.0.0.1 (Host gives it away). So both must name this machine. Where the admin
side is bound to another address, whoever calls must know the token instead.
"""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from aiohttp import web

from edgesim.config.api_errors import ApiError


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address means this machine only."""
    if host.lower().rstrip(".") == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_of(authority: str) -> str:
    """Return the host of `host[:port]`, empty if it is none."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def admit(request: web.Request, token: str | None) -> None:
    """Raise ApiError unless the request comes from this machine or, where a token is set, shows it.

    A probe needs none: plain `/ready` tells a word. What it tells as JSON (`?format=json`) is for those who know it.
    """
    if token is None:
        _own_host(request.headers.get("Host", ""))
    elif not _is_probe(request) and not _knows(request.headers.get("Authorization", ""), token):
        raise ApiError("Unauthorized", "this address needs the header 'Authorization: Bearer TOKEN'")
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.headers.get('Host', '')}":
        raise ApiError("Forbidden", f"requests from the page {origin!r} are refused")


def _is_probe(request: web.Request) -> bool:
    return request.path == "/ready" and request.query.get("format", "") != "json"


def _own_host(authority: str) -> None:
    if not is_loopback(host_of(authority)):
        raise ApiError("Forbidden", f"the host {authority!r} is not this machine: use 127.0.0.1 or localhost")


def _knows(header: str, token: str) -> bool:
    scheme, _, given = header.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())
