"""Token rules in Gloo Enterprise's shape (reference section 6.1)."""

from __future__ import annotations

from urllib.parse import urlsplit

from edgesim.dialects.gloo.durations import seconds
from edgesim.dialects.gloo.guesses import dotted
from edgesim.dialects.gloo.matchers import is_header_name
from edgesim.dialects.gloo.names import cluster_name
from edgesim.dialects.gloo.scope import Reporter, guess
from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema import jwt as schema
from edgesim.dialects.schema.options import RouteOptions, VirtualHostOptions
from edgesim.model.policies import ClaimHeader, Jwt, JwtProvider, JwtSource, JwtValidation

_POLICIES = (JwtValidation.REQUIRE_VALID, JwtValidation.ALLOW_MISSING, JwtValidation.ALLOW_MISSING_OR_FAILED)
_NAMES = ("REQUIRE_VALID", "ALLOW_MISSING", "ALLOW_MISSING_OR_FAILED")
_CACHE = 300.0
_SKEW = 60.0


def host_jwt(given: VirtualHostOptions, path: FieldPath, reporter: Reporter) -> Jwt | None:
    """Read the token rules of a virtual host; the stages before and after external authorization are one."""
    if given.jwt is not None:
        return _rules(given.jwt, (*path, "jwt"), reporter)
    if given.jwt_staged is None:
        return None
    at = (*path, "jwtStaged")
    before, after = given.jwt_staged.before_ext_auth, given.jwt_staged.after_ext_auth
    if before is not None and after is not None:
        text = "edgesim has one stage for tokens: `beforeExtAuth` and `afterExtAuth` cannot both have rules"
        reporter.report("ES0242", (*at, "afterExtAuth"), text)
    if before is not None:
        return _rules(before, (*at, "beforeExtAuth"), reporter)
    return None if after is None else _rules(after, (*at, "afterExtAuth"), reporter)


def route_jwt(given: RouteOptions) -> Jwt | None:
    """Read whether a route switches the rules off, in whichever stage."""
    staged = given.jwt_staged
    stages = (given.jwt, staged.before_ext_auth, staged.after_ext_auth) if staged is not None else (given.jwt,)
    return Jwt(disabled=True) if any(stage is not None and stage.disable for stage in stages) else None


def _rules(given: schema.JwtVirtualHost, path: FieldPath, reporter: Reporter) -> Jwt:
    policy = given.validation_policy
    validation = _POLICIES[policy if isinstance(policy, int) else _NAMES.index(policy)]
    if given.allow_missing_or_failed_jwt:
        validation = JwtValidation.ALLOW_MISSING_OR_FAILED
    if not given.providers:
        reporter.report("ES0242", path, "token rules need a provider", "add `providers`")
    providers = (
        _provider(name, provider, (*path, "providers", name), reporter)
        for name, provider in (given.providers or {}).items()
    )
    return Jwt(tuple(providers), validation)


def _provider(name: str, given: schema.JwtProvider, path: FieldPath, reporter: Reporter) -> JwtProvider:
    remote = given.jwks.remote if given.jwks is not None else None
    local = given.jwks.local if given.jwks is not None else None
    if remote is None and local is None:
        at = path if given.jwks is None else (*path, "jwks")
        reporter.report("ES0242", at, f"the provider `{name}` has no keys", "add `jwks.local` or `jwks.remote`")
    if local is not None:
        _check_keys(local.key, (*path, "jwks", "local"), reporter)
    if remote is not None:
        _check_remote(remote, (*path, "jwks", "remote"), reporter)
    ref = remote.upstream_ref if remote is not None else None
    return JwtProvider(
        name=name,
        issuer=given.issuer,
        audiences=given.audiences,
        jwks=local.key if local is not None else "",
        remote_url=remote.url if remote is not None else "",
        remote_cluster=cluster_name(ref.namespace, ref.name) if ref is not None else "",
        cache=seconds(remote.cache_duration) if remote is not None and remote.cache_duration else _CACHE,
        sources=_sources(given.token_source, (*path, "tokenSource"), reporter),
        keep_token=given.keep_token,
        claims_to_headers=_claims(given.claims_to_headers, (*path, "claimsToHeaders"), reporter),
        clock_skew=_SKEW if given.clock_skew_seconds is None else float(given.clock_skew_seconds),
    )


def _check_keys(key: str, path: FieldPath, reporter: Reporter) -> None:
    if not key.strip():
        reporter.report("ES0242", (*path, "key") if key else path, "the key is empty")
        return
    fault = reporter.scope.fault_of("keys", key)
    if fault:
        reporter.report("ES0242", (*path, "key"), fault, "it is a JWK, a JWKS, or a public key in PEM")


def _check_remote(given: schema.RemoteJwks, path: FieldPath, reporter: Reporter) -> None:
    if not _is_url(given.url):
        text = f"the url of the keys must be an absolute http(s) URL, got {given.url!r}"
        reporter.report("ES0242", (*path, "url") if given.url else path, text)
    if given.cache_duration is not None and seconds(given.cache_duration) < 0:
        text = f"cacheDuration cannot be negative, got {given.cache_duration}"
        reporter.report("ES0242", (*path, "cacheDuration"), text)
    ref = given.upstream_ref
    if ref is None:
        reporter.report("ES0242", path, "remote keys need an `upstreamRef`, through which they are fetched")
    elif (ref.namespace, ref.name) not in reporter.scope.upstreams:
        name = (ref.namespace, ref.name)
        text = f"the upstream of the keys is missing: list did not find upstream {dotted(name)}"
        reporter.report("ES0242", (*path, "upstreamRef"), text, guess(name, reporter.scope.upstreams))


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # brackets that hold no address, a port that is no number
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0


def _sources(given: schema.TokenSource | None, path: FieldPath, reporter: Reporter) -> tuple[JwtSource, ...]:
    if given is None:
        return ()  # Envoy's own then
    for index, source in enumerate(given.headers):
        if not is_header_name(source.header):
            reporter.report("ES0242", (*path, "headers", index), f"{source.header!r} is not a header name")
    headers = (JwtSource(header=source.header.lower(), prefix=source.prefix) for source in given.headers)
    return (*headers, *(JwtSource(query=name) for name in given.query_params))


def _claims(given: tuple[schema.ClaimToHeader, ...], path: FieldPath, reporter: Reporter) -> tuple[ClaimHeader, ...]:
    for index, item in enumerate(given):
        if not item.claim:
            reporter.report("ES0242", (*path, index), "a claim needs a name", "add `claim`")
        if not is_header_name(item.header):
            reporter.report("ES0242", (*path, index), f"{item.header!r} is not a header name")
    return tuple(ClaimHeader(item.claim, item.header.lower(), item.append) for item in given)
