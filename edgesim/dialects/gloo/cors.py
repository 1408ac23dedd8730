"""Cross-origin rules and request forgery (reference sections 6.1 and 6.7)."""

from __future__ import annotations

from dataclasses import replace

from edgesim.dialects.gloo.fractions import fraction
from edgesim.dialects.gloo.regexes import check_regex
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import options
from edgesim.model import HeaderValue
from edgesim.model.policies import Cors, Csrf, StringMatch, StringMatchKind


def cors_of(given: options.CorsPolicy | None, path: FieldPath, reporter: Reporter, where: str = "") -> Cors | None:
    """Read a CORS policy; lists are joined by `,`. `where` begins the message of a virtual host's."""
    if given is None:
        return None
    at = (*path, "cors")
    if not given.allow_origin and not given.allow_origin_regex:
        text = f"{where}must provide at least one of AllowOrigin or AllowOriginRegex"
        hint = "this holds with `disableForRoute` too" if given.disable_for_route else "add `allowOrigin: ['*']`"
        reporter.report("ES0235", at, text, hint)
    for index, pattern in enumerate(given.allow_origin_regex):
        check_regex(pattern, (*at, "allowOriginRegex", index), reporter)
    return Cors(
        allow_origin=given.allow_origin,
        allow_origin_regex=given.allow_origin_regex,
        allow_methods=",".join(given.allow_methods),
        allow_headers=",".join(given.allow_headers),
        expose_headers=",".join(given.expose_headers),
        max_age=given.max_age,
        allow_credentials=given.allow_credentials,
        disabled=given.disable_for_route,
    )


def merged_cors(route: Cors | None, host: Cors | None, settings: options.CorsPolicyMergeSettings | None) -> Cors | None:
    """Join a route's policy with its virtual host's: by default not at all, `exposeHeaders` if UNION is asked for."""
    if route is None or host is None or settings is None or settings.expose_headers not in {"UNION", 1}:
        return route
    if not route.expose_headers or not host.expose_headers:
        return route
    names = dict.fromkeys((*host.expose_headers.split(","), *route.expose_headers.split(",")))
    return replace(route, expose_headers=",".join(names))


def cors_headers(given: options.CorsPolicy) -> tuple[HeaderValue, ...]:
    """Return the response headers by which Gloo emulates CORS on a direct response (section 4.5)."""
    values = (
        ("access-control-allow-origin", ",".join(dict.fromkeys((*given.allow_origin, *given.allow_origin_regex)))),
        ("access-control-allow-methods", ",".join(given.allow_methods)),
        ("access-control-allow-headers", ",".join(given.allow_headers)),
        ("access-control-expose-headers", ",".join(given.expose_headers)),
        ("access-control-max-age", given.max_age),
        ("access-control-allow-credentials", "true" if given.allow_credentials else "false"),
    )
    # They are format strings to Envoy, which drops an empty value.
    return tuple(HeaderValue(name, value.replace("%", "%%")) for name, value in values if value)


def csrf_of(given: options.CsrfPolicy | None, path: FieldPath, reporter: Reporter) -> Csrf | None:
    """Read a CSRF policy; a missing fraction is 0."""
    if given is None:
        return None
    at = (*path, "csrf", "additionalOrigins")
    origins = [_string_match(item, (*at, i), reporter) for i, item in enumerate(given.additional_origins)]
    return Csrf(fraction(given.filter_enabled), fraction(given.shadow_enabled), tuple(filter(None, origins)))


def _string_match(given: options.StringMatcher, path: FieldPath, reporter: Reporter) -> StringMatch | None:
    if given.safe_regex is not None:
        check_regex(given.safe_regex.regex, (*path, "safeRegex", "regex"), reporter)
        return StringMatch(StringMatchKind.REGEX, given.safe_regex.regex)
    exact, prefix, suffix = StringMatchKind.EXACT, StringMatchKind.PREFIX, StringMatchKind.SUFFIX
    for kind, value in ((exact, given.exact), (prefix, given.prefix), (suffix, given.suffix)):
        if value is not None and (value or kind is StringMatchKind.EXACT):
            return StringMatch(kind, value, given.ignore_case)
    reporter.report("ES0240", path, "a string matcher needs one of `exact`, `prefix`, `suffix`, `safeRegex`")
    return None
