"""Token rules as Envoy's jwt_authn filter: providers and requirements on the listener, named by virtual hosts.

Providers are named `VIRTUAL_HOST/PROVIDER`, because each virtual host has its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import ceil

from edgesim.dialects.envoy.form import Json, seconds, typed, used
from edgesim.model import VirtualHost
from edgesim.model.policies import ClaimHeader, Jwt, JwtProvider, JwtSource, JwtValidation
from edgesim.policies.jwt_keys import KeysError, jwks_of_pem

_FETCH_TIMEOUT = 5.0
"""Seconds, as Gloo tells Envoy."""
_MISSING: dict[JwtValidation, list[Json]] = {
    JwtValidation.REQUIRE_VALID: [],
    JwtValidation.ALLOW_MISSING: [{"allow_missing": {}}],
    JwtValidation.ALLOW_MISSING_OR_FAILED: [{"allow_missing_or_failed": {}}],
}


def requirement(host: VirtualHost) -> Json:
    """Return the part of a virtual host that says by which requirement its tokens are checked."""
    return typed("filters.http.jwt_authn.v3.PerRouteConfig", requirement_name=host.name)


def authentication(hosts: Sequence[VirtualHost]) -> Json:
    """Return the filter's configuration for all virtual hosts of a listener that have token rules."""
    rules = {host.name: host.policies.jwt for host in hosts if host.policies.jwt is not None}
    return typed(
        "filters.http.jwt_authn.v3.JwtAuthentication",
        providers={
            _name(host, provider): _provider(provider) for host, jwt in rules.items() for provider in jwt.providers
        }
        or None,
        requirement_map={host: _requirement(host, jwt) for host, jwt in rules.items()} or None,
    )


def _name(host: str, provider: JwtProvider) -> str:
    return f"{host}/{provider.name}"


def _requirement(host: str, jwt: Jwt) -> Json:
    asked: list[Json] = [{"provider_name": _name(host, provider)} for provider in jwt.providers]
    asked += _MISSING[jwt.validation]
    return {"requires_any": {"requirements": asked}} if len(asked) > 1 else asked[0]


def _provider(provider: JwtProvider) -> Json:
    """Return a JwtProvider; the route is chosen again with the claims in the headers."""
    return {
        **used(issuer=provider.issuer, audiences=[*provider.audiences]),
        **_keys(provider),
        **used(
            from_headers=[_header(each) for each in provider.sources if each.header],
            from_params=[each.query for each in provider.sources if each.query],
            forward=provider.keep_token,
            claim_to_headers=[*map(_claim, provider.claims_to_headers)],
            clear_route_cache=bool(provider.claims_to_headers),
        ),
        "clock_skew_seconds": ceil(provider.clock_skew),
    }


def _keys(provider: JwtProvider) -> Json:
    if not provider.remote_url:
        return {"local_jwks": {"inline_string": inline_keys(provider.jwks)}}
    uri = {"uri": provider.remote_url, "cluster": provider.remote_cluster, "timeout": seconds(_FETCH_TIMEOUT)}
    return {"remote_jwks": {"http_uri": uri, "cache_duration": seconds(provider.cache)}}


def inline_keys(text: str) -> str:
    """Return keys as the JWKS that Envoy wants, whether they are one, a single JWK or PEM texts."""
    if "-----BEGIN" in text:
        try:
            return jwks_of_pem(text)
        except KeysError:
            return text
    try:
        document = json.loads(text)
    except ValueError:
        return text
    single = isinstance(document, dict) and "kty" in document
    return json.dumps({"keys": [document]}) if single else text


def _header(source: JwtSource) -> Json:
    return {"name": source.header, **used(value_prefix=source.prefix)}


def _claim(claim: ClaimHeader) -> Json:
    return {"header_name": claim.header, "claim_name": claim.claim}


def claim_headers(host: VirtualHost) -> list[str]:
    """Return the headers that claims of a virtual host's tokens are copied to."""
    jwt = host.policies.jwt
    providers = () if jwt is None else jwt.providers
    return sorted({claim.header for provider in providers for claim in provider.claims_to_headers})
