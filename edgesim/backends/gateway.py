"""The objects that stand for the proxy in `gloo-system`, as an installation of Gloo has them.

They run nothing: their Pod's address is the proxy's own. Source: Gloo Edge's Helm chart, `gateway-proxy`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from edgesim.backends.addresses import LOOPBACK
from edgesim.backends.objects import declare, labels_of, rewritten
from edgesim.config.store import CONTROLLER, Entry, Store
from edgesim.dialects import INSTALL_NAMESPACE, Resource
from edgesim.dialects.defaults import defaulted
from edgesim.model import ResourceKey

NAME: Final = "gateway-proxy"
HTTP_PORT: Final = 8080
HTTPS_PORT: Final = 8443
_SELECTOR: Final = {"gateway-proxy-id": NAME, "gloo": NAME}
_LABELS: Final = {"gateway-proxy": "live", **_SELECTOR}
STDOUT: Final = "-"
DEPLOYMENT: Final = ResourceKey("Deployment", INSTALL_NAMESPACE, NAME)
SERVICE: Final = ResourceKey("Service", INSTALL_NAMESPACE, NAME)


class Listener(Protocol):
    """A port the proxy takes connections on."""

    @property
    def tls(self) -> bool:
        """Tell whether it speaks TLS."""

    @property
    def port(self) -> int:
        """Return its number."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The proxy, as its objects in the cluster tell of it: where it listens, and its access log.

    That is a file, `-` for standard output, or empty where it is off.
    """

    listeners: Callable[[], Sequence[Listener]]
    access_log: str = ""


def ports_of(gateway: Gateway | None) -> dict[int, int]:
    """Return the real port behind each port of the proxy's container; empty while it listens nowhere."""
    listeners = gateway.listeners() if gateway is not None else ()
    found: dict[int, int] = {}
    for each in listeners:
        found.setdefault(HTTPS_PORT if each.tls else HTTP_PORT, each.port)
    return found


def stands_for_the_proxy(gateway: Gateway | None, pod: Resource) -> bool:
    """Tell whether a Pod is one of the proxy's."""
    return gateway is not None and pod.namespace == INSTALL_NAMESPACE and _SELECTOR.items() <= labels_of(pod).items()


def gateway_objects(ports: dict[int, int]) -> tuple[Resource, ...]:
    """Return the Deployment and the Service of a proxy that listens on these ports."""
    return (_deployment(), _service(ports)) if ports else (_deployment(),)


def where_the_log_is(gateway: Gateway) -> str:
    """Say, in place of a log there is not, how to have it."""
    if gateway.access_log == STDOUT:
        return "the access log goes to edgesim's standard output (--access-log FILE brings it here)"
    return "the access log is off (edgesim up --access-log FILE turns it on, and brings it here)"


def put_right(store: Store, wanted: Resource) -> Resource | None:
    """Return what to write so that the object is there as it is to be; None where it is. Its metadata is anyone's."""
    found = store.get(wanted.key)
    if found is None:
        return wanted
    if _compared(found) == wanted.manifest["spec"]:
        # Whoever writes such an object does not own it: it is not kept beyond this run.
        return None if found.writer == CONTROLLER else found.resource
    kept = {
        name: value for name, value in found.resource.manifest["spec"].items() if name not in wanted.manifest["spec"]
    }
    spec = wanted.manifest["spec"] | {name: kept[name] for name in ("clusterIP", "clusterIPs") if name in kept}
    return rewritten(found.resource, {**found.resource.manifest, "spec": spec})


def _compared(found: Entry) -> dict[str, Any]:
    spec = found.resource.manifest["spec"]
    return {name: value for name, value in spec.items() if name not in {"clusterIP", "clusterIPs"}}


def service_status() -> dict[str, Any]:
    """Return the status of the proxy's Service: its load balancer is this machine."""
    return {"loadBalancer": {"ingress": [{"ip": LOOPBACK, "ipMode": "VIP"}]}}


def _metadata() -> dict[str, Any]:
    return {"name": NAME, "namespace": INSTALL_NAMESPACE, "labels": {"app": "gloo", **_SELECTOR}}


def _deployment() -> Resource:
    ports = [{"name": "http", "containerPort": HTTP_PORT}, {"name": "https", "containerPort": HTTPS_PORT}]
    container = {"name": NAME, "image": "edgesim", "ports": ports}
    template = {"metadata": {"labels": dict(_LABELS)}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": dict(_SELECTOR)}, "template": template}
    return _declared(
        "Deployment", {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(), "spec": spec}
    )


def _service(ports: dict[int, int]) -> Resource:
    names = {HTTP_PORT: "http", HTTPS_PORT: "https"}
    listed = [
        {"name": names[asked], "port": real, "targetPort": asked, "protocol": "TCP"} for asked, real in ports.items()
    ]
    spec = {"type": "LoadBalancer", "selector": dict(_LABELS), "ports": listed}
    return _declared("Service", {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(), "spec": spec})


def _declared(kind: str, manifest: dict[str, Any]) -> Resource:
    made = declare(kind, manifest)
    return declare(kind, defaulted(made.kind, manifest))
