"""Random policies, listeners and clusters, as far as the dialects let them into a model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from edgesim.model import (
    BalancerKind,
    CircuitBreakers,
    Cluster,
    ClusterType,
    ConnectionSettings,
    DirectResponseAction,
    Endpoint,
    FallbackPolicy,
    GrpcCheck,
    HealthCheck,
    HttpCheck,
    Listener,
    ListenerOptions,
    LoadBalancer,
    Locality,
    OutlierDetection,
    Policies,
    SlowStart,
    SubsetConfig,
    SubsetSelector,
    TcpCheck,
    TcpKeepalive,
)
from edgesim.model.policies import (
    BufferLimit,
    Cors,
    Csrf,
    Fault,
    HashKind,
    HashPolicy,
    LocalRateLimit,
    Mirror,
    RetryPolicy,
    StringMatch,
    StringMatchKind,
)

names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=8)
percents = st.integers(0, 100)
fractions = st.integers(0, 1_000_000)
counts = st.integers(0, 2**32 - 1)
seconds = st.integers(1, 10**9).map(lambda milliseconds: milliseconds / 1000)
since_zero = st.just(0.0) | seconds
metadata = st.dictionaries(names, st.just("") | names, max_size=2).map(lambda found: tuple(sorted(found.items())))


def some(strategy: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[tuple[Any, ...]]:
    """Draw a tuple of different values."""
    return st.lists(strategy, max_size=most, unique=True).map(tuple)


# -- policies ------------------------------------------------------------------------------------------

retried = st.sampled_from(
    ["5xx", "gateway-error", "reset", "connect-failure", "retriable-status-codes", "refused-stream"]
)


@st.composite
def retries(draw: st.DrawFn) -> RetryPolicy:
    """Draw retries; the longest pause is no shorter than the first."""
    base = draw(seconds)
    longest = draw(st.none() | st.floats(1, 10).map(lambda factor: round(base * factor + 0.001, 3)))
    codes = some(st.integers(100, 599))
    tries = draw(st.none() | seconds)
    return RetryPolicy(draw(some(retried, 3)), draw(st.integers(0, 9)), tries, base, longest, draw(codes))


origins = st.builds(
    StringMatch, st.sampled_from([each for each in StringMatchKind if each != "regex"]), names, st.booleans()
)
csrf = st.builds(Csrf, fractions, fractions, some(origins))
rates = st.builds(
    LocalRateLimit, st.integers(1, 10**6), st.integers(1, 10**6), st.integers(50, 10**6).map(lambda ms: ms / 1000)
)
faults = st.builds(Fault, fractions, since_zero, fractions, st.integers(200, 599))
cors = st.builds(
    Cors,
    some(texts),
    some(st.sampled_from([".*", "https?://a"])),
    texts,
    texts,
    texts,
    st.just("60"),
    st.booleans(),
    st.booleans(),
)
hashed = st.builds(HashPolicy, st.just(HashKind.HEADER), names, terminal=st.booleans())
hashed |= st.builds(
    HashPolicy, st.just(HashKind.COOKIE), names, st.none() | since_zero, st.sampled_from(["", "/a"]), st.booleans()
)
hashed |= st.builds(HashPolicy, st.just(HashKind.SOURCE_IP), terminal=st.booleans())
policies = st.builds(
    Policies,
    retries=st.none() | retries(),
    fault=st.none() | faults,
    cors=st.none() | cors,
    csrf=st.none() | csrf,
    local_rate_limit=st.none() | rates,
    mirror=st.none() | st.builds(Mirror, names, fractions, st.booleans(), st.just("") | names),
    hash_policies=some(hashed),
    buffer=st.none() | st.builds(BufferLimit, st.none() | st.integers(1, 2**32 - 1)),
    idle_timeout=st.none() | since_zero,
    max_stream_duration=st.none() | since_zero,
    upgrades=st.dictionaries(st.sampled_from(["websocket", "spdy/3.1", "connect"]), st.booleans()).map(
        lambda found: tuple(found.items())
    ),
    append_x_forwarded_host=st.booleans(),
    include_attempt_count=st.booleans(),
    include_attempt_count_in_response=st.booleans(),
)

# -- listeners -----------------------------------------------------------------------------------------

options = st.builds(
    ListenerOptions,
    use_remote_address=st.booleans(),
    internal_addresses=some(st.sampled_from(["10.0.0.0/8", "127.0.0.1/32", "::1/128"])),
    xff_trusted_hops=st.integers(0, 5),
    skip_xff_append=st.booleans(),
    generate_request_id=st.booleans(),
    preserve_external_request_id=st.booleans(),
    server_name=names,
    suppress_envoy_headers=st.booleans(),
    most_specific_mutations_win=st.booleans(),
    accept_http_10=st.booleans(),
    default_host_for_http_10=st.just("") | names,
    normalize_path=st.booleans(),
    merge_slashes=st.booleans(),
    strip_any_host_port=st.booleans(),
    allow_connect=st.booleans(),
    websocket=st.booleans(),
    max_headers_bytes=st.integers(1, 8192).map(lambda kib: kib * 1024),
    max_headers=st.integers(1, 10_000),
    max_connections=st.integers(0, 10_000),
    header_timeout=since_zero,
    request_timeout=since_zero,
    idle_timeout=since_zero,
    stream_idle_timeout=since_zero,
    max_stream_duration=since_zero,
    buffer_bytes=st.none() | st.integers(1, 2**32 - 1),
    csrf=st.none() | csrf,
    local_rate_limit=st.none() | rates,
)
listeners = st.builds(lambda found: (Listener("any", 0, address="127.0.0.1", options=found),), options)

# -- clusters ------------------------------------------------------------------------------------------

localities = st.builds(Locality, names, st.just("") | names, st.just("") | names)
spots = st.tuples(localities, st.integers(0, 1000))
endpoints = st.builds(
    Endpoint,
    st.sampled_from(["127.0.0.1", "10.1.2.3", "::1"]),
    st.integers(1, 65535),
    metadata,
    st.integers(1, 1000),
    st.just("") | names,
)


@st.composite
def load(draw: st.DrawFn) -> tuple[Endpoint, ...]:
    """Draw the endpoints of a cluster: priorities without a gap, one weight for each locality."""
    found: list[Endpoint] = []
    for priority in range(draw(st.integers(1, 3))):
        for place, weight in draw(st.lists(spots, min_size=1, max_size=2, unique_by=lambda spot: spot[0])):
            own = draw(st.lists(endpoints, min_size=1, max_size=3, unique_by=lambda each: (each.address, each.port)))
            found += [replace(each, priority=priority, locality=place, locality_weight=weight) for each in own]
    return tuple(found)


slow = st.builds(
    SlowStart, seconds, st.floats(0.1, 5).map(lambda value: round(value, 3)), st.integers(0, 100).map(float)
)


@st.composite
def balancers(draw: st.DrawFn, *, by_name: bool = False) -> LoadBalancer:
    """Draw a balancer; a ring is no larger at least than at most."""
    kind = draw(st.sampled_from([*BalancerKind]))
    least, most = sorted((draw(st.integers(1, 8_388_608)), draw(st.integers(1, 8_388_608))))
    is_slow = kind in {BalancerKind.ROUND_ROBIN, BalancerKind.LEAST_REQUEST}
    return LoadBalancer(
        kind,
        draw(st.integers(2, 50)),
        least,
        most,
        draw(st.none() | slow) if is_slow else None,
        draw(st.floats(0, 100).map(lambda value: round(value, 2))),
        by_name and draw(st.booleans()),
        draw(st.booleans()),
        draw(st.booleans()),
    )


statuses = st.tuples(st.integers(100, 598), st.integers(1, 50)).map(lambda pair: (pair[0], min(600, sum(pair))))
methods = st.sampled_from(["GET", "HEAD", "POST", "OPTIONS"])
asking = st.builds(
    HttpCheck,
    names.map("/{}".format),
    st.just("") | names,
    methods,
    some(statuses).map(lambda found: found or ((200, 201),)),
    http2=st.booleans(),
)
checkers = (
    asking
    | st.builds(TcpCheck, st.binary(max_size=8), some(st.binary(min_size=1, max_size=4)))
    | st.builds(GrpcCheck, st.just("") | names, st.just("") | names)
)
checks = st.builds(
    HealthCheck,
    timeout=seconds,
    interval=seconds,
    unhealthy_threshold=st.integers(0, 1000),
    healthy_threshold=st.integers(0, 1000),
    checker=checkers,
    initial_jitter=since_zero,
    interval_jitter=since_zero,
    interval_jitter_percent=percents,
    no_traffic_interval=seconds,
    unhealthy_interval=st.none() | seconds,
    unhealthy_edge_interval=st.none() | seconds,
    healthy_edge_interval=st.none() | seconds,
    reuse_connection=st.booleans(),
)


@st.composite
def outliers(draw: st.DrawFn) -> OutlierDetection:
    """Draw an outlier detection; its longest ejection is no shorter than the first."""
    base, longest = sorted((draw(seconds), draw(seconds)))
    enforcing = {
        f"enforcing_{cause}": draw(percents)
        for cause in (
            "consecutive_5xx",
            "success_rate",
            "consecutive_gateway_failure",
            "consecutive_local_origin_failure",
        )
    }
    counted = {
        name: draw(counts)
        for name in (
            "consecutive_5xx",
            "success_rate_minimum_hosts",
            "success_rate_request_volume",
            "success_rate_stdev_factor",
            "consecutive_gateway_failure",
            "consecutive_local_origin_failure",
        )
    }
    return OutlierDetection(
        interval=draw(seconds),
        base_ejection_time=base,
        max_ejection_time=longest,
        max_ejection_percent=draw(percents),
        split_external_local_origin_errors=draw(st.booleans()),
        enforcing_local_origin_success_rate=draw(percents),
        **enforcing,
        **counted,
    )


@st.composite
def subset_configs(draw: st.DrawFn) -> SubsetConfig:
    """Draw subsets, each set of keys once."""
    keys = draw(st.lists(st.frozensets(names, min_size=1, max_size=2), min_size=1, max_size=3, unique=True))
    selectors = tuple(SubsetSelector(tuple(sorted(each)), len(each) == 1 and draw(st.booleans())) for each in keys)
    return SubsetConfig(selectors, draw(st.sampled_from([*FallbackPolicy])), draw(metadata))


keepalives = st.builds(TcpKeepalive, *[st.none() | st.integers(1, 2**31 - 1)] * 3)
limits = st.none() | st.integers(0, 2**32 - 1)
connections = st.builds(ConnectionSettings, seconds, st.integers(0, 10**6), st.none() | keepalives, since_zero, limits)


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    """Draw a cluster of any type."""
    kind = draw(st.sampled_from([*ClusterType]))
    name = draw(names)
    if kind is ClusterType.DIRECT_RESPONSE:
        return Cluster(name, kind, response=DirectResponseAction(draw(st.integers(200, 599)), draw(texts)))
    by_name = kind is ClusterType.STRICT_DNS
    found = draw(load())
    subsets = draw(st.none() | subset_configs())
    asked = draw(some(checks, 1))
    return Cluster(
        name,
        kind,
        tuple(replace(each, address=draw(names)) for each in found) if by_name else found,
        subsets=subsets,
        connection=draw(connections),
        breakers=draw(st.builds(CircuitBreakers, counts, counts, counts, counts)),
        balancer=draw(balancers(by_name=by_name)),
        health_checks=asked,
        outlier=draw(st.none() | outliers()),
        overprovisioning_factor=draw(st.integers(1, 1000)),
        dns_refresh_rate=draw(seconds) + 0.001,  # Envoy wants more than a millisecond
        respect_dns_ttl=draw(st.booleans()),
        ignore_health_on_host_removal=draw(st.booleans()),
        http2=any(isinstance(each.checker, GrpcCheck) for each in asked) or draw(st.booleans()),
    )


named_clusters = st.lists(clusters(), max_size=3, unique_by=lambda each: each.name).map(tuple)
