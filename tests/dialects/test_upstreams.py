from __future__ import annotations

from textwrap import dedent

import pytest

from edgesim.model import ClusterType, Endpoint, FallbackPolicy, ServiceRef, SubsetConfig, SubsetSelector
from tests.dialects.scenes import SERVICE, UPSTREAM, run, upstream

KUBE = "kube: {serviceName: echo, serviceNamespace: default, servicePort: 80}\n"


def test_addresses_make_a_static_cluster() -> None:
    """IP addresses, of either family, are STATIC, with weights and hostnames."""
    text = "static: {hosts: [{addr: 127.0.0.1, port: 80, loadBalancingWeight: 3}, {addr: '::1', port: 81}]}\n"
    (cluster,) = run(upstream(text)).clusters
    assert (cluster.name, cluster.type) == ("echo_default", ClusterType.STATIC)
    assert cluster.endpoints == (
        Endpoint("127.0.0.1", 80, weight=3, hostname="127.0.0.1"),
        Endpoint("::1", 81, hostname="::1"),
    )


def test_one_name_makes_the_whole_cluster_dns() -> None:
    """A DNS name among the hosts makes a STRICT_DNS cluster."""
    text = "static: {hosts: [{addr: 127.0.0.1, port: 80}, {addr: echo.example, port: 80}]}\n"
    assert run(upstream(text)).clusters[0].type is ClusterType.STRICT_DNS


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("{addr: '', port: 80}", "ES0302"),
        ("{addr: a, port: 0}", "ES0303"),
        ("{addr: a, port: 65536}", "ES0303"),
        ("{addr: a, port: 1, loadBalancingWeight: 0}", "ES0309"),
    ],
)
def test_a_bad_host_takes_the_cluster_out(host: str, code: str) -> None:
    """An upstream with an error has no cluster, and the others do."""
    outcome = run(upstream(f"static: {{hosts: [{host}]}}\n"), UPSTREAM.replace("name: echo", "name: good"))
    assert outcome.codes == [code]
    assert [cluster.name for cluster in outcome.clusters] == ["good_default"]


def test_a_kube_upstream_follows_its_service() -> None:
    """Service, port, selector and subsets reach the model; the fallback is Gloo's ANY_ENDPOINT."""
    text = """\
        kube:
          serviceName: echo
          serviceNamespace: default
          servicePort: 80
          selector: {b: '2', a: '1'}
          subsetSpec: {selectors: [{keys: [version, stage], singleHostPerSubset: true}]}
        connectionConfig: {connectTimeout: 250ms}
        """
    outcome = run(upstream(dedent(text)), SERVICE)
    assert outcome.problems == []
    (cluster,) = outcome.clusters
    assert cluster.type is ClusterType.EDS
    assert cluster.service == ServiceRef("default", "echo", 80, (("a", "1"), ("b", "2")))
    assert cluster.subsets == SubsetConfig((SubsetSelector(("stage", "version"), single_host_per_subset=True),))
    assert cluster.connection.connect_timeout == 0.25


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ("ANY_ENDPOINT", FallbackPolicy.ANY_ENDPOINT),
        ("DEFAULT_SUBSET", FallbackPolicy.DEFAULT_SUBSET),
        ("NO_FALLBACK", FallbackPolicy.NO_FALLBACK),
        ("1", FallbackPolicy.DEFAULT_SUBSET),
    ],
)
def test_fallback_policies_are_read(policy: str, wanted: FallbackPolicy) -> None:
    """By name or number, with the default subset beside it."""
    spec = f"subsetSpec: {{fallbackPolicy: {policy}, defaultSubset: {{values: {{version: v1}}}}}}"
    (cluster,) = run(upstream(KUBE.replace("}", f", {spec}}}")), SERVICE).clusters
    assert cluster.subsets is not None
    assert (cluster.subsets.fallback, cluster.subsets.default_subset) == (wanted, (("version", "v1"),))


@pytest.mark.parametrize(
    ("service", "hint"),
    [
        (
            SERVICE.replace("{name: echo}", "{name: echo, namespace: other}"),
            "did you mean `echo` in the namespace `other`?",
        ),
        (SERVICE.replace("{name: echo}", "{name: ecko}"), "did you mean `ecko`?"),
        (UPSTREAM.replace("{name: echo}", "{name: unlike}"), ""),
    ],
)
def test_a_missing_service_is_an_error(service: str, hint: str) -> None:
    """The upstream has no cluster; where the service probably is, the hint says."""
    outcome = run(upstream(KUBE), service)
    problem = outcome.only()
    assert problem.code == "ES0304"
    assert problem.message == (
        "Upstream default.echo references the service 'echo' which does not exist in namespace 'default'"
    )
    assert problem.hint == hint
    assert "echo_default" not in [cluster.name for cluster in outcome.clusters]


@pytest.mark.parametrize("target", ["8080", "'8080'"])
def test_the_target_port_is_noted(target: str) -> None:
    """A servicePort that is only the target port still has a cluster, and a note says what newer Gloo does."""
    service = SERVICE.replace("5678", target)
    outcome = run(upstream(KUBE.replace("80", "8080")), service)
    assert outcome.codes == ["ES0602"]
    assert len(outcome.clusters) == 1


def test_a_missing_port_is_noted() -> None:
    """A port that leads nowhere has a cluster without endpoints, and a note lists the real ones."""
    assert run(upstream(KUBE.replace("80", "81")), SERVICE).only().hint == "its ports are 80"
    bare = "kube: {serviceName: echo, serviceNamespace: default}\n"
    outcome = run(upstream(bare), SERVICE)
    assert (outcome.only().code, outcome.only().field) == ("ES0603", "spec.kube")
    none = SERVICE.replace("  ports: [{port: 80, targetPort: 5678}]\n", "")
    assert run(upstream(KUBE), none).only().hint == "its ports are none"


def test_an_empty_kube_names_no_service() -> None:
    """`kube: {}` is an error at the field itself."""
    assert run(upstream("kube: {}\n")).only().field == "spec.kube"


def test_a_group_of_other_destinations_is_left_alone() -> None:
    """A group may name Services; only missing upstreams and nil destinations are its errors."""
    group = (
        "apiVersion: gloo.solo.io/v1\nkind: UpstreamGroup\nmetadata: {name: g}\nspec:\n  destinations:\n"
        "  - {destination: {kube: {ref: {name: a, namespace: b}, port: 80}}, weight: 1}\n"
        "  - {destination: {upstream: {name: unlike-anything}}, weight: 1}\n"
    )
    assert run(group).codes == ["ES0306"]
