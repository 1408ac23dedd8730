"""The options of Gloo Edge's virtual hosts, routes and weighted destinations.

Source: Gloo's options.proto and its imports; `gloo-edge` reference sections 4.2 and 6.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import field

from edgesim.dialects.schema.common import NOT_SIMULATED, Duration, FreeForm, NotSimulated, OneOf, Ref, Strict, UInt32
from edgesim.dialects.schema.jwt import JwtRoute, JwtVirtualHost, StagedJwtRoute, StagedJwtVirtualHost


class HeaderPair(Strict, frozen=True):
    """A header's name and value."""

    key: str = ""
    value: str = ""


class RequestHeaderToAdd(Strict, frozen=True):
    """A request header to add; `append` missing means true (section 6.6)."""

    ONE_OF: ClassVar[OneOf] = (("header", "headerSecretRef"),)

    header: HeaderPair | None = None
    header_secret_ref: NotSimulated = None
    append: bool | None = None


class ResponseHeaderToAdd(Strict, frozen=True):
    """A response header to add; `append` missing means true (section 6.6)."""

    header: HeaderPair | None = None
    append: bool | None = None


class HeaderManipulation(Strict, frozen=True):
    """Headers added and removed at one level (section 6.6)."""

    request_headers_to_add: tuple[RequestHeaderToAdd, ...] = ()
    request_headers_to_remove: tuple[str, ...] = ()
    response_headers_to_add: tuple[ResponseHeaderToAdd, ...] = ()
    response_headers_to_remove: tuple[str, ...] = ()


class RegexPattern(Strict, frozen=True):
    """Envoy's RegexMatcher; `googleRe2.maxProgramSize` is Envoy's old per-regex limit."""

    regex: str = ""
    google_re2: FreeForm = None


class RegexMatchAndSubstitute(Strict, frozen=True):
    """A pattern and what replaces each of its matches."""

    pattern: RegexPattern | None = None
    substitution: str = ""


class BackOff(Strict, frozen=True):
    """Retry back-off."""

    base_interval: Duration | None = None
    max_interval: Duration | None = None


class RetryPolicy(Strict, frozen=True):
    """Retries (section 6.2)."""

    retry_on: str = ""
    num_retries: UInt32 = 0
    per_try_timeout: Duration | None = None
    retry_back_off: BackOff | None = None
    retriable_status_codes: tuple[UInt32, ...] = ()
    previous_priorities: NotSimulated = None
    rate_limited_retry_back_off: NotSimulated = None


class CorsPolicy(Strict, frozen=True):
    """CORS (section 6.7)."""

    allow_origin: tuple[str, ...] = ()
    allow_origin_regex: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: str = ""
    allow_credentials: bool = False
    disable_for_route: bool = False


class FaultAbort(Strict, frozen=True):
    """An injected error (section 6.5)."""

    percentage: float = 0.0
    http_status: UInt32 = 0


class FaultDelay(Strict, frozen=True):
    """An injected delay (section 6.5)."""

    percentage: float = 0.0
    fixed_delay: Duration | None = None


class RouteFaults(Strict, frozen=True):
    """Fault injection (section 6.5)."""

    abort: FaultAbort | None = None
    delay: FaultDelay | None = None


class RouteShadowing(Strict, frozen=True):
    """Mirroring to another upstream (section 6.3)."""

    upstream: Ref | None = None
    percentage: float = 0.0
    disable_shadow_host_suffix_append: bool | None = None
    host_rewrite_literal: str = ""


class HashCookie(Strict, frozen=True):
    """A cookie to hash on (section 6.4)."""

    name: str = ""
    ttl: Duration | None = None
    path: str = ""


class HashPolicy(Strict, frozen=True):
    """One input of the hash (section 6.4)."""

    ONE_OF: ClassVar[OneOf] = (("header", "cookie", "sourceIp"),)

    header: str | None = None
    cookie: HashCookie | None = None
    source_ip: bool | None = None
    terminal: bool = False


class LbHash(Strict, frozen=True):
    """What a hashing load balancer hashes (section 6.4)."""

    hash_policies: tuple[HashPolicy, ...] = ()


class MaxStreamDuration(Strict, frozen=True):
    """Limits on the life of a stream; gRPC's are not simulated."""

    max_stream_duration: Duration | None = None
    grpc_timeout_header_max: Annotated[Duration | None, NOT_SIMULATED] = None
    grpc_timeout_header_offset: Annotated[Duration | None, NOT_SIMULATED] = None


class UpgradeSwitch(Strict, frozen=True):
    """Whether a protocol upgrade is taken; missing means yes."""

    enabled: bool | None = None


class Upgrade(Strict, frozen=True):
    """One protocol upgrade (section 6.1)."""

    ONE_OF: ClassVar[OneOf] = (("websocket", "connect", "connectTerminate"),)

    websocket: UpgradeSwitch | None = None
    connect: UpgradeSwitch | None = None
    connect_terminate: NotSimulated = None


class FractionalPercent(Strict, frozen=True):
    """Envoy's FractionalPercent."""

    numerator: UInt32 = 0
    denominator: Literal["HUNDRED", "TEN_THOUSAND", "MILLION", 0, 1, 2] = "HUNDRED"


class RuntimeFraction(Strict, frozen=True):
    """Envoy's RuntimeFractionalPercent; there is no runtime here, so the default counts."""

    default_value: FractionalPercent | None = None
    runtime_key: FreeForm = None


class StringMatcher(Strict, frozen=True):
    """Envoy's StringMatcher."""

    ONE_OF: ClassVar[OneOf] = (("exact", "prefix", "suffix", "safeRegex"),)

    exact: str | None = None
    prefix: str | None = None
    suffix: str | None = None
    safe_regex: RegexPattern | None = None
    ignore_case: bool = False


class CsrfPolicy(Strict, frozen=True):
    """Cross-site request forgery (section 6.1)."""

    filter_enabled: RuntimeFraction | None = None
    shadow_enabled: RuntimeFraction | None = None
    additional_origins: tuple[StringMatcher, ...] = ()


class BufferSettings(Strict, frozen=True):
    """Envoy's buffer filter."""

    max_request_bytes: UInt32 | None = None


class BufferPerRoute(Strict, frozen=True):
    """The buffer filter at one level (section 6.1)."""

    ONE_OF: ClassVar[OneOf] = (("disabled", "buffer"),)

    disabled: bool | None = None
    buffer: BufferSettings | None = None


class TokenBucket(Strict, frozen=True):
    """A local rate limit (section 6.1)."""

    max_tokens: UInt32 = 0
    tokens_per_fill: UInt32 | None = None
    fill_interval: Duration | None = None


class RateLimit(Strict, frozen=True):
    """Rate limits; those of a rate limit server are not simulated."""

    local_ratelimit: TokenBucket | None = None
    rate_limits: NotSimulated = None
    include_vh_rate_limits: NotSimulated = None


MergeSettings = Literal["DEFAULT", "UNION", 0, 1]


class CorsPolicyMergeSettings(Strict, frozen=True):
    """How a route's CORS policy joins the virtual host's; Gloo itself joins `exposeHeaders` only."""

    allow_origin: Annotated[MergeSettings | None, NOT_SIMULATED] = None
    allow_origin_regex: Annotated[MergeSettings | None, NOT_SIMULATED] = None
    allow_methods: Annotated[MergeSettings | None, NOT_SIMULATED] = None
    allow_headers: Annotated[MergeSettings | None, NOT_SIMULATED] = None
    expose_headers: MergeSettings | None = None
    max_age: Annotated[MergeSettings | None, NOT_SIMULATED] = None
    allow_credentials: Annotated[MergeSettings | None, NOT_SIMULATED] = None


class DelegateOptionsRefs(Strict, frozen=True):
    """References to RouteOption or VirtualHostOption objects."""

    delegate_options: tuple[Ref, ...] = ()


class SharedOptions(Strict, frozen=True):
    """Options that virtual hosts and routes both have (section 6.1)."""

    ONE_OF: ClassVar[OneOf] = (
        ("ratelimit", "rateLimitConfigs"),
        ("ratelimitEarly", "rateLimitEarlyConfigs"),
        ("ratelimitRegular", "rateLimitRegularConfigs"),
        ("jwt", "jwtStaged", "jwtProvidersStaged"),
    )

    header_manipulation: HeaderManipulation | None = None
    retries: RetryPolicy | None = None
    cors: CorsPolicy | None = None
    csrf: CsrfPolicy | None = None
    buffer_per_route: BufferPerRoute | None = None
    staged_transformations: NotSimulated = None
    transformations: NotSimulated = None
    ratelimit_basic: NotSimulated = None
    ratelimit: RateLimit | None = None
    rate_limit_configs: NotSimulated = None
    ratelimit_early: RateLimit | None = None
    rate_limit_early_configs: NotSimulated = None
    ratelimit_regular: NotSimulated = None
    rate_limit_regular_configs: NotSimulated = None
    extauth: NotSimulated = None
    waf: NotSimulated = None
    rbac: NotSimulated = None
    dlp: NotSimulated = None
    ext_proc: NotSimulated = None
    ext_proc_early: NotSimulated = None
    ext_proc_late: NotSimulated = None
    extensions: NotSimulated = None


class VirtualHostOptions(SharedOptions, frozen=True):
    """Options of a virtual host."""

    cors_policy_merge_settings: CorsPolicyMergeSettings | None = None
    include_request_attempt_count: bool | None = None
    include_attempt_count_in_response: bool | None = None
    jwt: JwtVirtualHost | None = None
    jwt_staged: StagedJwtVirtualHost | None = None
    stats: NotSimulated = None


class RouteOptions(SharedOptions, frozen=True):
    """Options of a route; those of forwarding are ignored on other actions (section 6.1)."""

    ONE_OF: ClassVar[OneOf] = (
        *SharedOptions.ONE_OF,
        ("hostRewrite", "autoHostRewrite", "hostRewriteHeader", "hostRewritePathRegex"),
    )

    prefix_rewrite: str | None = None
    regex_rewrite: RegexMatchAndSubstitute | None = None
    timeout: Duration | None = None
    host_rewrite: str | None = None
    auto_host_rewrite: bool | None = None
    host_rewrite_header: str | None = None
    host_rewrite_path_regex: RegexMatchAndSubstitute | None = None
    append_x_forwarded_host: bool | None = field(default=None, name="appendXForwardedHost")
    idle_timeout: Duration | None = None
    max_stream_duration: MaxStreamDuration | None = None
    faults: RouteFaults | None = None
    shadowing: RouteShadowing | None = None
    lb_hash: LbHash | None = None
    upgrades: tuple[Upgrade, ...] | None = None
    tracing: NotSimulated = None
    envoy_metadata: dict[str, FreeForm] | None = None
    jwt: JwtRoute | None = None
    jwt_staged: StagedJwtRoute | None = None
    jwt_providers_staged: NotSimulated = None
    ai: NotSimulated = None
    stateful_session: NotSimulated = None


class WeightedDestinationOptions(Strict, frozen=True):
    """Options of one arm of a split (section 4.2)."""

    header_manipulation: HeaderManipulation | None = None
    transformations: NotSimulated = None
    staged_transformations: NotSimulated = None
    buffer_per_route: BufferPerRoute | None = None
    csrf: CsrfPolicy | None = None
    extauth: NotSimulated = None
    extensions: NotSimulated = None
