"""JSON Web Tokens, in the shape of Gloo Enterprise's jwt.proto (reference section 6.1)."""

from __future__ import annotations

from typing import ClassVar, Literal

from edgesim.dialects.schema.common import Duration, NotSimulated, OneOf, Ref, Strict, UInt32


class RemoteJwks(Strict, frozen=True):
    """Keys that are fetched from an upstream."""

    url: str = ""
    upstream_ref: Ref | None = None
    cache_duration: Duration | None = None
    async_fetch: NotSimulated = None


class LocalJwks(Strict, frozen=True):
    """Keys that are written down: a JWK, a JWKS or PEM."""

    key: str = ""


class Jwks(Strict, frozen=True):
    """Where the keys of a provider are."""

    ONE_OF: ClassVar[OneOf] = (("remote", "local"),)

    remote: RemoteJwks | None = None
    local: LocalJwks | None = None


class HeaderSource(Strict, frozen=True):
    """A header that holds a token, after a prefix."""

    header: str = ""
    prefix: str = ""


class TokenSource(Strict, frozen=True):
    """Where a token is looked for; by default in `authorization`, and in the parameter `access_token`."""

    headers: tuple[HeaderSource, ...] = ()
    query_params: tuple[str, ...] = ()


class ClaimToHeader(Strict, frozen=True):
    """A claim to copy into a request header."""

    claim: str = ""
    header: str = ""
    append: bool = False


class JwtProvider(Strict, frozen=True):
    """Who signs tokens, and what they must say."""

    jwks: Jwks | None = None
    audiences: tuple[str, ...] = ()
    issuer: str = ""
    token_source: TokenSource | None = None
    keep_token: bool = False
    claims_to_headers: tuple[ClaimToHeader, ...] = ()
    clock_skew_seconds: UInt32 | None = None
    attach_failed_status_to_metadata: NotSimulated = None


class JwtVirtualHost(Strict, frozen=True):
    """The token rules of a virtual host; `allowMissingOrFailedJwt` is the old word for the last policy."""

    providers: dict[str, JwtProvider] | None = None
    validation_policy: Literal["REQUIRE_VALID", "ALLOW_MISSING", "ALLOW_MISSING_OR_FAILED", 0, 1, 2] = "REQUIRE_VALID"
    allow_missing_or_failed_jwt: bool = False


class StagedJwtVirtualHost(Strict, frozen=True):
    """The same before or after external authorization, which edgesim does not have."""

    before_ext_auth: JwtVirtualHost | None = None
    after_ext_auth: JwtVirtualHost | None = None


class JwtRoute(Strict, frozen=True):
    """Switches the virtual host's rules off."""

    disable: bool = False


class StagedJwtRoute(Strict, frozen=True):
    """The same for each stage."""

    before_ext_auth: JwtRoute | None = None
    after_ext_auth: JwtRoute | None = None
