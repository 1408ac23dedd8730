"""A model that says everything a model can say, each field something else than its default."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from edgesim.dialects.envoy import Json, Kind
from edgesim.model import (
    Assignments,
    BalancerKind,
    Certificate,
    CircuitBreakers,
    Cluster,
    ClusterType,
    ConnectionSettings,
    Destination,
    DirectResponseAction,
    DownstreamTls,
    Endpoint,
    FallbackPolicy,
    ForwardAction,
    GrpcCheck,
    HeaderMatcher,
    HeaderMutations,
    HeaderValue,
    HealthCheck,
    HostRewrite,
    HostRewriteKind,
    HttpCheck,
    InheritedOption,
    Listener,
    ListenerOptions,
    LoadBalancer,
    Locality,
    Model,
    OnEmpty,
    OriginStep,
    OutlierDetection,
    PathKind,
    PathMatcher,
    Policies,
    QueryMatcher,
    RedirectAction,
    RegexRewrite,
    Route,
    RouteMatch,
    ServiceRef,
    SlowStart,
    SubsetConfig,
    SubsetSelector,
    TcpCheck,
    TcpKeepalive,
    UpstreamTls,
    ValueKind,
    VirtualHost,
    WeightedCluster,
)
from edgesim.model.policies import (
    BufferLimit,
    ClaimHeader,
    Cors,
    Csrf,
    Fault,
    HashKind,
    HashPolicy,
    Jwt,
    JwtProvider,
    JwtSource,
    JwtValidation,
    LocalRateLimit,
    Mirror,
    RetryPolicy,
    StringMatch,
    StringMatchKind,
)
from tests.dialects.certificates import pair
from tests.policies.signing import jwks

STEP = OriginStep("VirtualService", "team", "shop", "vs.yaml", ("spec", "virtualHost", "routes", 0))
ORIGIN = (STEP,)
ROOT = (PathMatcher(PathKind.PREFIX, "/"),)
CHANGES = HeaderMutations(
    (HeaderValue("x-added", "%REQ(x-a)%", append=False), HeaderValue("x-more", "1")),
    ("x-gone",),
    (HeaderValue("x-shown", "yes"),),
    ("x-hidden",),
)
SUBSET = (("version", "v2"),)
RATE = LocalRateLimit(10, 2, 0.5)
CSRF = Csrf(500_000, 1000, (StringMatch(StringMatchKind.SUFFIX, "example", ignore_case=True),))
REMOTE = JwtProvider("remote", remote_url="http://keys.test/jwks", remote_cluster="keys", cache=60.0)
SOURCES = (JwtSource("authorization", "Bearer "), JwtSource(query="token"))


@cache
def certificate(name: str = "a.example") -> Certificate:
    """Return a certificate and its key."""
    made = pair(name)
    return Certificate(made.chain, made.key)


def own_provider() -> JwtProvider:
    """Return a provider with keys of its own."""
    claims = (ClaimHeader("stage", "x-stage", append=True),)
    return JwtProvider(
        "own", "iss", ("api",), jwks(), sources=SOURCES, keep_token=True, claims_to_headers=claims, clock_skew=30.0
    )


def policies() -> Policies:
    """Return policies of a route that forwards, with everything."""
    return Policies(
        retries=RetryPolicy(("5xx", "retriable-status-codes"), 3, 0.5, 0.05, 1.0, (409,)),
        fault=Fault(250_000, 2.0, 100_000, 503),
        cors=Cors(("https://a.test",), (".*",), "GET", "x-a", "x-b", "60", allow_credentials=True, disabled=True),
        csrf=CSRF,
        local_rate_limit=RATE,
        mirror=Mirror("shadow", 500_000, append_suffix=False, host="shadow.test"),
        hash_policies=(
            HashPolicy(HashKind.HEADER, "x-user", terminal=True),
            HashPolicy(HashKind.COOKIE, "user", 60.0, "/shop"),
            HashPolicy(HashKind.SOURCE_IP),
        ),
        buffer=BufferLimit(1000),
        jwt=Jwt(disabled=True),
        idle_timeout=7.0,
        max_stream_duration=70.0,
        upgrades=(("websocket", False), ("connect", True)),
        sticky_weights=True,
        on_empty=OnEmpty.REDISTRIBUTE,
        append_x_forwarded_host=True,
    )


def matches() -> tuple[RouteMatch, ...]:
    """Return matches of every kind."""
    headers = (HeaderMatcher("stage", ValueKind.EXACT, "canary", invert=True), HeaderMatcher("x", ValueKind.PRESENT))
    query = (QueryMatcher("v", ValueKind.REGEX, "[0-9]+"), QueryMatcher("w", ValueKind.PRESENT))
    return (
        RouteMatch(PathMatcher(PathKind.PREFIX, "/a", case_sensitive=False), headers, query, ("GET", "POST")),
        RouteMatch(PathMatcher(PathKind.EXACT, "/b")),
        RouteMatch(PathMatcher(PathKind.REGEX, "/c/.*")),
    )


def split() -> ForwardAction:
    """Return a split whose arms have options."""
    own = Policies(buffer=BufferLimit(None), csrf=CSRF)
    arm = WeightedCluster(Destination("static", SUBSET), 90, CHANGES, own)
    rewrite = RegexRewrite("/c(.*)", r"\1")
    host = HostRewrite(HostRewriteKind.LITERAL, "inner.test")
    return ForwardAction(
        weighted=(arm, WeightedCluster(Destination("followed"), 10)),
        regex_rewrite=rewrite,
        host_rewrite=host,
        timeout=3.5,
    )


def _route(path: str, action: Any, number: int, **more: Any) -> Route:
    return Route((RouteMatch(PathMatcher(PathKind.PREFIX, path)),), action, number=number, origin=ORIGIN, **more)


def routes() -> tuple[Route, ...]:
    """Return routes with every action."""
    by_path = HostRewrite(HostRewriteKind.PATH_REGEX, regex=RegexRewrite("/(.*)", r"\1"))
    inherited = (InheritedOption("timeout", STEP),)
    return (
        Route(matches(), split(), CHANGES, "split", 1, ORIGIN, policies(), inherited),
        _route("/auto", ForwardAction(Destination("dns"), host_rewrite=HostRewrite(HostRewriteKind.AUTO)), 2),
        _route(
            "/header",
            ForwardAction(
                Destination("static", SUBSET),
                prefix_rewrite="/x",
                host_rewrite=HostRewrite(HostRewriteKind.HEADER, "x-host"),
            ),
            3,
        ),
        _route(
            "/path",
            ForwardAction(Destination("answering"), host_rewrite=by_path),
            4,
            policies=Policies(faults_by_header=True),
        ),
        _route("/named", ForwardAction(cluster_header="x-cluster", timeout=0.0), 5),
        _route("/missing", ForwardAction(Destination("nowhere")), 6),
        _route("/moved", RedirectAction(308, "h.test", "/p", port=444, https=True, strip_query=True), 7),
        _route("/prefix", RedirectAction(302, prefix_rewrite="/z"), 8),
        _route("/regex", RedirectAction(regex_rewrite=RegexRewrite("a", "b")), 9),
        _route("/fixed", DirectResponseAction(418, "teapot" * 1000), 10),
    )


def hosts() -> tuple[VirtualHost, ...]:
    """Return virtual hosts with and without TLS."""
    own = Policies(
        retries=RetryPolicy(("reset",)),
        cors=Cors(("*",)),
        jwt=Jwt((own_provider(), REMOTE), JwtValidation.ALLOW_MISSING),
        include_attempt_count=True,
        include_attempt_count_in_response=True,
    )
    asked = DownstreamTls(
        certificate(),
        ("a.example", "*.b.example"),
        pair("ca").chain,
        minimum_version="TLSv1_2",
        maximum_version="TLSv1_3",
        verify_names=("client.test",),
    )
    two_ways = DownstreamTls(certificate("c.example"), root_ca=pair("ca").chain, one_way=True, alpn=())
    return (
        VirtualHost("plain", ("shop.test", "*.shop.test"), routes(), CHANGES, ORIGIN, own),
        VirtualHost("other", ("other.test",), routes()[1:2], origin=ORIGIN),
        VirtualHost("secure", ("a.example",), routes()[:1], origin=ORIGIN, tls=asked),
        VirtualHost("any", ("c.example",), routes()[1:2], origin=ORIGIN, tls=two_ways),
    )


def listeners() -> tuple[Listener, ...]:
    """Return listeners, one of them with every option."""
    options = ListenerOptions(
        use_remote_address=True,
        internal_addresses=("10.0.0.0/8",),
        xff_trusted_hops=1,
        skip_xff_append=True,
        generate_request_id=False,
        preserve_external_request_id=True,
        server_name="edge",
        suppress_envoy_headers=True,
        most_specific_mutations_win=True,
        accept_http_10=True,
        default_host_for_http_10="old.test",
        normalize_path=False,
        merge_slashes=True,
        strip_any_host_port=True,
        allow_connect=True,
        websocket=False,
        max_headers_bytes=32 * 1024,
        max_headers=50,
        max_connections=100,
        header_timeout=5.0,
        request_timeout=50.0,
        idle_timeout=600.0,
        stream_idle_timeout=100.0,
        max_stream_duration=1000.0,
        buffer_bytes=100_000,
        csrf=CSRF,
        local_rate_limit=RATE,
    )
    return (
        Listener("plain", 0, options=options, address="127.0.0.1", virtual_hosts=frozenset({"plain"}), origin=ORIGIN),
        Listener("both", 0, address="::1"),
        Listener("tls", 0, tls=True, address="127.0.0.1", origin=ORIGIN),
    )


def checks() -> tuple[HealthCheck, ...]:
    """Return health checks of every kind."""
    headers = HeaderMutations((HeaderValue("x-check", "1"),), ("x-gone",))
    http = HttpCheck("/health", "check.test", "HEAD", ((200, 300), (404, 405)), headers, http2=True)
    tcp, grpc = TcpCheck(b"ping", (b"pong", b"!")), GrpcCheck("shop", "shop.test")
    whole = HealthCheck(1.0, 5.0, 2, 3, http, 0.5, 0.25, 10, 9.0, 2.0, 3.0, 4.0, reuse_connection=False)
    return (
        whole,
        HealthCheck(1.0, 5.0, 2, 3, tcp),
        HealthCheck(1.0, 5.0, 2, 3, grpc),
    )


def outlier() -> OutlierDetection:
    """Return an outlier detection none of whose fields is Envoy's default."""
    return OutlierDetection(
        6,
        11.0,
        31.0,
        301.0,
        12,
        90,
        91,
        6,
        101,
        1800,
        7,
        50,
        True,
        8,
        60,
        61,
    )


def clusters() -> tuple[Cluster, ...]:
    """Return clusters of every type, with every option somewhere."""
    place = Locality("eu", "eu-1", "rack-1")
    endpoints = (
        Endpoint("127.0.0.1", 1, SUBSET, 3, "one.test", "pod-1", "one.example", 0, place, 5),
        Endpoint("127.0.0.1", 2, (("version", ""),), priority=1),
    )
    selectors = (SubsetSelector(("version",), single_host_per_subset=True), SubsetSelector(("stage", "version")))
    subsets = SubsetConfig(selectors, FallbackPolicy.DEFAULT_SUBSET, SUBSET)
    connection = ConnectionSettings(2.0, 100, TcpKeepalive(3, 60, 10), 90.0, 65536)
    tls = UpstreamTls(
        "up.example",
        pair("ca").chain,
        certificate("client"),
        ("up.example",),
        minimum_version="TLSv1_2",
        maximum_version="TLSv1_3",
    )
    least = LoadBalancer(
        BalancerKind.LEAST_REQUEST,
        3,
        slow_start=SlowStart(30.0, 2.0, 20.0),
        panic_threshold=0.0,
        use_hostname_for_hashing=True,
        close_connections_on_host_set_change=True,
    )
    ring = LoadBalancer(BalancerKind.RING_HASH, minimum_ring_size=2048, maximum_ring_size=4096)
    host = Endpoint("localhost", 80, hostname="localhost")
    return (
        Cluster(
            "static",
            ClusterType.STATIC,
            endpoints,
            subsets=subsets,
            connection=connection,
            origin=ORIGIN,
            tls=tls,
            breakers=CircuitBreakers(10, 20, 30, 4),
            balancer=least,
            health_checks=checks(),
            outlier=outlier(),
            overprovisioning_factor=200,
            ignore_health_on_host_removal=True,
            http2=True,
        ),
        Cluster("dns", ClusterType.STRICT_DNS, (host,), balancer=ring, dns_refresh_rate=1.5, respect_dns_ttl=True),
        Cluster(
            "keys",
            ClusterType.STATIC,
            endpoints[:1],
            balancer=LoadBalancer(BalancerKind.MAGLEV),
            outlier=OutlierDetection(),
        ),
        Cluster(
            "shadow",
            ClusterType.STATIC,
            endpoints[:1],
            balancer=LoadBalancer(BalancerKind.RANDOM, locality_weighted=True),
        ),
        Cluster(
            "followed",
            ClusterType.EDS,
            service=ServiceRef("team", "shop", 80, (("stage", "canary"),)),
            subsets=subsets,
            origin=ORIGIN,
        ),
        Cluster(
            "answering", ClusterType.DIRECT_RESPONSE, origin=ORIGIN, response=DirectResponseAction(404, "Gone away.")
        ),
    )


@cache
def everything() -> Model:
    """Return the model."""
    return Model(hosts(), clusters(), listeners())


ASSIGNMENTS: Assignments = {"followed": (Endpoint("127.0.0.1", 3, SUBSET, pod="shop-1"),)}


def by_ads(kind: Kind, name: str) -> Json:
    """Fetch everything from one management server."""
    del kind, name
    return {"ads": {}, "resource_api_version": "V3"}


def in_files(folder: Path) -> Any:
    """Return a source by which each resource, and the lists of listeners and clusters, is a file of its own."""

    def source(kind: Kind, name: str) -> Json:
        path = folder / f"{kind.name.lower()}-{name}.json"
        return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}

    return source
