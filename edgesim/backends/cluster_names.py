"""Where names of the cluster lead: a Service's DNS name, or its address, to one of its ready endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from edgesim.backends.addresses import LOOPBACK
from edgesim.backends.gateway import HTTP_PORT, HTTPS_PORT, SERVICE
from edgesim.config.store import Entry, Store
from edgesim.model import ResourceKey

WELL_KNOWN: Final = {80: HTTP_PORT, 443: HTTPS_PORT}
DOMAIN: Final = ("svc", "cluster", "local")
Place = tuple[str, int]
"""A host and a port to connect to."""


class NobodyThereError(Exception):
    """A name of the cluster behind which nothing listens."""


def place_of(store: Store, namespace: str, host: str, port: int, proxy: Mapping[int, int]) -> Place | None:
    """Return where a request of a pod in a namespace goes; None for a host outside of the cluster.

    `proxy` maps the ports of the proxy's container to those it really has: 80 and 443 of its Service lead there too.

    Raises:
        NobodyThereError: the Service has no such port, or no ready endpoint.
    """
    service = _service(store, namespace, host)
    if service is None:
        return None
    spec = service.resource.typed.spec
    if spec.type == "ExternalName":
        return spec.external_name, port
    if service.resource.key == SERVICE and WELL_KNOWN.get(port) in proxy:
        return LOOPBACK, proxy[WELL_KNOWN[port]]
    places = _places(store, service, port)
    if not places:
        raise NobodyThereError(f"{service.resource.key} has no ready endpoint for port {port}")
    return places[0]


def _service(store: Store, namespace: str, host: str) -> Entry | None:
    """Find the Service a host names: `name`, `name.namespace`, with or without `svc` and `svc.cluster.local`; or its IP."""
    labels = tuple(host.lower().rstrip(".").split("."))
    if len(labels) == 4 and host.replace(".", "").isdigit():
        return next((each for each in store.entries("Service") if _spec(each).get("clusterIP") == host), None)
    rest = labels[2:]
    if rest != DOMAIN[: len(rest)]:
        return None
    return store.get(ResourceKey("Service", labels[1] if len(labels) > 1 else namespace, labels[0]))


def _spec(entry: Entry) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = entry.resource.manifest["spec"]
    return spec


def _places(store: Store, service: Entry, port: int) -> list[Place]:
    resource = service.resource
    names = {each.name for each in resource.typed.spec.ports if each.port == port}
    listed = store.get(ResourceKey("Endpoints", resource.namespace, resource.name))
    if listed is None:
        return []
    return [
        (address.ip, each.port)
        for subset in listed.resource.typed.subsets
        for each in subset.ports
        if each.name in names
        for address in subset.addresses
    ]
