"""Tokens, against the answers Envoy 1.40 gave."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.policies.jwt_keys import parse_keys
from edgesim.policies.jwt_tokens import TokenError, check_signature, check_times, claim_value, parse_token
from tests.policies.signing import NOW, jwks, raw, signed


def outcome(text: str) -> str:
    """Return what a token comes to at NOW with a minute's skew: `` or the reason it is refused."""
    try:
        token = parse_token(text.encode())
        check_times(token.expires, token.not_before, NOW, 60)
        check_signature(token, parse_keys(jwks()))
    except TokenError as refused:
        return refused.text
    return ""


RS = {"alg": "RS256", "kid": "r"}
FORM = "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
FAILS = "Jwt verification fails"
NO_KEY = "Jwks doesn't have key to match kid or alg from Jwt"
NOT_A_TIME = "Jwt payload [exp] field is not a positive 64 bit integer"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, ""),
        ({"exp": NOW - 100}, "Jwt is expired"),
        ({"exp": NOW - 30}, ""),
        ({"exp": NOW - 60}, ""),
        ({"exp": NOW - 61}, "Jwt is expired"),
        ({"nbf": NOW + 100}, "Jwt not yet valid"),
        ({"nbf": NOW + 30}, ""),
        ({"exp": ...}, ""),
        ({"exp": 0}, ""),
        ({"exp": NOW + 5.5}, ""),
        ({"iat": NOW + 1000}, ""),
    ],
)
def test_times_are_checked_as_envoy_checks_them(claims: dict[str, object], expected: str) -> None:
    """The skew is granted both ways, a missing or zero time says nothing."""
    assert outcome(signed(claims)) == expected


@pytest.mark.parametrize(
    ("kid", "algorithm", "says", "expected"),
    [
        ("r", "RS256", "", ""),
        ("r", "RS384", "", ""),
        ("r", "RS512", "", ""),
        ("r", "PS256", "", ""),
        ("r", "PS384", "", ""),
        ("r", "PS512", "", ""),
        ("r", "RS256", None, ""),
        ("e", "ES256", "", ""),
        ("e", "ES256", None, ""),
        ("e3", "ES384", "", ""),
        ("e5", "ES512", "", ""),
        ("d", "EdDSA", "", ""),
        ("o", "HS256", "", ""),
        ("o", "HS256", "r", FAILS),
        ("r2", "RS256", "r", FAILS),
        ("r", "RS256", "zz", NO_KEY),
        ("r", "RS256", "e", NO_KEY),
        ("r", "RS256", "d", FAILS),
    ],
)
def test_signatures_are_checked_with_the_key_meant(kid: str, algorithm: str, says: str | None, expected: str) -> None:
    """Key id and algorithm must match where both sides say them, and the key must be of the algorithm's kind."""
    assert outcome(signed(kid=kid, algorithm=algorithm, says=says)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (raw({"alg": "none"}, {}, b""), FORM),
        (raw({"alg": "none"}, {}), "Jwt header [alg] is not supported"),
        (raw({"alg": "None"}, {}), "Jwt header [alg] is not supported"),
        (raw({"alg": "ES256K"}, {}), "Jwt header [alg] is not supported"),
        (raw({"typ": "JWT"}, {}), "Jwt header [alg] field is required and must be a string"),
        (raw({"alg": 5}, {}), "Jwt header [alg] field is required and must be a string"),
        (raw({"alg": "RS256", "kid": 5}, {}), "Jwt header [kid] field is not a string"),
        ("a.b", FORM),
        ("abc", FORM),
        ("a.b.c.d", FORM),
        ("a..c", FORM),
        ("!!!.a.b", "Jwt header is an invalid Base64url encoded"),
        ("a.a.b", "Jwt header is an invalid Base64url encoded"),
        (raw(b"xx", {}), "Jwt header is an invalid JSON"),
        (raw([1], {}), "Jwt header is an invalid JSON"),
        (raw(b"\xff", {}), "Jwt header is an invalid JSON"),
        (raw(b'{"alg":"RS256","alg":"none"}', {}), "Jwt header is an invalid JSON"),
        (raw(b"[" * 100_000, {}), "Jwt header is an invalid JSON"),
        (raw(RS, b"zz"), "Jwt payload is an invalid JSON"),
        (raw(RS, b'{"exp":NaN}'), "Jwt payload is an invalid JSON"),
        (raw(RS, [1]), "Jwt payload is an invalid JSON"),
        (raw(RS, {}).replace(".", ".!", 1), "Jwt payload is an invalid Base64url encoded"),
        (raw(RS, {"iss": 5}), "Jwt payload [iss] field is not a string"),
        (raw(RS, {"sub": 5}), "Jwt payload [sub] field is not a string"),
        (raw(RS, {"jti": 5}), "Jwt payload [jti] field is not a string"),
        (raw(RS, {"exp": "9999999999"}), "Jwt payload [exp] field is not an integer"),
        (raw(RS, {"exp": True}), "Jwt payload [exp] field is not an integer"),
        (raw(RS, {"exp": -5}), NOT_A_TIME),
        (raw(RS, {"exp": 1e30}), NOT_A_TIME),
        (raw(RS, {"aud": 5}), "Jwt payload [aud] field is not a string or string list"),
        (raw(RS, {"aud": [5]}), "Jwt payload [aud] field is not a string or string list"),
        (raw(RS, {}) + "!", "Jwt signature is an invalid Base64url encoded"),
        (raw(RS, {}) + "=", "Jwt signature is an invalid Base64url encoded"),
        (raw(RS, {}), FAILS),
    ],
)
def test_what_is_no_token_is_refused_in_envoys_words(text: str, expected: str) -> None:
    """Every malformed token measured gets the text measured."""
    assert outcome(text) == expected


def test_extensions_nobody_understands_are_refused() -> None:
    """A token with `crit` is refused even when well signed."""
    assert outcome(signed(header={"crit": ["exp"]})) == FAILS


def test_a_changed_token_fails() -> None:
    """Claims cannot be exchanged under a signature."""
    header, _, signature = signed().split(".")
    payload = signed({"stage": "canary"}).split(".")[1]
    assert outcome(f"{header}.{payload}.{signature}") == FAILS


CLAIMS = {
    "stage": "canary",
    "num": 5,
    "flt": 1.5,
    "neg": -3,
    "t": True,
    "f": False,
    "arr": ["a", "b"],
    "nest": {"key": "v", "deep": {"x": 1}},
    "a.b": "dot",
    "nul": None,
    "big": 2**60,
    "empty": "",
    "utf": "é",
    "nl": "a\r\nb: c",
    "http://x/y": "u",
    "mix": ["a", 1],
    "arr0": list[str](),
    "huge": 1e20,
    "tiny": 1e-7,
    "odd": 2**53 + 1,
    "minus": -0.0,
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("stage", "canary"),
        ("num", "5"),
        ("flt", "1.500000"),
        ("neg", "-3.000000"),
        ("t", "true"),
        ("f", "false"),
        ("arr", "WyJhIiwiYiJd"),
        ("nest.key", "v"),
        ("nest", "eyJkZWVwIjp7IngiOjF9LCJrZXkiOiJ2In0="),
        ("nest.deep.x", "1"),
        ("a.b", None),
        ("nul", None),
        ("big", "1152921504606846976"),
        ("empty", None),
        ("utf", "é"),
        ("nl", None),
        ("http://x/y", "u"),
        ("mix", "WyJhIiwxXQ=="),
        ("arr0", "W10="),
        ("huge", "100000000000000000000.000000"),
        ("tiny", "0.000000"),
        ("odd", "9007199254740992"),
        ("minus", "0"),
        ("nope", None),
        ("stage.x", None),
    ],
)
def test_claims_are_written_as_envoy_writes_them(path: str, value: str | None) -> None:
    """Every kind of claim measured becomes the header value measured."""
    found = claim_value(CLAIMS, path)
    assert value == (None if found is None else found.decode())


@given(st.binary() | st.text(".abcdefghijklmnopqrstuvwxyzABCDEF0123456789-_=").map(str.encode))
def test_no_bytes_break_the_parser(text: bytes) -> None:
    """Any bytes are a token or refused in words."""
    with pytest.raises(TokenError):
        parse_token(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "nbf", "x", "y"]), JSON))
def test_no_payload_breaks_it(claims: dict[str, object]) -> None:
    """Any JSON object is read, or refused in words, and no claim of it can split a header."""
    try:
        token = parse_token(raw(RS, claims).encode())
    except TokenError:
        return
    for name in claims:
        if "." not in name:
            assert b"\n" not in (claim_value(token.claims, name) or b"")
