"""What the API server fills in where a manifest is silent.

Source: Kubernetes v1.33, `SetDefaults_*` of core/v1, apps/v1, autoscaling/v2, batch/v1, discovery/v1, networking/v1 and
rbac/v1, and the admission of service accounts. Defaulting twice changes nothing, and a defaulted manifest means the same
to edgesim. What is assigned, not defaulted (a Service's clusterIP), is its controller's matter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from edgesim.dialects.defaults_pods import each, pod_spec, with_defaults
from edgesim.dialects.kinds import Kind

Fields = dict[str, Any]

RBAC_GROUP: Final = "rbac.authorization.k8s.io"


def defaulted(kind: Kind, manifest: Fields) -> Fields:
    """Return a manifest with the defaults of its kind; what is wrong stays as it is, for validation to refuse.

    The manifest given is not changed. Gloo's kinds have no defaults.
    """
    rule = _RULES.get((kind.group, kind.kind))
    return manifest if rule is None else rule(manifest)


def inside(owner: Fields, name: str, rule: Callable[[Fields], Fields], *, create: bool = False) -> Fields:
    """Return a mapping with a rule applied to one of its fields, if that is a mapping (or absent, and to be created)."""
    value = owner.get(name, {} if create else None)
    return owner | {name: rule(value)} if isinstance(value, dict) else owner


def _spec(rule: Callable[[Fields], Fields]) -> Callable[[Fields], Fields]:
    return lambda manifest: inside(manifest, "spec", rule, create=True)


def _template(spec: Fields) -> Fields:
    return inside(spec, "template", lambda template: inside(template, "spec", pod_spec))


def _deployment(spec: Fields) -> Fields:
    filled = with_defaults(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    return _template(inside(filled, "strategy", _strategy, create=True))


def _strategy(strategy: Fields) -> Fields:
    return _update_strategy(strategy, {"maxUnavailable": "25%", "maxSurge": "25%"})


def _replica_set(spec: Fields) -> Fields:
    return _template(with_defaults(spec, replicas=1))


def _stateful_set(spec: Fields) -> Fields:
    filled = with_defaults(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    return _template(_updated_by(filled, partition=0))


def _daemon_set(spec: Fields) -> Fields:
    return _template(_updated_by(with_defaults(spec, revisionHistoryLimit=10), maxSurge=0, maxUnavailable=1))


def _updated_by(spec: Fields, **rolling: Any) -> Fields:
    return inside(spec, "updateStrategy", lambda strategy: _update_strategy(strategy, rolling), create=True)


def _update_strategy(strategy: Fields, rolling: Fields) -> Fields:
    typed = with_defaults(strategy, type="RollingUpdate")
    if typed["type"] != "RollingUpdate":
        return typed
    return inside(typed, "rollingUpdate", lambda it: with_defaults(it, **rolling), create=True)


def _cron_job(spec: Fields) -> Fields:
    filled = with_defaults(spec, concurrencyPolicy="Allow", suspend=False)
    filled = with_defaults(filled, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    return inside(filled, "jobTemplate", lambda job: inside(job, "spec", _template))


def _claim(spec: Fields) -> Fields:
    return with_defaults(spec, volumeMode="Filesystem")


def _job(spec: Fields) -> Fields:
    filled = with_defaults(spec, completionMode="NonIndexed", suspend=False, backoffLimit=6)
    filled = with_defaults(filled, podReplacementPolicy="TerminatingOrFailed")
    if "completions" not in filled and "parallelism" not in filled:
        filled |= {"completions": 1}
    return _template(with_defaults(filled, parallelism=1))


def _pod(spec: Fields) -> Fields:
    filled = with_defaults(pod_spec(spec), enableServiceLinks=True)
    named = with_defaults(filled, serviceAccountName=filled.get("serviceAccount") or "default")
    named = with_defaults(named, serviceAccount=named["serviceAccountName"])
    return each(named, "containers", _requests)


def _requests(container: Fields) -> Fields:
    """A limit without a request is the request."""
    resources = container.get("resources")
    limits = resources.get("limits") if isinstance(resources, dict) else None
    if not isinstance(resources, dict) or not isinstance(limits, dict):
        return container
    requests = resources.get("requests")
    return container | {
        "resources": resources | {"requests": limits | (requests if isinstance(requests, dict) else {})}
    }


def _service(spec: Fields) -> Fields:
    filled = with_defaults(spec, type="ClusterIP", sessionAffinity="None")
    if filled["sessionAffinity"] == "ClientIP":
        filled = with_defaults(filled, sessionAffinityConfig={"clientIP": {"timeoutSeconds": 10800}})
    filled = each(filled, "ports", _service_port)
    if filled["type"] in {"ClusterIP", "NodePort", "LoadBalancer"}:
        filled = with_defaults(filled, internalTrafficPolicy="Cluster")
        filled = with_defaults(filled, ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    if filled["type"] in {"NodePort", "LoadBalancer"}:
        filled = with_defaults(filled, externalTrafficPolicy="Cluster")
    return with_defaults(filled, allocateLoadBalancerNodePorts=True) if filled["type"] == "LoadBalancer" else filled


def _service_port(port: Fields) -> Fields:
    filled = with_defaults(port, protocol="TCP")
    target = filled.get("targetPort")
    number = filled.get("port")
    missing = target is None or target in ("", 0)
    return filled | {"targetPort": number} if missing and number is not None else filled


def _secret(manifest: Fields) -> Fields:
    return with_defaults(manifest, type="Opaque")


def _namespace(manifest: Fields) -> Fields:
    filled = inside(manifest, "spec", lambda spec: with_defaults(spec, finalizers=["kubernetes"]), create=True)
    name = (filled.get("metadata") or {}).get("name") if isinstance(filled.get("metadata"), dict) else None
    label = {"kubernetes.io/metadata.name": name}
    return (
        inside(filled, "metadata", lambda it: inside(it, "labels", lambda old: old | label, create=True))
        if name
        else filled
    )


def _endpoints(manifest: Fields) -> Fields:
    return each(
        manifest, "subsets", lambda subset: each(subset, "ports", lambda port: with_defaults(port, protocol="TCP"))
    )


def _endpoint_slice(manifest: Fields) -> Fields:
    return each(manifest, "ports", lambda port: {"name": ""} | with_defaults(port, protocol="TCP"))


def _binding(manifest: Fields) -> Fields:
    return each(inside(manifest, "roleRef", lambda ref: with_defaults(ref, apiGroup=RBAC_GROUP)), "subjects", _subject)


def _subject(subject: Fields) -> Fields:
    return with_defaults(subject, apiGroup=RBAC_GROUP) if subject.get("kind") in {"User", "Group"} else subject


def _autoscaler(spec: Fields) -> Fields:
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
    return with_defaults(with_defaults(spec, minReplicas=1), **({} if spec.get("metrics") else {"metrics": [cpu]}))


def _network_policy(spec: Fields) -> Fields:
    filled = spec
    for direction in ("ingress", "egress"):
        filled = each(
            filled, direction, lambda rule: each(rule, "ports", lambda port: with_defaults(port, protocol="TCP"))
        )
    return with_defaults(filled, policyTypes=["Ingress", *(["Egress"] if filled.get("egress") else [])])


_RULES: Final[dict[tuple[str, str], Callable[[Fields], Fields]]] = {
    ("", "Namespace"): _namespace,
    ("", "Service"): _spec(_service),
    ("", "Secret"): _secret,
    ("", "Pod"): _spec(_pod),
    ("", "Endpoints"): _endpoints,
    ("apps", "Deployment"): _spec(_deployment),
    ("apps", "ReplicaSet"): _spec(_replica_set),
    ("autoscaling", "HorizontalPodAutoscaler"): _spec(_autoscaler),
    ("", "PersistentVolumeClaim"): _spec(_claim),
    ("", "ReplicationController"): _spec(_replica_set),
    ("apps", "DaemonSet"): _spec(_daemon_set),
    ("apps", "StatefulSet"): _spec(_stateful_set),
    ("batch", "CronJob"): _spec(_cron_job),
    ("batch", "Job"): _spec(_job),
    ("discovery.k8s.io", "EndpointSlice"): _endpoint_slice,
    ("networking.k8s.io", "NetworkPolicy"): _spec(_network_policy),
    (RBAC_GROUP, "RoleBinding"): _binding,
    (RBAC_GROUP, "ClusterRoleBinding"): _binding,
}
