from __future__ import annotations

import pytest

from edgesim.model import HeaderValue
from edgesim.model.policies import (
    Cors,
    Csrf,
    StringMatch,
    StringMatchKind,
)
from tests.dialects.options import ELSEWHERE, host_options, options, policies, refused
from tests.dialects.scenes import TO_ECHO, UPSTREAM, run, virtual_host

CORS = (
    "cors: {allowOrigin: ['https://a.example'], allowOriginRegex: ['https://.*'], allowMethods: [GET, POST], "
    "allowHeaders: [x-a, x-b], exposeHeaders: [x-c], maxAge: '600', allowCredentials: true}"
)
WANTED = Cors(("https://a.example",), ("https://.*",), "GET,POST", "x-a,x-b", "x-c", "600", allow_credentials=True)


def test_cors_is_read_whole() -> None:
    """On a route and on a virtual host; lists are joined by commas."""
    assert policies(CORS).cors == WANTED
    assert host_options(CORS).hosts[0].policies.cors == WANTED


@pytest.mark.parametrize(
    ("setting", "own", "wanted"),
    [
        ("exposeHeaders: UNION", "exposeHeaders: [b, c], ", "a,b,c"),
        ("exposeHeaders: 1", "", ""),
        ("exposeHeaders: DEFAULT", "exposeHeaders: [b, c], ", "b,c"),
        ("", "exposeHeaders: [b, c], ", "b,c"),
    ],
)
def test_exposed_headers_may_be_joined(setting: str, own: str, wanted: str) -> None:
    """With the virtual host's, if it asks for that and both have some."""
    host = f"corsPolicyMergeSettings: {{{setting}}}, cors: {{allowOrigin: ['*'], exposeHeaders: [a, b]}}"
    route = f"{TO_ECHO}  options: {{cors: {{{own}allowOrigin: [x]}}}}\n"
    outcome = run(virtual_host(f"options: {{{host}}}\nroutes:\n- {route}"), UPSTREAM)
    assert outcome.problems == []
    assert outcome.routes[0].policies.cors == Cors(("x",), expose_headers=wanted)


def test_cors_may_be_switched_off_on_a_route_only() -> None:
    """DisableForRoute is a route's; on a virtual host it is noted."""
    text = "cors: {allowOrigin: ['*'], disableForRoute: true}"
    assert policies(text).cors == Cors(("*",), disabled=True)
    outcome = host_options(text)
    assert outcome.codes == ["ES0604"]
    assert outcome.hosts[0].policies.cors == Cors(("*",))


def test_cors_without_origin_is_an_error() -> None:
    """Even to switch it off."""
    assert refused(options("cors: {disableForRoute: true}")) == ("ES0235", "cors")
    problem = host_options("cors: {}").only()
    assert problem.message == "invalid cors config: must provide at least one of AllowOrigin or AllowOriginRegex"


def test_a_bad_origin_regex_is_an_error() -> None:
    """It is compiled as any other."""
    assert refused(options("cors: {allowOriginRegex: ['(']}")) == ("ES0208", "cors.allowOriginRegex[0]")


def test_cors_on_a_direct_response_is_headers() -> None:
    """Gloo adds what a cross-origin answer would carry, without those that are empty."""
    text = "cors: {allowOrigin: [a, b, a], allowOriginRegex: [b], allowMethods: [GET], maxAge: '50%'}"
    outcome = options(text, ELSEWHERE[0])
    assert outcome.problems == []
    assert outcome.routes[0].policies.cors is None
    assert outcome.routes[0].headers.response_add == (
        HeaderValue("access-control-allow-origin", "a,b"),
        HeaderValue("access-control-allow-methods", "GET"),
        HeaderValue("access-control-max-age", "50%%"),
        HeaderValue("access-control-allow-credentials", "false"),
    )
    credentials = options("cors: {allowCredentials: true}", ELSEWHERE[0]).routes[0].headers.response_add
    assert credentials == (HeaderValue("access-control-allow-credentials", "true"),)


@pytest.mark.parametrize(
    ("text", "action", "code"),
    [
        ("cors: {allowOrigin: ['*']}", ELSEWHERE[1], "ES0235"),
        ("cors: {allowOrigin: ['*'], disableForRoute: true}", ELSEWHERE[0], "ES0235"),
        ("shadowing: {percentage: 1}", ELSEWHERE[0], "ES0236"),
        ("lbHash: {}", ELSEWHERE[1], "ES0237"),
    ],
)
def test_some_options_are_refused_where_nothing_is_forwarded(text: str, action: str, code: str) -> None:
    """Gloo says so in these words."""
    outcome = options(text, action)
    assert refused(outcome)[0] == code
    assert "plugin on non-Route_Route route actions" in outcome.only().message


def test_csrf_is_read_whole() -> None:
    """Fractions of each denominator in millionths, and every way to match an origin."""
    text = (
        "csrf: {filterEnabled: {defaultValue: {numerator: 50}, runtimeKey: x}, "
        "shadowEnabled: {defaultValue: {numerator: 20000, denominator: TEN_THOUSAND}}, additionalOrigins: ["
        "{exact: a}, {prefix: b, ignoreCase: true}, {suffix: c}, {safeRegex: {regex: 'd.*'}}]}"
    )
    origins = (
        StringMatch(StringMatchKind.EXACT, "a"),
        StringMatch(StringMatchKind.PREFIX, "b", ignore_case=True),
        StringMatch(StringMatchKind.SUFFIX, "c"),
        StringMatch(StringMatchKind.REGEX, "d.*"),
    )
    assert policies(text).csrf == Csrf(500_000, 1_000_000, origins)
    small = "csrf: {filterEnabled: {defaultValue: {numerator: 7, denominator: 2}}, shadowEnabled: {}}"
    assert host_options(small).hosts[0].policies.csrf == Csrf(7)


@pytest.mark.parametrize("matcher", ["{}", "{prefix: ''}"])
def test_an_origin_without_pattern_is_an_error(matcher: str) -> None:
    """Envoy refuses it."""
    assert refused(options(f"csrf: {{additionalOrigins: [{matcher}]}}")) == ("ES0240", "csrf.additionalOrigins[0]")
