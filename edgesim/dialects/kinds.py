"""The registry of kinds: everything edgesim knows about a kind starts here.

A new kind is one line in `KINDS` (and a schema); until then it is a line in `UNSIMULATED`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edgesim.dialects.schema.common import Manifest
from edgesim.dialects.schema.gateway import RouteOption, RouteTable, VirtualHostOption, VirtualService
from edgesim.dialects.schema.kubernetes import ConfigMap, Deployment, Endpoints, Namespace, Pod, Secret, Service
from edgesim.dialects.schema.listener import Gateway
from edgesim.dialects.schema.settings import Settings
from edgesim.dialects.schema.upstream import Upstream, UpstreamGroup


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
    schema: type[Manifest] = field(default=Manifest, repr=False)

    @property
    def api_version(self) -> str:
        """Return `apiVersion` as a manifest spells it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """Return `singular.group`, as kubectl prints it (`deployment.apps`, `service`)."""
        return f"{self.singular}.{self.group}" if self.group else self.singular


GATEWAY = "gateway.solo.io"
GLOO = "gloo.solo.io"

KINDS: tuple[Kind, ...] = (
    Kind("", "v1", "Namespace", "namespaces", "namespace", ("ns",), namespaced=False, schema=Namespace),
    Kind("", "v1", "Service", "services", "service", ("svc",), schema=Service),
    Kind("", "v1", "Secret", "secrets", "secret", schema=Secret),
    Kind("", "v1", "ConfigMap", "configmaps", "configmap", ("cm",), simulated=False, schema=ConfigMap),
    Kind("", "v1", "Pod", "pods", "pod", ("po",), schema=Pod),
    Kind("", "v1", "Endpoints", "endpoints", "endpoints", ("ep",), schema=Endpoints),
    Kind("apps", "v1", "Deployment", "deployments", "deployment", ("deploy",), schema=Deployment),
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
)

UNSIMULATED: dict[str, frozenset[str]] = {
    "": frozenset(
        {
            "ServiceAccount",
            "ReplicationController",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Node",
            "Event",
            "LimitRange",
            "ResourceQuota",
            "PodTemplate",
            "Binding",
            "ComponentStatus",
        }
    ),
    "apps": frozenset({"DaemonSet", "StatefulSet", "ReplicaSet", "ControllerRevision"}),
    GATEWAY: frozenset(
        {
            "ListenerOption",
            "HttpListenerOption",
            "MatchableHttpGateway",
            "MatchableTcpGateway",
        }
    ),
    GLOO: frozenset({"Proxy", "Endpoint", "Secret", "Artifact", "UpstreamSslConfig"}),
}
"""Real kinds of the groups above that edgesim does not read yet; kinds of other groups are never read."""

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
