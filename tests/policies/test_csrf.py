"""Cross-site request forgery, against what Envoy 1.40 refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.model.policies import Csrf, StringMatch, StringMatchKind
from edgesim.policies.csrf import CsrfRules, compile_csrf, refuses
from tests.policies.heads import head_of


def rules_of(*origins: StringMatch, millionths: int = 1_000_000) -> CsrfRules:
    """Return enforced rules."""
    rules = compile_csrf(Csrf(millionths, 0, origins))
    assert rules is not None
    return rules


ADDITIONAL = rules_of(
    StringMatch(StringMatchKind.EXACT, "ok.com"),
    StringMatch(StringMatchKind.SUFFIX, ".z.com"),
    StringMatch(StringMatchKind.REGEX, "r[0-9]+"),
    StringMatch(StringMatchKind.PREFIX, "P", ignore_case=True),
    StringMatch(StringMatchKind.EXACT, "http://full.com"),
)


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({}, True),
        ({"origin": "http://a.com"}, False),
        ({"origin": "https://a.com"}, False),
        ({"origin": "a.com"}, False),
        ({"origin": "http://b.com"}, True),
        ({"origin": "null"}, True),
        ({"origin": "null", "referer": "http://a.com/x"}, True),
        ({"referer": "http://a.com/x?y"}, False),
        ({"referer": "http://a.com:80/x"}, True),
        ({"origin": "http://a.com:80"}, True),
        ({"origin": "http://A.com"}, True),
        ({"origin": "", "referer": "http://a.com"}, False),
        ({"origin": "http://u:p@a.com"}, False),
        ({"origin": "http://[::1]:80"}, True),
        ({"origin": "ftp://a.com"}, False),
        ({"origin": "http://a.com/path"}, False),
        ({"origin": "http://b.com", "referer": "http://a.com"}, True),
        ({"origin": "http://ok.com"}, False),
        ({"origin": "http://ok.com:8080"}, True),
        ({"origin": "http://q.z.com"}, False),
        ({"origin": "http://r77"}, False),
        ({"origin": "http://pqr"}, False),
        ({"origin": "http://full.com"}, True),
    ],
)
def test_sources_are_compared_as_measured(fields: dict[str, str], refused: bool) -> None:
    """Every source measured on Envoy against the host a.com is decided alike."""
    assert refuses(ADDITIONAL, head_of(*fields.items(), method="POST"), 0) is refused


@pytest.mark.parametrize("host", ["a.com:8080", "A.com", "a.com:80", "[::1]:80"])
def test_the_target_is_the_host_as_it_came(host: str) -> None:
    """Port and case of Host count."""
    assert not refuses(rules_of(), head_of(("origin", f"http://{host}"), method="POST", host=host), 0)
    assert refuses(rules_of(), head_of(("origin", "http://a.com"), method="POST", host=host), 0)


@pytest.mark.parametrize(
    ("method", "refused"),
    [("POST", True), ("PUT", True), ("DELETE", True), ("PATCH", True), ("GET", False), ("OPTIONS", False)],
)
def test_only_methods_that_change_something_are_looked_at(method: str, refused: bool) -> None:
    """A request without a source is refused only when it may change something."""
    assert refuses(rules_of(), head_of(method=method), 0) is refused


@given(st.integers(1, 1_000_000), st.integers(0, 2**64 - 1))
def test_only_a_fraction_may_be_enforced(millionths: int, draw: int) -> None:
    """The draw decides whether a request is looked at."""
    assert refuses(rules_of(millionths=millionths), head_of(method="POST"), draw) is (draw % 1_000_000 < millionths)


def test_watching_refuses_nothing() -> None:
    """With shadow alone there are no rules to run."""
    assert compile_csrf(Csrf(0, 1_000_000)) is None
