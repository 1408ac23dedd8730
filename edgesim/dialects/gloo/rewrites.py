"""Options of forwarding: rewrites of path and host, and the timeout (reference section 6.1)."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.dialects.gloo.limits import timeout_of
from edgesim.dialects.gloo.matchers import is_header_name
from edgesim.dialects.gloo.paths import check_rewrite
from edgesim.dialects.gloo.regexes import check_regex
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import options
from edgesim.model import HostRewrite, HostRewriteKind, RegexRewrite


@dataclass(frozen=True, slots=True)
class Rewrites:
    """The forwarding options of one route, as ForwardAction has them."""

    prefix: str | None = None
    regex: RegexRewrite | None = None
    host: HostRewrite | None = None
    timeout: float | None = None


def read_rewrites(given: options.RouteOptions | None, path: FieldPath, reporter: Reporter) -> Rewrites:
    """Read the forwarding options of a route."""
    if given is None:
        return Rewrites()
    if given.prefix_rewrite is not None:
        check_rewrite(given.prefix_rewrite, (*path, "prefixRewrite"), reporter)
        if given.regex_rewrite is not None:
            text = "prefixRewrite and regexRewrite cannot be used together: Envoy refuses the route"
            reporter.report("ES0222", (*path, "regexRewrite"), text)
    return Rewrites(
        prefix=given.prefix_rewrite or None,  # to Envoy an empty rewrite is none
        regex=read_regex_rewrite(given.regex_rewrite, (*path, "regexRewrite"), reporter),
        host=_host(given, path, reporter),
        timeout=timeout_of(given.timeout, (*path, "timeout"), reporter),
    )


def read_regex_rewrite(
    given: options.RegexMatchAndSubstitute | None, path: FieldPath, reporter: Reporter
) -> RegexRewrite | None:
    """Read a pattern and its substitution."""
    if given is None:
        return None
    pattern = given.pattern.regex if given.pattern is not None else ""
    at = (*path, "pattern", "regex")
    return RegexRewrite(pattern, given.substitution) if check_regex(pattern, at, reporter, given.substitution) else None


def _host(given: options.RouteOptions, path: FieldPath, reporter: Reporter) -> HostRewrite | None:
    """Read the host rewrite; the schema admits one of the four only, and to Envoy an empty one is none."""
    if given.host_rewrite:
        return HostRewrite(HostRewriteKind.LITERAL, given.host_rewrite)
    if given.auto_host_rewrite:
        return HostRewrite(HostRewriteKind.AUTO)
    if given.host_rewrite_header:
        if not is_header_name(given.host_rewrite_header):
            at = (*path, "hostRewriteHeader")
            reporter.report("ES0221", at, f"{given.host_rewrite_header!r} is not a header name")
        return HostRewrite(HostRewriteKind.HEADER, given.host_rewrite_header.lower())
    regex = read_regex_rewrite(given.host_rewrite_path_regex, (*path, "hostRewritePathRegex"), reporter)
    return None if regex is None else HostRewrite(HostRewriteKind.PATH_REGEX, "", regex)
