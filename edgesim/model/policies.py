"""What Envoy's router and filters are told per weighted cluster, route and virtual host.

The most specific level that says something wins as a whole (Envoy's per-filter config): nothing inside
one policy is merged. Durations are in seconds; fractions are millionths, Gloo's resolution (reference,
sections 6 and 13.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When and how often to try again (section 6.2). `retry_on` holds Envoy's condition names."""

    retry_on: tuple[str, ...] = ()
    num_retries: int = 1
    per_try_timeout: float | None = None
    base_interval: float = 0.025
    max_interval: float | None = None
    retriable_status_codes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """Delays and aborts to inject (section 6.5); the delay comes first."""

    delay_millionths: int = 0
    delay: float = 0.0
    abort_millionths: int = 0
    abort_status: int = 0


@dataclass(frozen=True, slots=True)
class Cors:
    """Cross-origin rules (section 6.7); `disabled` switches a virtual host's rules off for a route."""

    allow_origin: tuple[str, ...] = ()
    allow_origin_regex: tuple[str, ...] = ()
    allow_methods: str = ""
    allow_headers: str = ""
    expose_headers: str = ""
    max_age: str = ""
    allow_credentials: bool = False
    disabled: bool = False


class StringMatchKind(StrEnum):
    """Envoy's StringMatcher."""

    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"
    REGEX = "regex"


@dataclass(frozen=True, slots=True)
class StringMatch:
    """One pattern for a string."""

    kind: StringMatchKind
    value: str
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Csrf:
    """Cross-site request forgery rules: fractions enforced and only watched, and origins allowed besides the own."""

    enforced_millionths: int = 0
    shadow_millionths: int = 0
    additional_origins: tuple[StringMatch, ...] = ()


@dataclass(frozen=True, slots=True)
class LocalRateLimit:
    """A token bucket in each worker; `fill_interval` is at least 0.05 s in Envoy."""

    max_tokens: int
    tokens_per_fill: int = 1
    fill_interval: float = 1.0


@dataclass(frozen=True, slots=True)
class Mirror:
    """Shadow traffic (section 6.3). `host` replaces the Host literally; otherwise `-shadow` is appended to it."""

    cluster: str
    millionths: int = 0
    append_suffix: bool = True
    host: str = ""


class HashKind(StrEnum):
    """What a hash policy hashes."""

    HEADER = "header"
    COOKIE = "cookie"
    SOURCE_IP = "source_ip"


@dataclass(frozen=True, slots=True)
class HashPolicy:
    """One input of the hash (section 6.4). `ttl` None means the cookie is never generated, 0 a session cookie."""

    kind: HashKind
    name: str = ""
    ttl: float | None = None
    path: str = ""
    terminal: bool = False


@dataclass(frozen=True, slots=True)
class BufferLimit:
    """The largest request body to take whole before anything is forwarded; None switches buffering off."""

    max_bytes: int | None


@dataclass(frozen=True, slots=True)
class JwtSource:
    """Where a token is looked for: a header with a prefix before the token, or a query parameter."""

    header: str = ""
    prefix: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True)
class ClaimHeader:
    """A claim to copy into a request header; `append` adds to a header the client sent."""

    claim: str
    header: str
    append: bool = False


@dataclass(frozen=True, slots=True)
class JwtProvider:
    """Who signs tokens, and what a token of theirs must say.

    The keys are inline (`jwks`, a JWKS or PEM text) or fetched from `remote_url` through the cluster
    `remote_cluster` and kept for `cache` seconds.
    """

    name: str
    issuer: str = ""
    audiences: tuple[str, ...] = ()
    jwks: str = ""
    remote_url: str = ""
    remote_cluster: str = ""
    cache: float = 300.0
    sources: tuple[JwtSource, ...] = ()
    keep_token: bool = False
    claims_to_headers: tuple[ClaimHeader, ...] = ()
    clock_skew: float = 60.0


class JwtValidation(StrEnum):
    """Which requests pass."""

    REQUIRE_VALID = "require_valid"
    ALLOW_MISSING = "allow_missing"
    ALLOW_MISSING_OR_FAILED = "allow_missing_or_failed"


@dataclass(frozen=True, slots=True)
class Jwt:
    """Token rules of a virtual host; on a route only `disabled` is used."""

    providers: tuple[JwtProvider, ...] = ()
    validation: JwtValidation = JwtValidation.REQUIRE_VALID
    disabled: bool = False


class OnEmpty(StrEnum):
    """What becomes of a request whose destination has no endpoint that may be used.

    FAIL answers 503, as Envoy does. REDISTRIBUTE chooses again among the other arms of the split, by their weights.
    FALLBACK takes any endpoint of the cluster whose subset has none; one whose health is failing rather than none.
    """

    FAIL = "fail"
    REDISTRIBUTE = "redistribute"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class Policies:
    """All policies of one level; None means this level says nothing.

    `idle_timeout` and `max_stream_duration` are in seconds, 0 switching them off. `upgrades` names the
    protocols a route takes (lower case) and whether it does. `sticky_weights` lets the hash choose the arm
    of a split as well, `faults_by_header` lets requests ask for faults where their route has none, `on_empty` says
    what happens where nobody could answer (all three edgesim's own, asked for in `envoyMetadata`).
    """

    retries: RetryPolicy | None = None
    fault: Fault | None = None
    cors: Cors | None = None
    csrf: Csrf | None = None
    local_rate_limit: LocalRateLimit | None = None
    mirror: Mirror | None = None
    hash_policies: tuple[HashPolicy, ...] = ()
    buffer: BufferLimit | None = None
    jwt: Jwt | None = None
    idle_timeout: float | None = None
    max_stream_duration: float | None = None
    upgrades: tuple[tuple[str, bool], ...] = ()
    sticky_weights: bool = False
    faults_by_header: bool = False
    on_empty: OnEmpty | None = None
    append_x_forwarded_host: bool = False
    include_attempt_count: bool = False
    include_attempt_count_in_response: bool = False


NO_POLICIES = Policies()
