from __future__ import annotations

import pytest

from edgesim.model.policies import ClaimHeader, Jwt, JwtProvider, JwtSource, JwtValidation
from tests.dialects.scenes import TO_ECHO, UPSTREAM, Outcome, route, run, virtual_host

KEY = '{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}'
LOCAL = f"jwks: {{local: {{key: '{KEY}'}}}}"
REMOTE = "url: 'https://idp.example/jwks', upstreamRef: {name: echo, namespace: default}"


def host(text: str) -> Outcome:
    """Translate a virtual host with options."""
    return run(virtual_host(f"options: {{{text}}}\nroutes:\n- {TO_ECHO}"), UPSTREAM)


def rules(text: str) -> Jwt:
    """Return the token rules of a virtual host that has no problem."""
    outcome = host(text)
    assert outcome.problems == []
    found = outcome.hosts[0].policies.jwt
    assert found is not None
    return found


def test_a_local_provider_is_read_whole() -> None:
    """Keys, issuer, audiences, sources, claims and skew reach the model."""
    text = (
        f"jwt: {{validationPolicy: ALLOW_MISSING, providers: {{idp: {{{LOCAL}, issuer: i, audiences: [a, b], "
        "tokenSource: {headers: [{header: X-Token, prefix: 'JWT '}], queryParams: [t]}, keepToken: true, "
        "claimsToHeaders: [{claim: stage, header: X-Stage, append: true}], clockSkewSeconds: 5}}}"
    )
    provider = JwtProvider(
        name="idp",
        issuer="i",
        audiences=("a", "b"),
        jwks=KEY,
        sources=(JwtSource(header="x-token", prefix="JWT "), JwtSource(query="t")),
        keep_token=True,
        claims_to_headers=(ClaimHeader("stage", "x-stage", append=True),),
        clock_skew=5.0,
    )
    assert rules(text) == Jwt((provider,), JwtValidation.ALLOW_MISSING)


def test_a_remote_provider_is_read_whole() -> None:
    """The URL, the cluster the keys are fetched through, and how long they keep."""
    text = f"jwt: {{providers: {{idp: {{jwks: {{remote: {{{REMOTE}, cacheDuration: 10s}}}}}}}}}}"
    provider = JwtProvider("idp", remote_url="https://idp.example/jwks", remote_cluster="echo_default", cache=10.0)
    assert rules(text) == Jwt((provider,))
    assert rules(text.replace(", cacheDuration: 10s", "")).providers[0].cache == 300


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", JwtValidation.REQUIRE_VALID),
        ("validationPolicy: ALLOW_MISSING_OR_FAILED, ", JwtValidation.ALLOW_MISSING_OR_FAILED),
        ("validationPolicy: 1, ", JwtValidation.ALLOW_MISSING),
        ("allowMissingOrFailedJwt: true, ", JwtValidation.ALLOW_MISSING_OR_FAILED),
    ],
)
@pytest.mark.parametrize("stage", ["jwt: %s", "jwtStaged: {beforeExtAuth: %s}", "jwtStaged: {afterExtAuth: %s}"])
def test_policies_in_every_stage(text: str, wanted: JwtValidation, stage: str) -> None:
    """The stages before and after external authorization are one here."""
    assert rules(stage % f"{{{text}providers: {{idp: {{{LOCAL}}}}}}}").validation is wanted


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("jwt: {}", "jwt"),
        ("jwt: {providers: {idp: {}}}", "jwt.providers.idp"),
        ("jwt: {providers: {idp: {jwks: {}}}}", "jwt.providers.idp.jwks"),
        ("jwt: {providers: {idp: {jwks: {local: {}}}}}", "jwt.providers.idp.jwks.local"),
        ("jwt: {providers: {idp: {jwks: {local: {key: ' '}}}}}", "jwt.providers.idp.jwks.local.key"),
        ("jwt: {providers: {idp: {jwks: {local: {key: '{}'}}}}}", "jwt.providers.idp.jwks.local.key"),
        ("jwt: {providers: {idp: {jwks: {local: {key: '-----BEGIN X-----'}}}}}", "jwt.providers.idp.jwks.local.key"),
        ("jwt: {providers: {idp: {jwks: {remote: {url: x, upstreamRef: {name: echo, namespace: default}}}}}}", "jwt.providers.idp.jwks.remote.url"),
        ("jwt: {providers: {idp: {jwks: {remote: {url: 'http://a/b'}}}}}", "jwt.providers.idp.jwks.remote"),
        ("jwt: {providers: {idp: {jwks: {remote: {url: 'http://[', upstreamRef: {name: echo, namespace: default}}}}}}", "jwt.providers.idp.jwks.remote.url"),
        ("jwt: {providers: {idp: {jwks: {remote: {url: 'http://a:b', upstreamRef: {name: echo, namespace: default}}}}}}", "jwt.providers.idp.jwks.remote.url"),
        (f"jwt: {{providers: {{idp: {{jwks: {{remote: {{{REMOTE}, cacheDuration: -1s}}}}}}}}}}", "jwt.providers.idp.jwks.remote.cacheDuration"),
        (f"jwt: {{providers: {{idp: {{{LOCAL}, tokenSource: {{headers: [{{}}]}}}}}}}}", "jwt.providers.idp.tokenSource.headers[0]"),
        (f"jwt: {{providers: {{idp: {{{LOCAL}, claimsToHeaders: [{{header: a}}]}}}}}}", "jwt.providers.idp.claimsToHeaders[0]"),
        (f"jwt: {{providers: {{idp: {{{LOCAL}, claimsToHeaders: [{{claim: a, header: ':a'}}]}}}}}}", "jwt.providers.idp.claimsToHeaders[0]"),
        (f"jwtStaged: {{beforeExtAuth: {{providers: {{a: {{{LOCAL}}}}}}}, afterExtAuth: {{}}}}", "jwtStaged.afterExtAuth"),
    ],
)  # fmt: skip
def test_invalid_rules_are_an_error(text: str, field: str) -> None:
    """Each at the field that is wrong, or at its owner where it is missing."""
    problem = host(text).only()
    assert (problem.code, problem.field) == ("ES0242", f"spec.virtualHost.options.{field}")


def test_keys_through_a_missing_upstream_are_an_error() -> None:
    """The namespace is not defaulted; the hint says which upstream was meant."""
    problem = host("jwt: {providers: {idp: {jwks: {remote: {url: 'http://a/b', upstreamRef: {name: echo}}}}}}").only()
    assert (problem.code, problem.hint) == ("ES0242", "did you mean `echo` in the namespace `default`?")


@pytest.mark.parametrize(
    ("text", "disabled"),
    [
        ("jwt: {disable: true}", True),
        ("jwtStaged: {beforeExtAuth: {disable: true}}", True),
        ("jwtStaged: {afterExtAuth: {disable: true}, beforeExtAuth: {}}", True),
        ("jwt: {disable: false}", False),
        ("jwtStaged: {}", False),
    ],
)
@pytest.mark.parametrize("action", [TO_ECHO, "directResponseAction: {status: 200}\n"])
def test_a_route_switches_the_rules_off(text: str, disabled: bool, action: str) -> None:
    """In any stage, on any action; no other word of a route's counts."""
    outcome = run(route(f"{action}options: {{{text}}}\n"), UPSTREAM)
    assert outcome.problems == []
    assert outcome.routes[0].policies.jwt == (Jwt(disabled=True) if disabled else None)


def test_enterprise_fields_are_no_error() -> None:
    """Edgesim behaves as Gloo Enterprise: what it does not simulate is noted, no more."""
    assert host("extauth: {configRef: {name: a}}, waf: {}").codes == ["ES0601", "ES0601"]
