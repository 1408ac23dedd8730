"""A request as people write it (a URL, a method, header lines) becomes the head routing reads."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from edgesim.http1.target import BadTargetError, split_target
from edgesim.model import RequestHead

DEFAULT_AUTHORITY = "localhost:8080"
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class RequestError(ValueError):
    """A URL, method or header line that is none, in one sentence."""


def request_head(url: str, method: str = "GET", headers: Sequence[str] = ()) -> RequestHead:
    """Make the head curl would send: `url` may lack its scheme or be a path only, as for curl to localhost.

    A `Host` header line wins over the URL's host. Raises RequestError.
    """
    if not method or not set(method) <= _TOKEN:
        raise RequestError(f"{method!r} is no HTTP method")
    authority, target = _split(url)
    lines = [_header(line) for line in headers]
    fields: dict[bytes, bytes] = {b"user-agent": b"edgesim", b"accept": b"*/*"}
    repeated: dict[bytes, list[bytes]] = {}
    for name, value in lines:
        repeated.setdefault(name, []).append(value)
        fields[name] = value
    host = fields.setdefault(b"host", authority.encode())
    try:
        _authority, path, query = split_target(_encoded(target))
    except BadTargetError:
        raise RequestError(f"{target!r} is no path a proxy would route (it answers 400)") from None
    return RequestHead(
        method.encode(),
        host,
        path,
        query,
        fields,
        {name: values for name, values in repeated.items() if len(values) > 1} or None,
    )


def _split(url: str) -> tuple[str, str]:
    if url.startswith("/"):
        return DEFAULT_AUTHORITY, url.partition("#")[0]
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise RequestError(f"{url!r} is no URL: {error}") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise RequestError(f"{url!r} is no http URL; write it like http://localhost:8080/path")
    authority = parts.netloc.rpartition("@")[2]
    return authority, (parts.path or "/") + ("?" + parts.query if "?" in url.partition("#")[0] else "")


def _header(line: str) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(":")
    if not colon or not name or not set(name) <= _TOKEN:
        raise RequestError(f"{line!r} is no header; write it like 'stage: canary'")
    return name.lower().encode(), value.strip().encode()


def _encoded(text: str) -> bytes:
    """Encode what may not stand in a request line, as curl and browsers do; what is encoded stays."""
    return quote(text, safe="%/?:@!$&'()*+,;=-._~[]|{}^\"<>\\`").encode()
