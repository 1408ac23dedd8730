from __future__ import annotations

import pytest

from edgesim.model import (
    DirectResponseAction,
    RedirectAction,
    RegexRewrite,
)
from tests.dialects.scenes import (
    route,
    run,
)

# --- actions


def test_a_redirect_is_read_whole() -> None:
    """Every field of a redirect reaches the model; a number is as good as the name of a code."""
    outcome = run(
        route(
            "redirectAction: {hostRedirect: b.example, pathRedirect: /x, responseCode: 3, httpsRedirect: true, "
            "stripQuery: true, portRedirect: 8443}\n"
        )
    )
    assert outcome.problems == []
    assert outcome.routes[0].action == RedirectAction(307, "b.example", "/x", port=8443, https=True, strip_query=True)


def test_a_redirect_defaults_to_301_and_keeps_the_url() -> None:
    """What a redirect does not set stays."""
    assert run(route("redirectAction: {httpsRedirect: true}\n")).routes[0].action == RedirectAction(https=True)
    rewritten = run(route("redirectAction: {regexRewrite: {pattern: {regex: /a}, substitution: /b}}\n"))
    assert rewritten.routes[0].action == RedirectAction(regex_rewrite=RegexRewrite("/a", "/b"))
    prefixed = run(route("redirectAction: {prefixRewrite: /b, responseCode: FOUND}\n"))
    assert prefixed.routes[0].action == RedirectAction(302, prefix_rewrite="/b")


@pytest.mark.parametrize("field", ["hostRedirect: 'a b'", "pathRedirect: '/a?b'", "prefixRewrite: /a//b"])
def test_the_parts_of_a_redirect_are_checked(field: str) -> None:
    """Host and path of a redirect obey the rules of a path."""
    outcome = run(route(f"redirectAction: {{{field}}}\n"))
    assert outcome.only().code in {"ES0206", "ES0207"}
    assert outcome.routes == ()


def test_a_direct_response_is_read() -> None:
    """Status and body reach the model; the limit of the body counts bytes."""
    assert run(route("directResponseAction: {status: 418, body: hi}\n")).routes[0].action == DirectResponseAction(
        418, "hi"
    )
    assert run(route(f"directResponseAction: {{status: 200, body: {'é' * 2049}}}\n")).only().code == "ES0224"
    assert run(route("directResponseAction: {}\n")).only().code == "ES0223"
