"""Cross-origin requests as Envoy's CORS filter answers them (reference, section 6.7).

Measured on Envoy 1.40: each field comes from the route if it has it there, else from the virtual host (only
`disabled` decides for all); the first policy's presence is enough. Origins compare exactly and by case, `*`
takes any, a regex must match the whole; the origin is echoed, no `Vary` is added. A preflight (OPTIONS with
an origin and `Access-Control-Request-Method`) of an allowed origin is answered 200 without a body; one of
another origin is forwarded as it is. With `*` as methods or headers the answer echoes what the
preflight asks for, even nothing. On answers of the upstream, what it says itself is overwritten for allowed
origins and kept for others. Direct responses and redirects are not touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgesim.model import RequestHead
from edgesim.model.policies import Cors
from edgesim.policies.lines import line

Fields = list[tuple[bytes, bytes]]

_ORIGIN = b"access-control-allow-origin"
_METHOD_ASKED = b"access-control-request-method"
_HEADERS_ASKED = b"access-control-request-headers"
_ALLOW_METHODS = b"access-control-allow-methods"
_ALLOW_HEADERS = b"access-control-allow-headers"


@dataclass(frozen=True, slots=True)
class CorsRules:
    """The rules of one route, compiled. `simple` is what answers get besides the origin, `preflight` too."""

    any_origin: bool
    origins: frozenset[bytes]
    regexes: tuple[Callable[[bytes], object], ...]
    simple: tuple[tuple[bytes, bytes], ...]
    preflight: tuple[tuple[bytes, bytes], ...]
    echo_methods: bool
    echo_headers: bool


def compile_cors(route: Cors | None, virtual_host: Cors | None) -> CorsRules | None:
    """Return the rules of a route, None where there are none or they are switched off.

    Raises re2.error for a bad regex (translation has checked it before).
    """
    levels = [level for level in (route, virtual_host) if level is not None]
    if not levels or levels[0].disabled:
        return None
    # Envoy takes the list of origins from the first level that has any, exact and regex alike.
    origins = next((level for level in levels if level.allow_origin or level.allow_origin_regex), levels[0])
    credentials = any(level.allow_credentials for level in levels)
    methods, headers = _said(levels, "allow_methods"), _said(levels, "allow_headers")
    expose, max_age = _said(levels, "expose_headers"), _said(levels, "max_age")
    echo_methods, echo_headers = methods == b"*", headers == b"*"
    allowed = [(b"access-control-allow-credentials", b"true")] if credentials else []
    exposed = [(b"access-control-expose-headers", expose)] if expose else []
    preflight = [
        *allowed,
        *([(_ALLOW_METHODS, methods)] if methods and not echo_methods else []),
        *([(_ALLOW_HEADERS, headers)] if headers and not echo_headers else []),
        *([(b"access-control-max-age", max_age)] if max_age else []),
        *exposed,
    ]
    return CorsRules(
        any_origin="*" in origins.allow_origin,
        origins=frozenset(origin.encode() for origin in origins.allow_origin),
        regexes=tuple(map(_matcher, origins.allow_origin_regex)),
        simple=(*allowed, *exposed),
        preflight=tuple(preflight),
        echo_methods=echo_methods,
        echo_headers=echo_headers,
    )


def _matcher(pattern: str) -> Callable[[bytes], object]:
    import re2  # noqa: PLC0415 - with the first regex: 2.5 MB that an idle process without any does not need

    fullmatch: Callable[[bytes], object] = re2.compile(pattern.encode()).fullmatch
    return fullmatch


def _said(levels: list[Cors], name: str) -> bytes:
    """Return the first level's text that is not empty."""
    return next((text.encode() for level in levels if (text := getattr(level, name))), b"")


def allowed_origin(rules: CorsRules, head: RequestHead) -> bytes | None:
    """Return the request's origin if it may read the answer, None if it has none or may not."""
    origin = line(head, b"origin")
    if not origin:
        return None
    if rules.any_origin or origin in rules.origins or any(matches(origin) for matches in rules.regexes):
        return origin
    return None


def preflight_fields(rules: CorsRules, head: RequestHead, origin: bytes) -> Fields | None:
    """Return the fields of the 200 that answers a preflight, None for any other request.

    `origin` is what `allowed_origin` returned.
    """
    if head.method != b"OPTIONS" or not (method := line(head, _METHOD_ASKED)):
        return None
    fields = [(_ORIGIN, origin), *rules.preflight]
    if rules.echo_methods:
        fields.append((_ALLOW_METHODS, method))
    if rules.echo_headers:
        fields.append((_ALLOW_HEADERS, line(head, _HEADERS_ASKED)))
    return fields


def answer_fields(rules: CorsRules, origin: bytes) -> Fields:
    """Return the fields to set on an upstream's answer, each replacing what the upstream said."""
    return [(_ORIGIN, origin), *rules.simple]
