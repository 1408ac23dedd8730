"""Rewriting paths and hosts, and where a redirect points."""

from __future__ import annotations

from collections.abc import Callable

from edgesim.model import (
    ForwardAction,
    HostRewrite,
    HostRewriteKind,
    PathKind,
    RedirectAction,
    RegexRewrite,
    RequestHead,
    RouteMatch,
)
from edgesim.routing.conditions import lines_of
from edgesim.routing.regexes import substitute

Rewrite = Callable[[bytes], bytes]
_DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}


def path_rewrite(match: RouteMatch, action: ForwardAction | RedirectAction) -> Rewrite | None:
    """Return the function from a path without query to its rewritten form, or None when it stays."""
    if action.regex_rewrite is not None:
        return _by_regex(action.regex_rewrite)
    if not action.prefix_rewrite:  # Envoy takes an empty one for none
        return None
    new = action.prefix_rewrite.encode()
    if match.path.kind is not PathKind.PREFIX:
        return lambda _path: new
    matched = len(match.path.value.encode())
    return lambda path: new + path[matched:]


def _by_regex(rewrite: RegexRewrite) -> Rewrite:
    return substitute(rewrite.pattern, rewrite.substitution)


def host_rewrite(rewrite: HostRewrite | None) -> Callable[[RequestHead], bytes | None] | None:
    """Return the function giving the new Host (None keeping it), or None when nothing rewrites it.

    AUTO depends on the endpoint chosen later and is left to the proxy.
    """
    if rewrite is None or rewrite.kind is HostRewriteKind.AUTO:
        return None
    if rewrite.kind is HostRewriteKind.LITERAL:
        literal = rewrite.value.encode()
        return lambda _head: literal
    if rewrite.kind is HostRewriteKind.HEADER:
        name = rewrite.value.lower().encode()
        return lambda head: next(iter(lines_of(head, name)), None) or None
    if rewrite.regex is None:
        message = "a path regex host rewrite needs its regex"
        raise ValueError(message)
    by_regex = _by_regex(rewrite.regex)
    return lambda head: by_regex(head.path)


def redirect_location(action: RedirectAction, rewrite: Rewrite | None, head: RequestHead, scheme: bytes) -> bytes:
    """Return the absolute Location of a redirect (envoy.config.route.v3.RedirectAction)."""
    said = head.headers.get(b"x-forwarded-proto", scheme)
    new_scheme = b"https" if action.https else forwarded_scheme(head, scheme)
    return b"%b://%b%b" % (
        new_scheme,
        _redirect_host(action, head.authority, said, new_scheme),
        _redirect_path(action, rewrite, head),
    )


def forwarded_scheme(head: RequestHead, scheme: bytes) -> bytes:
    """Return the scheme x-forwarded-proto says, or that of the connection (Envoy's `:scheme`)."""
    said = head.headers.get(b"x-forwarded-proto", scheme)
    return said if said in _DEFAULT_PORTS else scheme


def _redirect_host(action: RedirectAction, authority: bytes, scheme: bytes, new_scheme: bytes) -> bytes:
    host, port = _split_port(authority)
    if action.host is not None:
        host, port = action.host.encode(), b""
    if action.port is not None:
        return host + b":%d" % action.port
    if new_scheme != scheme and port == _DEFAULT_PORTS.get(scheme):
        port = b""
    return host + port


def _split_port(authority: bytes) -> tuple[bytes, bytes]:
    """Split at the last colon, whatever is behind it, as Envoy does; an IPv6 address has its own in brackets."""
    end = authority.rfind(b"]:") + 1 if authority.startswith(b"[") else max(authority.rfind(b":"), 0)
    return (authority[:end], authority[end:]) if end else (authority, b"")


def _redirect_path(action: RedirectAction, rewrite: Rewrite | None, head: RequestHead) -> bytes:
    query = b"" if head.query is None or action.strip_query else b"?" + head.query
    if action.path is not None:
        path = action.path.encode()
        return path if b"?" in path else path + query
    return (rewrite(head.path) if rewrite is not None else head.path) + query
