"""The registry of kinds: everything edgesim knows about a kind starts here.

A new kind is one line in `KINDS` (and a schema); until then it is a line in `UNSIMULATED`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edgesim.dialects.schema.common import Manifest
from edgesim.dialects.schema.gateway import RouteOption, RouteTable, VirtualHostOption, VirtualService
from edgesim.dialects.schema.kubernetes import ConfigMap, Deployment, Endpoints, Namespace, Pod, Secret, Service
from edgesim.dialects.schema.listener import Gateway
from edgesim.dialects.schema.rbac import ClusterRole, ClusterRoleBinding, Role, RoleBinding, ServiceAccount
from edgesim.dialects.schema.settings import Settings
from edgesim.dialects.schema.upstream import Upstream, UpstreamGroup
from edgesim.dialects.schema.workloads import EndpointSlice, Event, ReplicaSet, StoredOnly


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource as the API server knows it; `group` is empty for core/v1.

    One that is not `simulated` is stored, and nothing reads it.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    simulated: bool = True
    categories: tuple[str, ...] = ()
    """Words that stand for several kinds at once: `all`."""
    schema: type[Manifest] = field(default=Manifest, repr=False)

    @property
    def api_version(self) -> str:
        """Return `apiVersion` as a manifest spells it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """Return `singular.group`, as kubectl prints it (`deployment.apps`, `service`)."""
        return f"{self.singular}.{self.group}" if self.group else self.singular


KUBERNETES_VERSION = "v1.33.0"
"""The release of Kubernetes whose API this is."""

GATEWAY = "gateway.solo.io"
GLOO = "gloo.solo.io"

RBAC = "rbac.authorization.k8s.io"
_ALL = ("all",)


def _stored(
    group: str,
    kind: str,
    *short_names: str,
    version: str = "v1",
    plural: str = "",
    namespaced: bool = True,
    categories: tuple[str, ...] = (),
) -> Kind:
    """Return a kind that is stored, so that clients can apply and prune it, and that nothing acts on."""
    word = kind.lower()
    return Kind(
        group,
        version,
        kind,
        plural or f"{word}s",
        word,
        short_names,
        namespaced=namespaced,
        simulated=False,
        categories=categories,
        schema=StoredOnly,
    )


KINDS: tuple[Kind, ...] = (
    Kind("", "v1", "Namespace", "namespaces", "namespace", ("ns",), namespaced=False, schema=Namespace),
    Kind("", "v1", "Service", "services", "service", ("svc",), categories=_ALL, schema=Service),
    Kind("", "v1", "Secret", "secrets", "secret", schema=Secret),
    Kind("", "v1", "ConfigMap", "configmaps", "configmap", ("cm",), simulated=False, schema=ConfigMap),
    Kind("", "v1", "Pod", "pods", "pod", ("po",), categories=_ALL, schema=Pod),
    Kind("", "v1", "Endpoints", "endpoints", "endpoints", ("ep",), schema=Endpoints),
    Kind("", "v1", "Event", "events", "event", ("ev",), schema=Event),
    Kind("", "v1", "ServiceAccount", "serviceaccounts", "serviceaccount", ("sa",), schema=ServiceAccount),
    Kind("apps", "v1", "Deployment", "deployments", "deployment", ("deploy",), categories=_ALL, schema=Deployment),
    Kind("apps", "v1", "ReplicaSet", "replicasets", "replicaset", ("rs",), categories=_ALL, schema=ReplicaSet),
    Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", "endpointslice", schema=EndpointSlice),
    Kind(RBAC, "v1", "Role", "roles", "role", schema=Role),
    Kind(RBAC, "v1", "RoleBinding", "rolebindings", "rolebinding", schema=RoleBinding),
    Kind(RBAC, "v1", "ClusterRole", "clusterroles", "clusterrole", namespaced=False, schema=ClusterRole),
    Kind(
        RBAC,
        "v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
        "clusterrolebinding",
        namespaced=False,
        schema=ClusterRoleBinding,
    ),
    _stored("", "Node", "no", namespaced=False),
    _stored("", "PersistentVolume", "pv", namespaced=False),
    _stored("", "PersistentVolumeClaim", "pvc"),
    _stored("", "ReplicationController", "rc", categories=_ALL),
    _stored("", "LimitRange", "limits"),
    _stored("", "ResourceQuota", "quota"),
    _stored("apps", "DaemonSet", "ds", categories=_ALL),
    _stored("apps", "StatefulSet", "sts", categories=_ALL),
    _stored("autoscaling", "HorizontalPodAutoscaler", "hpa", version="v2", categories=_ALL),
    _stored("policy", "PodDisruptionBudget", "pdb"),
    _stored("networking.k8s.io", "Ingress", "ing", plural="ingresses"),
    _stored("networking.k8s.io", "NetworkPolicy", "netpol", plural="networkpolicies"),
    _stored("batch", "Job", categories=_ALL),
    _stored("batch", "CronJob", "cj", categories=_ALL),
    Kind(GATEWAY, "v1", "VirtualService", "virtualservices", "virtualservice", ("vs",), schema=VirtualService),
    Kind(GATEWAY, "v1", "RouteTable", "routetables", "routetable", ("rt",), schema=RouteTable),
    Kind(GATEWAY, "v1", "RouteOption", "routeoptions", "routeoption", ("rtopt",), schema=RouteOption),
    Kind(
        GATEWAY,
        "v1",
        "VirtualHostOption",
        "virtualhostoptions",
        "virtualhostoption",
        ("vhopt",),
        schema=VirtualHostOption,
    ),
    Kind(GATEWAY, "v1", "Gateway", "gateways", "gateway", ("gw",), schema=Gateway),
    Kind(GLOO, "v1", "Upstream", "upstreams", "upstream", ("us",), schema=Upstream),
    Kind(GLOO, "v1", "UpstreamGroup", "upstreamgroups", "upstreamgroup", ("ug",), schema=UpstreamGroup),
    Kind(GLOO, "v1", "Settings", "settings", "settings", ("st",), schema=Settings),
    Kind(GLOO, "v1", "Proxy", "proxies", "proxy", ("px",), simulated=False, schema=StoredOnly),
)

UNSIMULATED: dict[str, frozenset[str]] = {
    "": frozenset(
        {
            "PodTemplate",
            "Binding",
            "ComponentStatus",
        }
    ),
    "apps": frozenset({"ControllerRevision"}),
    RBAC: frozenset(),
    GATEWAY: frozenset(
        {
            "ListenerOption",
            "HttpListenerOption",
            "MatchableHttpGateway",
            "MatchableTcpGateway",
        }
    ),
    GLOO: frozenset({"Endpoint", "Secret", "Artifact", "UpstreamSslConfig"}),
}
"""Real kinds of the groups that are read whole, which edgesim does not read yet; of other groups it reads single kinds."""

GROUPS: tuple[str, ...] = tuple(UNSIMULATED)


def _words(kind: Kind) -> tuple[str, ...]:
    words = (kind.kind.lower(), kind.singular, kind.plural, *kind.short_names)
    suffixed = tuple(f"{word}.{kind.group}" for word in (kind.singular, kind.plural)) if kind.group else ()
    versioned = tuple(f"{word}.{kind.version}.{kind.group}" for word in (kind.singular, kind.plural))
    return (*words, *suffixed, *(versioned if kind.group else ()))


_BY_WORD = {word: kind for kind in KINDS for word in _words(kind)}
_BY_TYPE = {(kind.api_version, kind.kind): kind for kind in KINDS}


def find_kind(word: str) -> Kind | None:
    """Find a kind as people name it: kind, singular, plural, short name, `plural.group`; in any case."""
    return _BY_WORD.get(word.lower())


def kind_of(api_version: str, kind: str) -> Kind | None:
    """Find a kind by what a manifest says."""
    return _BY_TYPE.get((api_version, kind))
