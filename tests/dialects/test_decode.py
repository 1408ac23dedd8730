from __future__ import annotations

import pytest

from edgesim.dialects import Document, decode, nowhere
from edgesim.model import ResourceKey, Severity
from tests.dialects.scenes import SERVICE, UPSTREAM, run


def manifest(api_version: object, kind: object, **more: object) -> Document:
    return Document({"apiVersion": api_version, "kind": kind, "metadata": {"name": "echo"}, **more}, nowhere("-"))


def test_a_resource_knows_its_identity() -> None:
    """No namespace means `default`, an empty one too, and a Namespace is in none."""
    outcome = run(SERVICE, SERVICE.replace("{name: echo}", "{name: foxtrot, namespace: ''}"))
    assert [resource.key for resource in outcome.resources] == [
        ResourceKey("Service", "default", "echo"),
        ResourceKey("Service", "default", "foxtrot"),
    ]
    namespace = decode(manifest("v1", "Namespace")).resource
    assert namespace is not None
    assert namespace.key == ResourceKey("Namespace", "", "echo")


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("v1", "ComponentStatus"),
        ("v1", "PodTemplate"),
        ("apps/v1", "ControllerRevision"),
        ("gateway.solo.io/v1", "ListenerOption"),
        ("gateway.solo.io/v1", "MatchableHttpGateway"),
        ("networking.istio.io/v1", "VirtualService"),
        ("serving.knative.dev/v1", "Service"),
        ("monitoring.coreos.com/v1", "ServiceMonitor"),
        ("networking.k8s.io/v1", "IngressClass"),
        ("autoscaling/v1", "HorizontalPodAutoscaler"),
        ("gateway.networking.k8s.io/v1", "Gateway"),
    ],
)
def test_a_kind_without_use_gives_one_note(api_version: str, kind: str) -> None:
    """Kinds that edgesim does not simulate are left out with one note each, namesakes of others too."""
    decoded = decode(manifest(api_version, kind))
    assert decoded.resource is None
    (problem,) = decoded.problems
    assert (problem.code, problem.severity) == ("ES0600", Severity.NOTE)
    assert f"kind {kind}" in problem.message
    assert "is not simulated" in problem.message


@pytest.mark.parametrize(
    ("api_version", "kind", "code", "hint"),
    [
        ("gateway.solo.io/v1", "VirtualServce", "ES0101", "did you mean `VirtualService`?"),
        ("gateway.solo.io/v1", "RouteTabel", "ES0101", "did you mean `RouteTable`?"),
        ("v1", "service", "ES0101", "did you mean `Service`?"),
        ("v1", "Xylophone", "ES0101", ""),
        ("gateway.solo.io/v2", "VirtualService", "ES0102", "did you mean `gateway.solo.io/v1`?"),
        ("gateway.solo.oi/v1", "VirtualService", "ES0102", "did you mean `gateway.solo.io/v1`?"),
        ("gatway.solo.io/v1", "VirtualServce", "ES0102", "did you mean `gateway.solo.io/v1`?"),
        ("gatway.solo.io/v1", "ListenerOption", "ES0102", "did you mean `gateway.solo.io/v1`?"),
        ("v1", "Deployment", "ES0102", "did you mean `apps/v1`?"),
        ("extensions/v1beta1", "Deployment", "ES0102", "did you mean `apps/v1`?"),
        ("gloo.solo.io/v1", "VirtualService", "ES0102", "did you mean `gateway.solo.io/v1`?"),
    ],
)
def test_a_misspelt_kind_or_version_is_an_error(api_version: str, kind: str, code: str, hint: str) -> None:
    """Inside the groups edgesim knows, a wrong name is a mistake, with the nearest real name as hint."""
    decoded = decode(manifest(api_version, kind))
    assert decoded.resource is None
    (problem,) = decoded.problems
    assert (problem.code, problem.severity, problem.hint) == (code, Severity.ERROR, hint)


def test_identity_must_be_there() -> None:
    """A document without apiVersion and kind gives a problem for each, with what is there instead."""
    outcome = run("apiversion: v1\nmetadata: {name: x}\n")
    assert outcome.codes == ["ES0100", "ES0100"]
    assert outcome.problems[0].hint == "`apiversion` is there: did you mean `apiVersion`?"


def test_identity_must_be_text() -> None:
    """A number is no apiVersion, a list no kind."""
    assert [problem.code for problem in decode(manifest(1, ["x"])).problems] == ["ES0104", "ES0104"]


def test_a_dump_of_a_cluster_is_read_without_a_word() -> None:
    """What a cluster adds (status, managedFields, uid, ...) is accepted, in a List too."""
    outcome = run(
        """\
        apiVersion: v1
        kind: List
        metadata: {resourceVersion: ""}
        items:
        - apiVersion: gloo.solo.io/v1
          kind: Upstream
          metadata:
            annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}
            creationTimestamp: 2024-01-01T00:00:00Z
            finalizers: []
            generation: 2
            managedFields: [{apiVersion: gloo.solo.io/v1, fieldsV1: {"f:spec": {}}, time: 2024-01-01T00:00:00Z}]
            name: echo
            namespace: gloo-system
            ownerReferences: []
            resourceVersion: "11"
            selfLink: /x
            uid: 6d1d8a4e-0000-0000-0000-000000000000
          spec:
            discoveryMetadata: {}
            static: {hosts: [{addr: 127.0.0.1, port: 80}]}
          status:
            statuses: {gloo-system: {reportedBy: gloo, state: 1}}
        - apiVersion: apps/v1
          kind: Deployment
          metadata: {name: echo, namespace: echo, labels: {app: echo}}
          spec:
            progressDeadlineSeconds: 600
            replicas: 1
            revisionHistoryLimit: 10
            selector: {matchLabels: {app: echo}}
            strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}, type: RollingUpdate}
            template:
              metadata: {creationTimestamp: null, labels: {app: echo}}
              spec:
                containers:
                - args: [-text=hello]
                  image: hashicorp/http-echo
                  imagePullPolicy: Always
                  name: echo
                  ports: [{containerPort: 5678, protocol: TCP}]
                  resources: {}
                  terminationMessagePath: /dev/termination-log
                  terminationMessagePolicy: File
                dnsPolicy: ClusterFirst
                restartPolicy: Always
                schedulerName: default-scheduler
                securityContext: {}
                terminationGracePeriodSeconds: 30
          status: {availableReplicas: 1}
        - apiVersion: v1
          kind: Service
          metadata: {name: echo, namespace: echo}
          spec:
            clusterIP: 10.0.0.1
            clusterIPs: [10.0.0.1]
            internalTrafficPolicy: Cluster
            ipFamilies: [IPv4]
            ipFamilyPolicy: SingleStack
            ports: [{port: 80, protocol: TCP, targetPort: 5678}]
            selector: {app: echo}
            sessionAffinity: None
            type: ClusterIP
          status: {loadBalancer: {}}
        - apiVersion: v1
          kind: Namespace
          metadata: {name: echo, labels: {kubernetes.io/metadata.name: echo}}
          spec: {finalizers: [kubernetes]}
          status: {phase: Active}
        """
    )
    assert outcome.problems == []
    assert len(outcome.resources) == 4


def test_all_problems_of_a_document_have_positions() -> None:
    """Each problem has the resource, the field's path and the place of its key."""
    outcome = run(UPSTREAM.replace("hosts: [{addr: 127.0.0.1, port: 5678}]", "hosts:\n    - addr: 5\n      prt: 80"))
    assert [(each.code, each.field, str(each.position)) for each in outcome.problems] == [
        ("ES0104", "spec.static.hosts[0].addr", "x.yaml:7:7"),
        ("ES0103", "spec.static.hosts[0].prt", "x.yaml:8:7"),
    ]
    assert outcome.resources == []
    assert outcome.problems[0].resource == ResourceKey("Upstream", "default", "echo")


def test_notes_do_not_refuse() -> None:
    """A document with unsimulated fields is a resource, and its notes are told."""
    outcome = run(UPSTREAM + "  preconnectPolicy: {}\n")
    assert outcome.codes == ["ES0601"]
    assert len(outcome.resources) == 1


def test_nulls_are_absent() -> None:
    """The manifest of a resource has no null fields."""
    outcome = run(UPSTREAM + "  kube: null\n")
    assert outcome.problems == []
    assert "kube" not in outcome.resources[0].manifest["spec"]


@pytest.mark.parametrize("name", ["Echo", "echo_v1", "-echo", "a" * 254, "", "echo.", "a..b", "echo\n"])
def test_names_are_dns_names(name: str) -> None:
    """A name that the API server refuses is refused."""
    decoded = decode(Document({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, nowhere("-")))
    assert [problem.code for problem in decoded.problems] == ["ES0109"]
