"""Clusters of every type as Envoy's Cluster."""

from __future__ import annotations

from collections.abc import Sequence

from edgesim.dialects.envoy.balancers import balancing, subsets
from edgesim.dialects.envoy.endpoints import SERVER_NAME, load_assignment
from edgesim.dialects.envoy.form import Form, Json, Kind, Part, given, seconds, typed, used
from edgesim.dialects.envoy.health import circuit_breakers, health_checks, outlier_detection
from edgesim.dialects.envoy.responses import response_endpoint
from edgesim.dialects.envoy.tls import upstream_socket
from edgesim.model import Cluster, ClusterType, ConnectionSettings, Endpoint, ServiceRef

_DNS = "STRICT_DNS"
_USUAL_REFRESH = 5.0
_USUAL_IDLE = 3600.0


def cluster(given_cluster: Cluster, endpoints: Sequence[Endpoint] | None, form: Form) -> Part:
    """Return a Cluster; `endpoints` are those of an EDS cluster, None where nobody knows any.

    Of an EDS cluster that is not fetched the endpoints become static; where nobody knows them, they are what its
    Service's name leads to in a Kubernetes cluster.
    """
    config = given_cluster
    discovery = _discovery(config, endpoints, form)
    made: Json = {
        "name": config.name,
        **discovery,
        "connect_timeout": seconds(config.connection.connect_timeout),
        **balancing(config, by_dns=discovery["type"] == _DNS),
        **used(
            lb_subset_config=None if config.subsets is None else subsets(config.subsets),
            health_checks=health_checks(config.health_checks),
            circuit_breakers=circuit_breakers(config.breakers),
            upstream_connection_options=_keepalive(config.connection),
            typed_extension_protocol_options=_protocol(config),
        ),
        **given(
            outlier_detection=None if config.outlier is None else outlier_detection(config.outlier),
            per_connection_buffer_limit_bytes=config.connection.buffer_limit,
        ),
        **_sockets(config, endpoints, form),
    }
    return Part(made, config.origin)


def _discovery(config: Cluster, endpoints: Sequence[Endpoint] | None, form: Form) -> Json:
    """Return where a cluster's endpoints come from."""
    if config.type is ClusterType.DIRECT_RESPONSE:
        return {"type": "STATIC", "load_assignment": response_endpoint(config)}
    if config.type is ClusterType.EDS:
        return _followed(config, endpoints, form)
    assignment = load_assignment(config, config.endpoints)
    if config.type is ClusterType.STATIC:
        return {"type": "STATIC", "load_assignment": assignment}
    return {"type": _DNS, **_dns(config), "load_assignment": assignment}


def _followed(config: Cluster, endpoints: Sequence[Endpoint] | None, form: Form) -> Json:
    if form.source is not None:
        return {"type": "EDS", "eds_cluster_config": {"eds_config": form.source(Kind.ENDPOINTS, config.name)}}
    if endpoints is None and config.service is not None:
        service = [service_endpoint(config.service), *config.endpoints]
        return {"type": _DNS, **_dns(config), "load_assignment": load_assignment(config, service)}
    return {"type": "STATIC", "load_assignment": load_assignment(config, (*(endpoints or ()), *config.endpoints))}


def service_endpoint(service: ServiceRef) -> Endpoint:
    """Return a Service as one endpoint, by the name that leads to it in a Kubernetes cluster."""
    name = f"{service.name}.{service.namespace}.svc.cluster.local"
    return Endpoint(name, service.port, hostname=name)


def _dns(config: Cluster) -> Json:
    refresh = config.dns_refresh_rate
    return {
        "dns_lookup_family": "V4_ONLY",
        **({} if refresh == _USUAL_REFRESH else {"dns_refresh_rate": seconds(refresh)}),
        **used(respect_dns_ttl=config.respect_dns_ttl),
    }


def _keepalive(connection: ConnectionSettings) -> Json:
    alive = connection.tcp_keepalive
    if alive is None:
        return {}
    probes = given(keepalive_probes=alive.probes, keepalive_time=alive.time, keepalive_interval=alive.interval)
    return {"tcp_keepalive": probes}


def _protocol(config: Cluster) -> Json:
    """Return the options of HTTP, where any is not Envoy's default."""
    connection = config.connection
    idle, most = connection.idle_timeout, connection.max_requests_per_connection
    common = {
        **({} if idle == _USUAL_IDLE else {"idle_timeout": seconds(idle)}),
        **used(max_requests_per_connection=most),
    }
    if not common and not config.http2:
        return {}
    spoken = "http2_protocol_options" if config.http2 else "http_protocol_options"
    name = "upstreams.http.v3.HttpProtocolOptions"
    options = typed(name, **used(common_http_protocol_options=common), explicit_http_config={spoken: {}})
    return {f"envoy.extensions.{name}": options}


def _sockets(config: Cluster, endpoints: Sequence[Endpoint] | None, form: Form) -> Json:
    """Return the TLS towards endpoints, with a socket of its own for each server name that endpoints have."""
    tls = config.tls
    if tls is None:
        return {}
    names = dict.fromkeys(each.sni for each in (*config.endpoints, *(endpoints or ())) if each.sni)
    matches = [
        {"name": name, "match": {SERVER_NAME: name}, "transport_socket": upstream_socket(tls, form, name)}
        for name in names
    ]
    return {"transport_socket": upstream_socket(tls, form), **used(transport_socket_matches=matches)}
