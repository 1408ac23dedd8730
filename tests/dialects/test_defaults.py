from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edgesim.config.read import read_text
from edgesim.dialects import KINDS, Document, Kind, Resource, assign, decode, find_kind, translate
from edgesim.dialects.defaults import defaulted
from edgesim.model import Problem

CONFIGS = Path(__file__).parents[2] / "configs"


def filled(text: str) -> dict[str, Any]:
    """Return a manifest with its defaults."""
    manifest = yaml.safe_load(text)
    kind = find_kind(manifest["kind"])
    assert kind is not None
    return defaulted(kind, manifest)


def test_a_deployment_is_filled_in_as_a_cluster_does() -> None:
    """Replicas, strategy, history and deadline of a Deployment, and the whole of its pods."""
    spec = filled("{kind: Deployment, spec: {template: {spec: {containers: [{name: a, image: a:1}]}}}}")["spec"]
    assert spec == {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "a",
                        "image": "a:1",
                        "imagePullPolicy": "IfNotPresent",
                        "resources": {},
                        "terminationMessagePath": "/dev/termination-log",
                        "terminationMessagePolicy": "File",
                    }
                ],
                "dnsPolicy": "ClusterFirst",
                "restartPolicy": "Always",
                "schedulerName": "default-scheduler",
                "securityContext": {},
                "terminationGracePeriodSeconds": 30,
            }
        },
    }


def test_recreate_rolls_nothing() -> None:
    """Only a rolling update has its two shares."""
    assert filled("{kind: Deployment, spec: {strategy: {type: Recreate}}}")["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("echo", "Always"),
        ("echo:latest", "Always"),
        ("echo:v1", "IfNotPresent"),
        ("host:5000/echo", "Always"),
        ("host:5000/echo:v1", "IfNotPresent"),
        ("echo@sha256:0", "IfNotPresent"),
    ],
)
def test_how_an_image_is_pulled_depends_on_its_tag(image: str, policy: str) -> None:
    """What may move is pulled always, a fixed version once."""
    pod = filled(f"{{kind: Pod, spec: {{containers: [{{name: a, image: '{image}'}}]}}}}")
    assert pod["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_a_pod_has_an_account_and_requests_what_it_is_limited_to() -> None:
    """A Pod, and no template, gets service links, its account and requests."""
    pod = filled("{kind: Pod, spec: {containers: [{name: a, resources: {limits: {cpu: 1}, requests: {memory: 1}}}]}}")
    spec = pod["spec"]
    assert (spec["enableServiceLinks"], spec["serviceAccountName"], spec["serviceAccount"]) == (
        True,
        "default",
        "default",
    )
    assert spec["containers"][0]["resources"]["requests"] == {"cpu": 1, "memory": 1}


def test_probes_volumes_and_variables_have_defaults() -> None:
    """What is inside of a pod is filled in, too."""
    pod = filled(
        """
        kind: Pod
        spec:
          containers:
          - name: a
            readinessProbe: {httpGet: {port: 80}, initialDelaySeconds: 5, periodSeconds: 0}
            lifecycle: {preStop: {httpGet: {port: 80}}}
            env: [{name: A, valueFrom: {fieldRef: {fieldPath: a}}}]
          volumes: [{name: a}, {name: b, secret: {secretName: s}}, {name: c, hostPath: {path: /}}]
        """
    )
    container, volumes = pod["spec"]["containers"][0], pod["spec"]["volumes"]
    get = {"port": 80, "path": "/", "scheme": "HTTP"}
    counts = {"initialDelaySeconds": 5, "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1}
    assert container["readinessProbe"] == {"httpGet": get, **counts, "failureThreshold": 3}
    assert container["lifecycle"]["preStop"]["httpGet"] == get
    assert container["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"
    assert volumes[0] == {"name": "a", "emptyDir": {}}
    assert volumes[1]["secret"]["defaultMode"] == 420
    assert volumes[2]["hostPath"]["type"] == ""


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("{}", {"type": "ClusterIP", "internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}),
        ("{type: ExternalName, externalName: a.b}", {"type": "ExternalName", "externalName": "a.b"}),
        ("{type: NodePort, sessionAffinity: ClientIP}", {"externalTrafficPolicy": "Cluster", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}}),
        ("{type: LoadBalancer}", {"externalTrafficPolicy": "Cluster", "allocateLoadBalancerNodePorts": True}),
        ("{ports: [{port: 80}, {port: 81, targetPort: http}]}", {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}, {"port": 81, "protocol": "TCP", "targetPort": "http"}]}),
    ],
)  # fmt: skip
def test_a_service_depends_on_its_type(spec: str, expected: dict[str, Any]) -> None:
    """Ports, families and traffic policies of each type of Service."""
    found = filled(f"{{kind: Service, spec: {spec}}}")["spec"]
    assert found == found | expected
    assert "internalTrafficPolicy" in found or found["type"] == "ExternalName"


def test_other_kinds_have_theirs() -> None:
    """Namespaces are labelled, bindings name their group, autoscalers have a minimum and a measure, Jobs run once."""
    namespace = filled("{kind: Namespace, metadata: {name: a}}")
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "a"}
    assert namespace["spec"] == {"finalizers": ["kubernetes"]}
    binding = filled("{kind: RoleBinding, roleRef: {name: a}, subjects: [{kind: User}, {kind: ServiceAccount}]}")
    group = {"apiGroup": "rbac.authorization.k8s.io"}
    assert binding["roleRef"] == {"name": "a", **group}
    assert binding["subjects"] == [{"kind": "User", **group}, {"kind": "ServiceAccount"}]
    autoscaler = filled("{kind: HorizontalPodAutoscaler, spec: {maxReplicas: 2}}")["spec"]
    assert (autoscaler["minReplicas"], len(autoscaler["metrics"])) == (1, 1)
    job = filled("{kind: Job, spec: {}}")["spec"]
    assert (job["completions"], job["parallelism"], job["backoffLimit"]) == (1, 1, 6)
    assert filled("{kind: Secret}")["type"] == "Opaque"


def test_workloads_that_do_not_run_have_theirs() -> None:
    """`kubectl rollout` and `describe` read them of StatefulSets, DaemonSets and CronJobs as of Deployments."""
    stateful = filled("{kind: StatefulSet, spec: {template: {spec: {}}}}")["spec"]
    assert (stateful["replicas"], stateful["updateStrategy"]) == (
        1,
        {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
    )
    assert stateful["template"]["spec"]["restartPolicy"] == "Always"
    daemon = filled("{kind: DaemonSet, spec: {updateStrategy: {type: OnDelete}}}")["spec"]
    assert (daemon["revisionHistoryLimit"], daemon["updateStrategy"]) == (10, {"type": "OnDelete"})
    cron = filled("{kind: CronJob, spec: {jobTemplate: {spec: {template: {spec: {}}}}}}")["spec"]
    assert (cron["concurrencyPolicy"], cron["failedJobsHistoryLimit"]) == ("Allow", 1)
    assert cron["jobTemplate"]["spec"]["template"]["spec"]["dnsPolicy"] == "ClusterFirst"


@given(st.sampled_from(KINDS), st.data())
def test_defaulting_twice_is_defaulting_once(kind: Kind, data: st.DataObject) -> None:
    """Defaults are stable whatever the manifest holds, and never change what they are given."""
    names = [
        "spec",
        "metadata",
        "template",
        "containers",
        "ports",
        "strategy",
        "type",
        "roleRef",
        "subjects",
        "httpGet",
    ]
    leaf = st.none() | st.integers() | st.text(max_size=3) | st.booleans()
    keys = st.sampled_from(
        [*names, "rollingUpdate", "env", "volumes", "readinessProbe", "labels", "name", "port", "ingress"]
    )
    inner = st.recursive(
        leaf, lambda deep: st.lists(deep, max_size=3) | st.dictionaries(keys, deep, max_size=4), max_leaves=12
    )
    manifest = data.draw(st.dictionaries(keys, inner, max_size=4))
    before = deepcopy(manifest)
    once = defaulted(kind, manifest)
    assert manifest == before
    assert defaulted(kind, once) == once


FILES = sorted(
    path for folder in ("jwt-canary", "teams", "two-phased-canary") for path in (CONFIGS / folder).rglob("*.yaml")
)
BEHIND = """
{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}], selector: {app: a}}}
---
apiVersion: v1
kind: Endpoints
metadata: {name: a}
subsets: [{addresses: [{ip: 127.0.0.1, targetRef: {kind: Pod, name: a}}], ports: [{port: 5678}]}]
---
{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: a}}, spec: {containers: [{name: a, image: a}]}}
---
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: a}
spec: {kube: {serviceName: a, serviceNamespace: default, servicePort: 80}}
---
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {name: a}
spec:
  virtualHost:
    domains: ['*']
    routes: [{matchers: [{prefix: /}], routeAction: {single: {upstream: {name: a, namespace: default}}}}]
"""


@pytest.mark.parametrize("text", [BEHIND, *(path.read_text() for path in FILES)])
def test_a_defaulted_manifest_means_the_same(text: str) -> None:
    """What comes along is served alike with and without defaults: routes, clusters, endpoints and notes."""
    documents = [each for each in read_text(text, "x.yaml").documents if find_kind(str(each.manifest.get("kind")))]
    plain = _served(documents)
    assert _served([Document(_defaulted(each.manifest), each.source) for each in documents]) == plain
    assert plain[-1] or text != BEHIND


def _defaulted(manifest: dict[str, Any]) -> dict[str, Any]:
    kind = find_kind(manifest["kind"])
    assert kind is not None
    return defaulted(kind, manifest)


def _served(documents: list[Document]) -> tuple[object, ...]:
    decoded = [decode(each) for each in documents]
    resources: list[Resource] = [each.resource for each in decoded if each.resource is not None]
    translation = translate(resources)
    problems: list[Problem] = [found for each in decoded for found in each.problems]
    endpoints = assign(translation.model.clusters, resources)
    return translation.model, translation.problems, [each.code for each in problems], dict(endpoints)
