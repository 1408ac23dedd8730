from __future__ import annotations

from typing import Any

import pytest

from tests.kube.validation import manifests as m
from tests.kube.validation.manifests import causes, judged, manifest, stored

PORT = 'TargetPort:intstr.IntOrString{Type:0, IntVal:0, StrVal:""}, NodePort:0}'


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"spec__ports": ...}, ["spec.ports: Required value"]),
        ({"spec__ports": ..., "spec__clusterIP": "None"}, None),
        ({"spec__ports": [{"port": 0}]}, ["spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"]),
        ({"spec__ports": [{"port": 80, "targetPort": "http"}]}, None),
        ({"spec__ports": [{"port": 80, "targetPort": 70000}]}, ["spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive"]),
        ({"spec__ports": [{"port": 1, "name": "a"}, {"port": 2}]}, ["spec.ports[1].name: Required value"]),
        ({"spec__ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "a"}]}, ['spec.ports[1].name: Duplicate value: "a"']),
        (
            {"spec__ports": [{"port": 1, "name": "a"}, {"port": 1, "name": "b"}]},
            [f'spec.ports[1]: Duplicate value: core.ServicePort{{Name:"", Protocol:"TCP", AppProtocol:(*string)(nil), Port:1, {PORT}'],
        ),
        ({"spec__ports": [{"port": 1, "name": "a"}, {"port": 1, "name": "b", "protocol": "UDP"}]}, None),
        ({"spec__type": "Edge"}, ['spec.type: Unsupported value: "Edge": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"']),
        ({"spec__type": "ExternalName"}, ["spec.externalName: Required value"]),
        ({"spec__sessionAffinity": "IP"}, ['spec.sessionAffinity: Unsupported value: "IP": supported values: "ClientIP", "None"']),
        ({"spec__clusterIP": "x"}, ['spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']),
    ],
)  # fmt: skip
def test_services_are_checked(changes: dict[str, Any], said: list[str] | None) -> None:
    """Ports, types and addresses are refused at their paths."""
    body = manifest(m.SERVICE, **changes)
    assert (causes(body) if said else judged(body).status) == said


def test_the_cluster_ip_stays() -> None:
    """A replacement without an address keeps the one assigned, and one with another is refused."""
    old = stored(m.SERVICE)
    old["spec"] |= {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"]}
    assert judged(m.SERVICE, old=old).manifest == old
    other = manifest(m.SERVICE, spec__clusterIP="None")
    said = ['spec.clusterIPs[0]: Invalid value: []string{"None"}: may not change once set']
    assert causes(other, old=old) == said
    patched = manifest(m.SERVICE, spec__clusterIP="None", spec__clusterIPs=["10.96.0.7"])
    assert causes(patched, old=old) == said


def test_what_only_another_type_has_goes_with_it() -> None:
    """A LoadBalancer that becomes a ClusterIP, or an ExternalName, leaves nothing of its own behind."""
    balancer = judged(manifest(m.SERVICE, spec__type="LoadBalancer")).manifest
    plain = manifest(m.SERVICE, spec=balancer["spec"] | {"type": "ClusterIP"})
    assert judged(plain, old=balancer).manifest == stored(m.SERVICE)
    old = stored(m.SERVICE)
    old["spec"] |= {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"]}
    named = manifest(m.SERVICE, spec=old["spec"] | {"type": "ExternalName", "externalName": "a.b"})
    kept = {"selector", "ports", "type", "externalName", "sessionAffinity"}
    assert judged(named, old=old).manifest["spec"].keys() == kept


def test_endpoints_are_addresses() -> None:
    """A subset has addresses, and they are IP addresses."""
    body = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "a", "namespace": "default"}}
    assert causes(body | {"subsets": [{}, {"addresses": [{"ip": "a"}]}]}) == [
        "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
        'subsets[1].addresses[0].ip: Invalid value: "a": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ]
