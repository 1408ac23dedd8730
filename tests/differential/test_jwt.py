"""Tokens, beside Envoy's jwt_authn filter: who passes, what is said to the others, what reaches the upstream."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgesim.model import (
    Cluster,
    ClusterType,
    HeaderMatcher,
    HeaderMutations,
    HeaderValue,
    Model,
    PathKind,
    PathMatcher,
    Policies,
    Route,
    RouteMatch,
    ValueKind,
    VirtualHost,
)
from edgesim.model.policies import ClaimHeader, Jwt, JwtProvider, JwtValidation
from tests import envoy
from tests.differential.features import edgesims
from tests.policies.signing import b64, jwk, jwks, raw, signed
from tests.proxy.scenes import to

NOW = int(time.time())
DAY = 24 * 3600
CLAIMS = (ClaimHeader("stage", "x-stage"), ClaimHeader("user.name", "x-name"), ClaimHeader("n", "x-n"))
P = JwtProvider("p", "iss", jwks=jwks(), claims_to_headers=CLAIMS)
Q = JwtProvider("q", "iss", ("api",), jwks=jwks(), claims_to_headers=CLAIMS, keep_token=True)
RULES = {
    "required": Jwt((P,)),
    "missing": Jwt((P,), JwtValidation.ALLOW_MISSING),
    "loose": Jwt((P,), JwtValidation.ALLOW_MISSING_OR_FAILED),
    "audience": Jwt((Q,)),
}
TIER = ClaimHeader("tier", "x-tier")
OTHERS = Jwt((JwtProvider("o", "other", jwks=jwks(), claims_to_headers=(TIER,)),))
"""Of another virtual host, whose claim becomes a header that those above know nothing of."""
_QUIRK = (b"Jwt ED25519 signature is wrong length", b"Jwt verification fails")
"""Envoy tries an Ed25519 key, the last one in the list, on a token of any algorithm."""


def token(claims: dict[str, Any] | None = None, **options: Any) -> str:
    """Return a token that holds now, with everything that becomes a header."""
    return signed({"exp": NOW + DAY, "stage": "canary", "user": {"name": "me"}, "n": 7} | (claims or {}), **options)


def with_secret_of_public_key() -> str:
    """Return a token signed with the text of a public key as if it were a secret: algorithm confusion."""
    held = ".".join((b64(b'{"alg":"HS256","kid":"r"}'), b64(json.dumps({"iss": "iss", "exp": NOW + DAY}).encode())))
    return f"{held}.{b64(hmac.digest(json.dumps(jwk('r')).encode(), held.encode(), hashlib.sha256))}"


GOOD = token()
HEAD, PAYLOAD, SIGNATURE = GOOD.split(".")
TOKENS = {
    "good": GOOD,
    "es256": token(kid="e", algorithm="ES256"),
    "es384": token(kid="e3", algorithm="ES384"),
    "es512": token(kid="e5", algorithm="ES512"),
    "ps256": token(algorithm="PS256"),
    "rs512": token(algorithm="RS512"),
    "eddsa": token(kid="d", algorithm="EdDSA"),
    "hs256": token(kid="o", algorithm="HS256"),
    "no-kid": token(says=None),
    "unknown-kid": token(says="zz"),
    "kid-of-another": token(says="e"),
    "foreign-key": token(kid="r2", says="r"),
    "foreign-key-no-kid": token(kid="r2", says=None),
    "expired": token({"exp": NOW - 120}),
    "expired-within-skew": token({"exp": NOW - 20}),
    "never-expires": token({"exp": ...}),
    "not-yet": token({"nbf": NOW + 120}),
    "not-yet-within-skew": token({"nbf": NOW + 20}),
    "other-issuer": token({"iss": "other"}),
    "no-issuer": token({"iss": ...}),
    "right-audience": token({"aud": ["x", "api"]}),
    "url-audience": token({"aud": "https://api/"}),
    "wrong-audience": token({"aud": "web"}),
    "issuer-number": raw({"alg": "RS256"}, {"iss": 7}),
    "exp-text": raw({"alg": "RS256"}, {"iss": "iss", "exp": "soon"}),
    "none": raw({"alg": "none"}, {"iss": "iss"}, b""),
    "none-signed": raw({"alg": "none"}, {"iss": "iss"}),
    "confused": with_secret_of_public_key(),
    "no-alg": raw({}, {"iss": "iss"}),
    "unknown-alg": raw({"alg": "XX"}, {"iss": "iss"}),
    "header-no-json": raw(b"{", {"iss": "iss"}),
    "payload-no-json": raw({"alg": "RS256"}, b"{"),
    "bad-signature": f"{HEAD}.{PAYLOAD}.{SIGNATURE[:-6]}AAAAAA",
    "changed-payload": f"{HEAD}.{b64(json.dumps({'iss': 'iss', 'stage': 'canary'}).encode())}.{SIGNATURE}",
    "two-parts": f"{HEAD}.{PAYLOAD}",
    "four-parts": f"{GOOD}.x",
    "not-base64": "?.?.?",
    "empty": "",
    "list-claim": token({"stage": ["a", "b"], "n": 1.5}),
    "boolean-claim": token({"stage": True, "n": -1, "user": {"name": ""}}),
    "missing-claims": token({"stage": ..., "user": ..., "n": None}),
}
REQUESTS: dict[str, tuple[tuple[str, str], ...]] = {
    **{name: (("authorization", f"Bearer {text}"), ("x-stage", "forged")) for name, text in TOKENS.items()},
    "nothing": (("x-stage", "forged"), ("x-n", "1"), ("x-name", "2")),
    "basic": (("authorization", "Basic abc"),),
    "over-https": (("x-forwarded-proto", "https"),),
    "over-anything": (("x-forwarded-proto", "gopher"), ("authorization", "Bearer x")),
    "lower-case": (("authorization", f"bearer {GOOD}"),),
    "trailing-space": (("authorization", f"Bearer {GOOD}   "),),
    **{
        f"{tier}-{name}": (("x-tier", tier), *held)
        for tier in ("gold", "tin")
        for name, held in (
            ("nothing", ()),
            ("good", (("authorization", f"Bearer {GOOD}"),)),
            ("missing-claims", (("authorization", f"Bearer {TOKENS['missing-claims']}"),)),
        )
    },
}


def hosts() -> tuple[VirtualHost, ...]:
    """A virtual host for each set of rules; what they add to answers shows on refusals, too."""
    shown = HeaderMutations(response_add=(HeaderValue("x-shown", "yes"),))
    guarded = tuple(
        VirtualHost(name, (name,), (_by_tier(name), to("up", f"/{name}")), shown, policies=Policies(jwt=rules))
        for name, rules in RULES.items()
    )
    free = VirtualHost("free", ("free",), (_by_tier("free"), to("up", "/free")))
    return (*guarded, free, VirtualHost("others", ("others",), (to("up"),), policies=Policies(jwt=OTHERS)))


def _by_tier(name: str) -> Route:
    """A route for those whose tier says so, which tells the upstream."""
    gold = HeaderMatcher(TIER.header, ValueKind.EXACT, "gold")
    match = RouteMatch(PathMatcher(PathKind.PREFIX, f"/{name}"), headers=(gold,))
    return replace(to("up"), matches=(match,), headers=HeaderMutations(request_add=(HeaderValue("x-by", "tier"),)))


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Run both proxies in front of an upstream that shows what reached it."""
    folder: Path = tmp_path_factory.mktemp("jwt")
    with ExitStack() as stack:
        up = stack.enter_context(envoy.mirror())
        served = Model(hosts(), (Cluster("up", ClusterType.STATIC, (up.endpoint,)),))
        theirs = stack.enter_context(envoy.running(envoy.bootstrap(served), folder))
        ours = stack.enter_context(edgesims({"any": served}, folder, None, ""))
        yield theirs, ours["any"]


def told(port: int, name: str, rules: str, target: str = "") -> tuple[int, Any, Any]:
    """Return what a request comes to: status, the answer's telling fields, and its body or what was forwarded."""
    data = envoy.request("GET", target or f"/{rules}", REQUESTS[name], host=rules)
    answer = envoy.send(port, data)
    fields = {key: answer.headers.get(key) for key in ("www-authenticate", "content-type", "x-shown")}
    if answer.status != 200:
        return answer.status, fields, answer.body.replace(*_QUIRK)
    first, *lines = answer.body.decode().lower().split("\r\n")
    telling = ("x-stage", "x-name", "x-n:", "x-tier", "x-by", "authorization")
    return answer.status, first, sorted(line for line in lines if line.startswith(telling))


@pytest.mark.parametrize("rules", [*RULES, "free"])
def test_envoy_says_the_same_of_every_token(ports: tuple[int, int], rules: str) -> None:
    """Status, challenge, body, and the headers that claims become are Envoy's, each asked twice: memories agree."""
    theirs, ours = ports
    differing = {}
    for name in REQUESTS:
        expected = told(theirs, name, rules)
        for _ in range(2):
            got = told(ours, name, rules)
            if got != expected:
                differing[name] = (expected, got)
    assert differing == {}


def test_tokens_in_the_query_are_found_alike(ports: tuple[int, int]) -> None:
    """A token in `access_token` passes and is taken out of the query."""
    theirs, ours = ports
    for text in (GOOD, TOKENS["expired"], "", "x"):
        for target in (f"/required?access_token={text}", f"/required?a=1&access_token={text}&b=2", "/required?a=1"):
            assert told(ours, "basic", "required", target) == told(theirs, "basic", "required", target)


def test_a_path_without_a_route_is_asked_for_nothing(ports: tuple[int, int]) -> None:
    """Where no route matches, both say 404 whatever the token."""
    for port in ports:
        assert told(port, "nothing", "required", "/else")[0] == 404
