"""Token rules, against what Envoy 1.40 answered and forwarded."""

from __future__ import annotations

import dataclasses
import time

import pytest

from edgesim.model import RequestHead
from edgesim.model.policies import ClaimHeader, Jwt, JwtProvider, JwtSource, JwtValidation
from edgesim.policies.jwt import JwtRules, TokenCache, Verdict, apply_to_fields, apply_to_head, check, compile_jwt
from edgesim.policies.jwt_keys import parse_keys
from tests.policies.heads import head_of
from tests.policies.signing import NOW, jwks, signed

STAGE = ClaimHeader("stage", "X-Stage")
SUB = ClaimHeader("sub", "x-sub", append=True)
PROVIDER = JwtProvider("p", "iss", jwks=jwks(), claims_to_headers=(STAGE, SUB))
OTHER = JwtProvider("q", "iss2", jwks=jwks(), claims_to_headers=(ClaimHeader("sub", "x-other"),))
MISSING, ISSUER = b"Jwt is missing", b"Jwt issuer is not configured"


def rules_of(*providers: JwtProvider, validation: JwtValidation = JwtValidation.REQUIRE_VALID) -> JwtRules:
    """Return compiled rules."""
    rules = compile_jwt(Jwt(providers, validation))
    assert rules is not None
    return rules


def bearer(token: str, *more: tuple[str, str], query: str | None = None) -> RequestHead:
    """Return a request with a token where one is expected."""
    return head_of(("authorization", f"Bearer {token}"), *more, path="/p/x", query=query)


def checked(rules: JwtRules, head: RequestHead) -> Verdict:
    """Return the verdict at NOW with a fresh cache."""
    return check(rules, head, NOW, {}, TokenCache())


def forwarded(verdict: Verdict, *fields: tuple[str, str]) -> list[str]:
    """Return the fields forwarded as lines."""
    assert not verdict.status
    given = [(name.encode(), value.encode()) for name, value in fields]
    return [b": ".join(field).decode() for field in apply_to_fields(verdict, given)]


RULES = rules_of(PROVIDER)


def test_a_good_token_becomes_headers_and_is_removed() -> None:
    """Claims replace what the client sent under their headers."""
    token = signed({"stage": "canary"})
    verdict = checked(RULES, bearer(token, ("x-stage", "forged")))
    fields = [("authorization", f"Bearer {token}"), ("x-stage", "forged"), ("x-stage", "again"), ("a", "b")]
    assert forwarded(verdict, *fields) == ["a: b", "x-stage: canary", "x-sub: me"]


@pytest.mark.parametrize("validation", [JwtValidation.ALLOW_MISSING, JwtValidation.ALLOW_MISSING_OR_FAILED])
def test_a_claims_header_is_removed_even_without_a_token(validation: JwtValidation) -> None:
    """Whatever the policy, nobody but a token says what stage a request is of."""
    verdict = checked(rules_of(PROVIDER, validation=validation), head_of(("x-stage", "canary")))
    assert forwarded(verdict, ("x-stage", "canary"), ("x-sub", "root")) == []


def test_a_failed_token_that_is_allowed_says_nothing_and_stays() -> None:
    """The upstream sees the bad token, but no claim of it."""
    rules = rules_of(PROVIDER, validation=JwtValidation.ALLOW_MISSING_OR_FAILED)
    token = signed({"stage": "canary"}, kid="r2", says="r")
    verdict = checked(rules, bearer(token, ("x-stage", "canary")))
    assert forwarded(verdict, ("authorization", "t"), ("x-stage", "canary")) == ["authorization: t"]


def test_a_missing_token_is_refused_with_a_challenge() -> None:
    """401 with the realm, and no error since there was no token."""
    verdict = checked(RULES, head_of(path="/p/x", query='a="'))
    assert (verdict.status, verdict.body) == (401, MISSING)
    assert verdict.fields == ((b"www-authenticate", b'Bearer realm="http://a.com/p/x?a=%22"'),)


def test_a_bad_token_is_refused_with_an_error() -> None:
    """The challenge says that the token is invalid."""
    verdict = checked(RULES, bearer(signed({"exp": 5})))
    assert (verdict.status, verdict.body) == (401, b"Jwt is expired")
    assert verdict.fields == ((b"www-authenticate", b'Bearer realm="http://a.com/p/x", error="invalid_token"'),)


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ("bearer {}", MISSING),
        ("Basic abc", MISSING),
        ("Bearer", MISSING),
        ("foo Bearer {}", b""),
        ("Bearer   {}", b""),
        ("Bearer {} ", b""),
        ("Bearer !", b"Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"),
        ("Bearer {},Bearer bad", b"Jwt signature is an invalid Base64url encoded"),
    ],
)
def test_the_token_is_found_as_envoy_finds_it(value: str, body: bytes) -> None:
    """The prefix is looked for by case anywhere, and blanks before the token do not count."""
    assert checked(RULES, head_of(("authorization", value.format(signed())))).body == body


def test_two_authorization_lines_are_one() -> None:
    """A second line spoils the first one's token."""
    head = head_of(("authorization", f"Bearer {signed()}"), ("authorization", "Bearer bad"))
    assert checked(RULES, head).body == b"Jwt signature is an invalid Base64url encoded"


def test_a_token_in_the_query_is_taken_and_removed() -> None:
    """The default sources include `access_token`; other parameters stay as they were."""
    verdict = checked(RULES, head_of(query=f"a=%41&access%5Ftoken={signed()}&b"))
    assert (verdict.status, verdict.query_changed, verdict.query) == (0, True, b"a=%41&b")
    assert checked(RULES, head_of(query=f"access_token={signed()}")).query is None
    assert checked(RULES, head_of(query="a=1")).body == MISSING


def test_all_tokens_must_be_valid() -> None:
    """A good token does not carry a bad one along."""
    token = signed()
    assert checked(RULES, bearer(token, query="access_token=bad")).status == 401
    both = checked(RULES, bearer(token, query=f"access_token={token}"))
    assert [name for name, _ in both.adds] == [b"x-sub", b"x-sub"]


def test_a_claim_that_is_not_appended_is_set_once() -> None:
    """Of two tokens the later one's claim stands."""
    first, second = signed({"stage": "first"}), signed({"stage": "second"})
    verdict = checked(RULES, bearer(second, query=f"access_token={first}"))
    assert [value for name, value in verdict.adds if name == b"x-stage"] == [b"second"]


def test_a_kept_token_stays_where_it_was() -> None:
    """With keep_token neither header nor query changes."""
    rules = rules_of(dataclasses.replace(PROVIDER, keep_token=True))
    verdict = checked(rules, bearer(signed(), query="x=1"))
    assert not verdict.query_changed
    assert b"authorization" not in verdict.drops


@pytest.mark.parametrize(
    ("fields", "query", "passes"),
    [
        ([("x-tok", "T {}")], None, True),
        ([("x-tok", "{}")], None, False),
        ([("x-bare", "{}")], None, True),
        ([("authorization", "Bearer {}")], None, False),
        ([], "tk={}&z=1", True),
        ([("x-bare", "{}"), ("x-bare", "{}")], None, True),
        ([("x-bare", "{}"), ("x-bare", "bad")], None, False),
    ],
)
def test_a_provider_looks_only_where_it_says(fields: list[tuple[str, str]], query: str | None, passes: bool) -> None:
    """Sources of its own replace the default ones; every line of a header is a token."""
    sources = (JwtSource("X-Tok", "T "), JwtSource("x-bare"), JwtSource(query="tk"))
    rules = rules_of(dataclasses.replace(PROVIDER, sources=sources))
    head = head_of(*[(name, value.format(signed())) for name, value in fields], query=query and query.format(signed()))
    assert (checked(rules, head).status == 0) is passes


@pytest.mark.parametrize(
    ("audience", "status"),
    [
        (..., 403),
        ("a1", 0),
        ("a2", 0),
        ("a2/", 0),
        ("zz", 403),
        (["zz", "a1"], 0),
        ([], 403),
        ("http://a1", 0),
        ("a1/", 0),
        ("https://a1/", 0),
    ],
)
def test_audiences_are_compared_as_envoy_compares_them(audience: object, status: int) -> None:
    """Scheme and final slash do not count; a wrong audience is 403."""
    rules = rules_of(dataclasses.replace(PROVIDER, audiences=("a1", "a2/")))
    verdict = checked(rules, bearer(signed({"aud": audience})))
    assert verdict.status == status
    assert verdict.body == (b"Audiences in Jwt are not allowed" if status else b"")


def test_without_an_issuer_any_is_taken() -> None:
    """A provider that names none takes tokens of everybody its keys signed for."""
    rules = rules_of(dataclasses.replace(PROVIDER, issuer=""))
    assert checked(rules, bearer(signed({"iss": "anything"}))).status == 0
    assert checked(rules, bearer(signed({"iss": ...}))).status == 0
    assert checked(RULES, bearer(signed({"iss": ...}))).body == ISSUER


@pytest.mark.parametrize("providers", [(PROVIDER, OTHER), (OTHER, PROVIDER)])
@pytest.mark.parametrize(
    ("claims", "body"),
    [
        ({}, b""),
        ({"iss": "iss2"}, b""),
        ({"iss": "iss3"}, ISSUER),
        ({"exp": 1}, b"Jwt is expired"),
        ({"exp": 1, "iss": "iss2"}, b"Jwt is expired"),
    ],
)
def test_of_several_providers_one_must_take_the_token(
    providers: tuple[JwtProvider, ...], claims: dict[str, object], body: bytes
) -> None:
    """Whatever the order, the error told is that of a provider that knew the issuer."""
    verdict = checked(rules_of(*providers), bearer(signed(claims)))
    assert verdict.body == body
    assert verdict.drops >= {b"x-stage", b"x-sub", b"x-other"} or verdict.status


@pytest.mark.parametrize(
    ("validation", "authorization", "status"),
    [
        (JwtValidation.ALLOW_MISSING, "Basic abc", 0),
        (JwtValidation.ALLOW_MISSING, "Bearer garbage", 401),
        (JwtValidation.ALLOW_MISSING_OR_FAILED, "Bearer garbage", 0),
        (JwtValidation.REQUIRE_VALID, "Basic abc", 401),
    ],
)
def test_the_three_policies_differ_in_what_they_let_through(
    validation: JwtValidation, authorization: str, status: int
) -> None:
    """Missing, failed, or neither."""
    assert (
        checked(rules_of(PROVIDER, validation=validation), head_of(("authorization", authorization))).status == status
    )


def test_fetched_keys_are_asked_for_once_a_token_needs_them() -> None:
    """Without keys nothing is decided, with none fetched the token fails, with keys it passes."""
    rules = rules_of(dataclasses.replace(PROVIDER, jwks="", remote_url="http://keys/"))
    head, cache = bearer(signed()), TokenCache()
    assert check(rules, head, NOW, {}, cache).needs == "p"
    assert check(rules, head_of(), NOW, {}, cache).body == MISSING
    assert check(rules, head, NOW, {"p": ()}, cache).body == b"Jwks remote fetch is failed"
    assert check(rules, head, NOW, {"p": parse_keys(jwks())}, cache).status == 0


def test_a_token_seen_again_is_not_verified_again_until_it_expires() -> None:
    """A remembered token still expires, and new keys verify it anew."""
    rules = rules_of(dataclasses.replace(PROVIDER, jwks="", remote_url="http://keys/"))
    head, cache, keys = bearer(signed()), TokenCache(), parse_keys(jwks())
    first = check(rules, head, NOW, {"p": keys}, cache)
    assert check(rules, head, NOW, {"p": keys}, cache) == first
    assert len(cache) == 1
    assert check(rules, head, NOW + 1000, {"p": keys}, cache).body == b"Jwt is expired"
    only_others = tuple(key for key in keys if key.kid != "r")
    assert check(rules, head, NOW, {"p": only_others}, cache).status == 401


def test_the_cache_is_bounded() -> None:
    """The oldest token goes first, a huge one is not kept, a bad one neither."""
    cache = TokenCache(2)
    tokens = [signed({"n": n}) for n in range(3)]
    for token in (*tokens, signed({"x": "y" * 4000}), "a.b.c"):
        check(RULES, bearer(token), NOW, {}, cache)
    assert len(cache) == 2
    provider = RULES.providers[0]
    assert provider.keys is not None
    assert cache.recall(provider, tokens[0].encode(), provider.keys) is None
    assert cache.recall(provider, tokens[2].encode(), provider.keys) is not None


def test_a_good_token_is_good_for_one_provider_only() -> None:
    """What is remembered of a token is no help where another issuer is asked for, whatever the provider's name."""
    remote = dataclasses.replace(PROVIDER, jwks="", remote_url="http://keys/")
    head, cache, keys = bearer(signed()), TokenCache(), {"p": parse_keys(jwks())}
    assert check(rules_of(remote), head, NOW, keys, cache).status == 0
    other = rules_of(dataclasses.replace(remote, issuer="somebody else"))
    assert check(other, head, NOW, keys, cache).status == 401


def test_keys_are_not_asked_for_by_tokens_that_fail_anyway() -> None:
    """Whoever sends an expired or a foreign token makes nobody fetch keys."""
    rules = rules_of(dataclasses.replace(PROVIDER, jwks="", remote_url="http://keys/"))
    for token in (signed({"exp": 1}), signed({"iss": "other"}), "a.b.c"):
        verdict = check(rules, bearer(token), NOW, {}, TokenCache())
        assert (verdict.needs, verdict.status) == ("", 401)


def test_a_verdict_says_how_long_it_holds() -> None:
    """It holds from `nbf` to `exp`, each widened by the skew, and for ever without a token."""
    skew = RULES.providers[0].skew
    verdict = checked(RULES, bearer(signed({"nbf": NOW - 5, "exp": NOW + 5})))
    assert (verdict.since, verdict.until) == (NOW - 5 - skew, NOW + 5 + skew)
    open_rules = rules_of(PROVIDER, validation=JwtValidation.ALLOW_MISSING_OR_FAILED)
    assert checked(open_rules, head_of()).until == float("inf")
    assert checked(open_rules, bearer("a.b.c")).until == 0


def test_disabled_rules_are_none() -> None:
    """A route can switch its virtual host's rules off."""
    assert compile_jwt(Jwt(disabled=True)) is None


def test_the_routed_head_is_the_forwarded_one() -> None:
    """Routing sees what the upstream will: without the forged header, with the claim, without the token."""
    head = bearer(signed({"stage": "canary"}), ("x-stage", "forged"), ("a", "1"), ("a", "2"), query="q=1")
    verdict = checked(RULES, head)
    fields = apply_to_fields(verdict, [(b"x-stage", b"forged"), (b"a", b"1"), (b"a", b"2")])
    seen = apply_to_head(verdict, head, fields)
    assert seen.headers == {b"a": b"2", b"x-stage": b"canary", b"x-sub": b"me"}
    assert (seen.repeated, seen.query, seen.path) == ({b"a": [b"1", b"2"]}, b"q=1", b"/p/x")
    assert head.headers[b"x-stage"] == b"forged"
    gone = checked(RULES, head_of(query=f"access_token={signed()}"))
    assert apply_to_head(gone, head, []).query is None
    assert apply_to_head(gone, head, []).repeated is None


def test_a_token_seen_again_costs_microseconds() -> None:
    """A thousand requests with one token take far less than a thousand verifications (a generous bound)."""
    head, cache = bearer(signed()), TokenCache()
    check(RULES, head, NOW, {}, cache)
    began = time.thread_time()  # other processes do not count
    for _ in range(1000):
        check(RULES, head, NOW, {}, cache)
    assert time.thread_time() - began < 0.2
