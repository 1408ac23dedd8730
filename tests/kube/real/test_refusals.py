"""Bad manifests, and what kubectl prints: the same as against a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kube.real import binaries
from tests.kube.real.cluster import Cluster, documents, eventually
from tests.kube.validation import manifests as m

pytestmark = pytest.mark.slow
versions = pytest.mark.parametrize("version", [binaries.OLDEST, binaries.NEWEST])

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
BAD: list[tuple[str, dict[str, Any], str]] = [
    (m.DEPLOYMENT, {"spec__replicaz": 2}, 'Error from server (BadRequest): error when creating "STDIN": Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replicaz"'),
    (m.DEPLOYMENT, {"spec__replicas": "many"}, 'Error from server (BadRequest): error when creating "STDIN": Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32'),
    (m.DEPLOYMENT, {"spec__replicas": -1}, 'The Deployment "echo" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'),
    (m.DEPLOYMENT, {"spec__template__metadata__labels": {"app": "x"}}, 'The Deployment "echo" is invalid: spec.template.metadata.labels: Invalid value: map[string]string{"app":"x"}: `selector` does not match template `labels`'),
    (m.DEPLOYMENT, {"spec__selector": ..., "spec__template__spec__containers__0__image": ...}, 'The Deployment "echo" is invalid: \n* spec.selector: Required value\n* spec.template.metadata.labels: Invalid value: map[string]string{"app":"echo"}: `selector` does not match template `labels`\n* spec.template.spec.containers[0].image: Required value'),
    (m.DEPLOYMENT, {"metadata__name": "X_y"}, f'The Deployment "X_y" is invalid: metadata.name: Invalid value: "X_y": {SUBDOMAIN}'),
    (m.SERVICE, {"spec__ports": [{"port": 0}]}, 'The Service "echo" is invalid: spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive'),
    (m.SERVICE, {"spec__type": "Edge"}, 'The Service "echo" is invalid: spec.type: Unsupported value: "Edge": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'),
    (m.SECRET, {"data": {"a": "plain text"}}, 'Error from server (BadRequest): error when creating "STDIN": Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 5'),
    (m.CONFIG_MAP, {"data": {"..a": "b"}}, "The ConfigMap \"c\" is invalid: data[..a]: Invalid value: \"..a\": must not start with '..'"),
    (m.BINDING, {"roleRef__kind": "Rule"}, 'The RoleBinding "team" is invalid: roleRef.kind: Unsupported value: "Rule": supported values: "Role", "ClusterRole"'),
    (m.VIRTUAL_SERVICE, {"spec__virtualHost__domain": []}, 'Error from server (BadRequest): error when creating "STDIN": VirtualService in version "v1" cannot be handled as a VirtualService: strict decoding error: unknown field "spec.virtualHost.domain"'),
    (m.VIRTUAL_SERVICE, {"spec__virtualHost__domains": "*"}, 'The VirtualService "echo" is invalid: spec.virtualHost.domains: Invalid value: "string": spec.virtualHost.domains in body must be of type array: "string"'),
]  # fmt: skip


def of(namespace: str, text: str, **changes: Any) -> str:
    """Return a manifest in a namespace, changed."""
    return documents(m.manifest(text, metadata__namespace=namespace, **changes))


@versions
def test_bad_manifests_are_refused_as_a_cluster_does(kube: Cluster, namespace: str, version: str) -> None:
    """For each, kubectl create prints what it prints against a cluster, and nothing is stored."""
    for text, changes, said in BAD:
        printed = kube.refuses("create", "-f", "-", stdin=of(namespace, text, **changes), version=version)
        assert printed == said
    for kind in ("deployments", "services", "secrets", "rolebindings", "virtualservices"):
        assert kube.kubectl("get", kind, "-n", namespace, version=version).out == ""


@versions
def test_what_never_changes_is_refused_at_apply(kube: Cluster, namespace: str, version: str) -> None:
    """The selector, a Service's address, a Secret's type and a binding's role stay."""
    for text in (m.DEPLOYMENT, m.SERVICE, m.SECRET, m.BINDING):
        kube.says("apply", "-f", "-", stdin=of(namespace, text), version=version)
    address = ("get", "svc/echo", "-n", namespace, "-o", "jsonpath={.spec.clusterIP}")
    eventually(lambda: kube.says(*address) != "", "the Service has no address")
    other = {"app": "other"}
    moved = of(namespace, m.DEPLOYMENT, spec__selector__matchLabels=other, spec__template__metadata__labels=other)
    assert kube.refuses("apply", "-f", "-", stdin=moved, version=version) == (
        'The Deployment "echo" is invalid: spec.selector: Invalid value: v1.LabelSelector{MatchLabels:'
        'map[string]string{"app":"other"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable'
    )
    headless = of(namespace, m.SERVICE, spec__clusterIP="None")
    assert kube.refuses("apply", "-f", "-", stdin=headless, version=version) == (
        'The Service "echo" is invalid: spec.clusterIPs[0]: Invalid value: []string{"None"}: may not change once set'
    )
    typed = of(namespace, m.SECRET, type="mine")
    said = kube.refuses("apply", "-f", "-", stdin=typed, version=version)
    assert said == 'The Secret "s" is invalid: type: Invalid value: "mine": field is immutable'
    said = kube.refuses("apply", "-f", "-", stdin=of(namespace, m.BINDING, roleRef__name="x"), version=version)
    assert said.endswith('Kind:"Role", Name:"x"}: cannot change roleRef')


@versions
def test_what_is_unknown_is_pruned_with_a_warning(kube: Cluster, namespace: str, version: str) -> None:
    """`--validate=warn` keeps the object without the field; `--validate=ignore` does so in silence."""
    typo = of(namespace, m.DEPLOYMENT, spec__replicaz=2)
    warned = kube.kubectl("create", "--validate=warn", "-f", "-", stdin=typo, version=version)
    assert (warned.code, warned.err) == (0, 'Warning: unknown field "spec.replicaz"\n')
    shown = kube.says("get", "deploy/echo", "-n", namespace, "-o", "jsonpath={.spec.replicaz}", version=version)
    assert shown == ""
    assert kube.says("replace", "--validate=false", "-f", "-", stdin=typo, version=version).endswith("replaced")


def test_what_is_sound_stays_as_it_is(kube: Cluster, namespace: str) -> None:
    """Applying again, also on the server's side, finds nothing to change: defaults are stable."""
    ann = {"kind": "User", "name": "ann", "apiGroup": "rbac.authorization.k8s.io"}  # a list is compared whole
    binding = of(namespace, m.BINDING, metadata__name="sound", subjects=[ann])
    texts = (m.DEPLOYMENT, m.POD, m.SERVICE, m.SECRET, m.CONFIG_MAP, m.ROLE, m.AUTOSCALER)
    for sound in (*(of(namespace, text, metadata__name="sound") for text in texts), binding):
        assert kube.says("apply", "-f", "-", stdin=sound).endswith("created")
        assert kube.says("apply", "-f", "-", stdin=sound).endswith("unchanged")
        assert kube.kubectl("diff", "-f", "-", stdin=sound).out == ""
