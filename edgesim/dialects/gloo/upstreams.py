"""Upstreams become clusters (reference section 7)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import cast

import msgspec

from edgesim.dialects.gloo.connections import breakers_of, connection_of, dns_refresh_rate
from edgesim.dialects.gloo.destinations import subset_of
from edgesim.dialects.gloo.failover import failover_endpoints, overprovisioning_factor
from edgesim.dialects.gloo.health_checks import health_checks_of
from edgesim.dialects.gloo.load_balancing import balancer_of
from edgesim.dialects.gloo.memo import Memo
from edgesim.dialects.gloo.names import cluster_name, kube_upstream_name
from edgesim.dialects.gloo.outliers import outlier_of
from edgesim.dialects.gloo.scope import Place, Reporter, Scope, guess, mark_replaced
from edgesim.dialects.gloo.tls import upstream_tls
from edgesim.dialects.resource import FieldPath, Resource
from edgesim.dialects.schema import upstream as schema
from edgesim.dialects.schema.kubernetes import Service
from edgesim.model import (
    Cluster,
    ClusterType,
    Endpoint,
    FallbackPolicy,
    ServiceRef,
    SubsetConfig,
    SubsetSelector,
    UpstreamTls,
)

_FALLBACK = (FallbackPolicy.ANY_ENDPOINT, FallbackPolicy.DEFAULT_SUBSET, FallbackPolicy.NO_FALLBACK)
_FALLBACK_NAMES = ("ANY_ENDPOINT", "DEFAULT_SUBSET", "NO_FALLBACK")


def read_upstreams(resources: Iterable[Resource], scope: Scope, memo: Memo) -> tuple[Cluster, ...]:
    """Translate every Upstream; one with an error has no cluster, so that its requests are answered 503.

    Where Settings replace invalid routes it has a cluster that answers as those do.
    """
    found = (memo.recall(resource, scope, partial(_read, resource, scope)) for resource in resources)
    return tuple(cluster for cluster in found if cluster is not None)


def _read(resource: Resource, scope: Scope) -> Cluster | None:
    reporter, before = Reporter(scope, resource), len(scope.problems)
    cluster = _cluster(cast(schema.Upstream, resource.typed).spec, reporter)
    if cluster is not None and not reporter.errors:
        return cluster
    mark_replaced(scope, before)
    return _stand_in(reporter)


def _stand_in(reporter: Reporter) -> Cluster | None:
    """Return what answers for an upstream that cannot be reached, if Settings say so (section 8): no route changes."""
    replacement, of = reporter.scope.replacement, reporter.resource
    if replacement is None:
        return None
    name = cluster_name(of.namespace, of.name)
    origin = reporter.origin(())
    return Cluster(name, ClusterType.DIRECT_RESPONSE, origin=origin, response=replacement.response)


def _cluster(spec: schema.UpstreamSpec, reporter: Reporter) -> Cluster | None:
    tls = upstream_tls(spec.ssl_config, ("spec", "sslConfig"), reporter) if spec.ssl_config is not None else None
    if spec.ssl_config is not None and tls is None:
        return None  # its requests must not be sent in the clear
    found = _static(spec, tls, reporter) if spec.static is not None else _kube(spec, tls, reporter)
    if found is None:
        return None
    factor, http2 = overprovisioning_factor(spec.failover, reporter), _speaks_http2(spec, reporter)
    return replace(
        found,
        connection=connection_of(spec.connection_config, reporter),
        breakers=reporter.scope.breakers if spec.circuit_breakers is None else breakers_of(spec.circuit_breakers),
        balancer=balancer_of(spec.load_balancer_config, found.type, reporter),
        health_checks=health_checks_of(spec.health_checks, reporter, http2=http2),
        outlier=outlier_of(spec.outlier_detection, reporter),
        overprovisioning_factor=factor,
        dns_refresh_rate=dns_refresh_rate(spec.dns_refresh_rate, found.type, reporter),
        respect_dns_ttl=spec.respect_dns_ttl is True,
        ignore_health_on_host_removal=spec.ignore_health_on_host_removal is True,
        http2=http2,
    )


def _static(spec: schema.UpstreamSpec, tls: UpstreamTls | None, reporter: Reporter) -> Cluster:
    """Read the hosts of a static upstream; one DNS name makes the whole cluster STRICT_DNS."""
    assert spec.static is not None
    if tls is None and _uses_tls(spec.static):
        tls = UpstreamTls()
    own = _hosts(spec.static, reporter, sni=tls is not None and spec.static.auto_sni_rewrite is not False)
    endpoints = (*own, *failover_endpoints(spec.failover, reporter))
    kind = ClusterType.STATIC if all(_is_ip(each.address) for each in endpoints) else ClusterType.STRICT_DNS
    return Cluster(_name(reporter), kind, endpoints, origin=reporter.origin(()), tls=tls)


def _kube(spec: schema.UpstreamSpec, tls: UpstreamTls | None, reporter: Reporter) -> Cluster | None:
    """Read the Service of a kube upstream; only endpoints to fail over to are known beforehand."""
    kube = spec.kube
    if kube is None:
        _report_other(spec, reporter)
        return None
    _check_service(kube, reporter)
    selector = tuple(sorted((kube.selector or {}).items()))
    service = ServiceRef(kube.service_namespace, kube.service_name, kube.service_port, selector)
    return Cluster(
        _name(reporter),
        ClusterType.EDS,
        failover_endpoints(spec.failover, reporter),
        service,
        _subsets(kube.subset_spec),
        origin=reporter.origin(()),
        tls=tls,
    )


def _speaks_http2(spec: schema.UpstreamSpec, reporter: Reporter) -> bool:
    """Tell whether Envoy speaks HTTP/2 to an upstream: where it is asked to, or told of gRPC (section 7.5)."""
    typed = spec.static or spec.kube
    service = typed.service_spec if typed is not None else None
    if spec.use_http2 is True:
        text = "edgesim's own proxy sends requests by HTTP/1.1 all the same; health checks by gRPC, and real Envoy, use HTTP/2"
        reporter.report("ES0612", ("spec", "useHttp2"), text)
    return spec.use_http2 is True or (isinstance(service, dict) and "grpc" in service)


def _name(reporter: Reporter) -> str:
    return cluster_name(reporter.resource.namespace, reporter.resource.name)


def _report_other(spec: schema.UpstreamSpec, reporter: Reporter) -> None:
    """Say why an upstream that is neither static nor kube has no cluster."""
    types = schema.UpstreamSpec.ONE_OF[0]
    names = {member.encode_name: member.name for member in msgspec.structs.fields(schema.UpstreamSpec)}
    given = next((name for name in types if getattr(spec, names[name]) is not None), None)
    if given is None:
        text = "the upstream has no type: cluster type STATIC specified but LoadAssignment was empty"
        reporter.report("ES0300", ("spec",), text, "add `static` or `kube`")
    else:
        text = f"upstreams of type {given} are not simulated: its requests are answered 503"
        reporter.report("ES0305", ("spec", given), text)


def _uses_tls(static: schema.StaticSpec) -> bool:
    """Tell whether a static upstream without `sslConfig` speaks TLS: where a port is 443, unless told otherwise."""
    if static.use_tls is not None:
        return static.use_tls
    return any(host.port == 443 for host in static.hosts)


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _hosts(static: schema.StaticSpec, reporter: Reporter, *, sni: bool) -> tuple[Endpoint, ...]:
    """Read the hosts; with `sni` a host's address is its server name too, where it has no `sniAddr`."""
    if not static.hosts:
        text = (
            "cluster was configured improperly by one or more plugins: cluster type STATIC specified but "
            "LoadAssignment was empty"
        )
        reporter.report("ES0301", ("spec", "static"), text, "add `hosts`")
    return tuple(_host(host, ("spec", "static", "hosts", i), reporter, sni=sni) for i, host in enumerate(static.hosts))


def _host(host: schema.StaticHost, path: FieldPath, reporter: Reporter, *, sni: bool) -> Endpoint:
    if not host.addr:
        reporter.report("ES0302", path, "addr cannot be empty for host")
    if host.port == 0:
        reporter.report("ES0303", path, "port cannot be empty for host")
    elif host.port > 65535:
        reporter.report("ES0303", (*path, "port"), f"a port must be 1..65535, got {host.port}")
    if host.load_balancing_weight == 0:
        reporter.report("ES0309", (*path, "loadBalancingWeight"), "loadBalancingWeight must be at least 1")
    name = host.sni_addr or (host.addr if sni else "")
    return Endpoint(host.addr, host.port, weight=host.load_balancing_weight or 1, hostname=host.addr, sni=name)


def _subsets(spec: schema.SubsetSpec | None) -> SubsetConfig | None:
    """Read a subsetSpec; Gloo's default policy is ANY_ENDPOINT, unlike Envoy's own (section 7.3)."""
    if spec is None:
        return None
    policy = spec.fallback_policy
    index = policy if isinstance(policy, int) else _FALLBACK_NAMES.index(policy)
    return SubsetConfig(
        selectors=tuple(SubsetSelector(tuple(sorted(s.keys)), s.single_host_per_subset) for s in spec.selectors),
        fallback=_FALLBACK[index],
        default_subset=subset_of(spec.default_subset),
    )


def _check_service(kube: schema.KubeSpec, reporter: Reporter) -> None:
    of = reporter.resource
    service = reporter.scope.service((kube.service_namespace, kube.service_name))
    if service is None:
        text = (
            f"Upstream {of.namespace}.{of.name} references the service '{kube.service_name}' which does not exist "
            f"in namespace '{kube.service_namespace}'"
        )
        path = ("spec", "kube", "serviceName") if kube.service_name else ("spec", "kube")
        reporter.report(
            "ES0304", path, text, guess((kube.service_namespace, kube.service_name), reporter.scope.services)
        )
        return
    if any(port.port == kube.service_port for port in service.spec.ports):
        return
    path = ("spec", "kube", "servicePort") if kube.service_port else ("spec", "kube")
    if port_behind(service, kube.service_port) is not None:
        text = (
            f"{kube.service_port} is only the target port of service '{kube.service_name}': edgesim finds its pods, "
            "newer Gloo would find none"
        )
        reporter.report("ES0602", path, text, f"the service's port is {service.spec.ports[0].port}")
    else:
        listed = ", ".join(str(port.port) for port in service.spec.ports) or "none"
        text = f"the service '{kube.service_name}' has no port {kube.service_port}: the upstream has no endpoints"
        reporter.report("ES0603", path, text, f"its ports are {listed}")


def port_behind(service: Service, number: int) -> str | None:
    """Find the name of the Service's port that has this number, else of one that leads to it."""
    for port in service.spec.ports:
        if port.port == number:
            return port.name
    for port in service.spec.ports:
        if port.target_port in {number, str(number)}:
            return port.name
    return None


def read_kube_destinations(scope: Scope, memo: Memo) -> tuple[Cluster, ...]:
    """Make the clusters behind `kube` destinations, which routes have named."""
    return tuple(_kube_cluster(*each, scope, memo) for each in scope.kube_destinations)


def _kube_cluster(namespace: str, service: str, port: int, scope: Scope, memo: Memo) -> Cluster:
    name = cluster_name(namespace, kube_upstream_name(namespace, service, port))
    origin = (Place(scope.services[namespace, service], ()).step,)
    of = ServiceRef(namespace, service, port)
    cluster = Cluster(name, ClusterType.EDS, service=of, origin=origin, breakers=scope.breakers)
    old = memo.kept(("kube", name), Cluster)
    cluster = old if old is not None and old == cluster else cluster
    memo.keep(("kube", name), cluster)
    return cluster
