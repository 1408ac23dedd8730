"""A request as people write it (a URL, a method, header lines) becomes the head routing reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from edgesim.http1.target import BadTargetError, split_target, without_port
from edgesim.model import DEFAULT_LISTENER, ListenerOptions, RequestHead
from edgesim.policies.remote import compile_remote, identify, needs_request_id, seen_by_routes

DEFAULT_AUTHORITY = "localhost:8080"
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NEVER_IN_VALUES = frozenset("\r\n\0")
_CURL = ((b"user-agent", b"edgesim"), (b"accept", b"*/*"))
"""What curl sends of itself; a line the user gives replaces it."""
_PEER = b"127.0.0.1:0"
_SOME_ID = b"00000000-0000-4000-8000-000000000000"
"""Stands for the request id that the proxy would make."""


class RequestError(ValueError):
    """A URL, method or header line that is none, in one sentence."""


@dataclass(frozen=True, slots=True)
class Url:
    """A URL taken apart; `port` is None where it names none, `target` is path and query."""

    scheme: str
    authority: str
    port: int | None
    target: str


def read_url(url: str) -> Url:
    """Take a URL apart; it may lack its scheme or be a path only, as for curl to localhost. Raises RequestError."""
    if url.startswith("/"):
        return Url("http", DEFAULT_AUTHORITY, None, url.partition("#")[0])
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise RequestError(f"{url!r} is no URL: {error}") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise RequestError(f"{url!r} is no http URL; write it like http://localhost:8080/path")
    target = (parts.path or "/") + ("?" + parts.query if "?" in url.partition("#")[0] else "")
    return Url(parts.scheme, parts.netloc.rpartition("@")[2], port, target)


def request_head(
    url: str | Url, method: str = "GET", headers: Sequence[str] = (), options: ListenerOptions = DEFAULT_LISTENER
) -> RequestHead:
    """Make the head curl would send from this machine, as routes of a listener with these options see it.

    A `Host` header line wins over the URL's host. Raises RequestError.
    """
    where = read_url(url) if isinstance(url, str) else url
    given = [*map(_header, headers)]
    names = {name for name, _value in given}
    fields = [*(field for field in _CURL if field[0] not in names), *given]
    head = head_of(method, where.authority, where.target, fields, options)
    rules = compile_remote(options)
    client = identify(rules, head, _PEER)
    made = _SOME_ID if needs_request_id(rules, client, head) else None
    return seen_by_routes(client, head, where.scheme.encode(), made)


def head_of(
    method: str,
    authority: str,
    target: str,
    fields: Sequence[tuple[bytes, bytes]],
    options: ListenerOptions = DEFAULT_LISTENER,
) -> RequestHead:
    """Make a head of its parts; a field `host` wins over the authority. Raises RequestError."""
    if not method or not set(method) <= _TOKEN:
        raise RequestError(f"{method!r} is no HTTP method")
    headers: dict[bytes, bytes] = {}
    repeated: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        if name in headers:
            repeated.setdefault(name, [headers[name]]).append(value)
        headers[name] = value
    host = headers.setdefault(b"host", authority.encode())
    if options.strip_any_host_port:
        host = without_port(host)
    try:
        _authority, path, query = split_target(_encoded(target), options)
    except BadTargetError:
        raise RequestError(f"{target!r} is no path a proxy would route (it answers 400)") from None
    return RequestHead(method.encode(), host, path, query, headers, repeated or None)


def _header(line: str) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(":")
    if not colon or not is_token(name):
        raise RequestError(f"{line!r} is no header; write it like 'stage: canary'")
    if set(value) & _NEVER_IN_VALUES:
        raise RequestError(f"{line!r} has a line break or a zero byte, which no header can hold")
    return name.lower().encode(), value.strip().encode()


def is_token(name: str) -> bool:
    """Tell whether a text may name a header (RFC 9110, section 5.6.2)."""
    return bool(name) and set(name) <= _TOKEN


def _encoded(text: str) -> bytes:
    """Encode what may not stand in a request line, as curl and browsers do; what is encoded stays."""
    return quote(text, safe="%/?:@!$&'()*+,;=-._~[]|{}^\"<>\\`").encode()
