"""What controllers make of a release (ReplicaSet, EndpointSlice, Event, Gloo's Proxy), and kinds that are only stored.

Source: the Kubernetes API reference, v1.33; Gloo Edge's API, Proxy.
"""

from __future__ import annotations

from typing import Literal

from edgesim.dialects.schema.common import FreeForm, Manifest, Port, Strict
from edgesim.dialects.schema.kubernetes import Count, LabelSelector, PodTemplate, Protocol, TargetRef


class ReplicaSetSpec(Strict, frozen=True):
    """apps/v1 ReplicaSetSpec."""

    selector: LabelSelector
    template: PodTemplate
    replicas: Count = 1
    min_ready_seconds: Count = 0


class ReplicaSet(Manifest, frozen=True, kw_only=True):
    """apps/v1 ReplicaSet."""

    spec: ReplicaSetSpec


class EndpointConditions(Strict, frozen=True):
    """Whether an endpoint takes requests; absent is true, of `terminating` false."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class SliceEndpoint(Strict, frozen=True):
    """An endpoint of an EndpointSlice."""

    addresses: tuple[str, ...]
    conditions: EndpointConditions | None = None
    hostname: str | None = None
    target_ref: TargetRef | None = None
    node_name: FreeForm = None
    zone: FreeForm = None
    hints: FreeForm = None
    deprecated_topology: FreeForm = None


class SlicePort(Strict, frozen=True):
    """A port of all endpoints of an EndpointSlice."""

    port: Port | None = None
    name: str = ""
    protocol: Protocol = "TCP"
    app_protocol: FreeForm = None


class EndpointSlice(Manifest, frozen=True, kw_only=True):
    """discovery.k8s.io/v1 EndpointSlice."""

    address_type: Literal["IPv4", "IPv6", "FQDN"]
    endpoints: tuple[SliceEndpoint, ...] = ()
    ports: tuple[SlicePort, ...] | None = None


class EventSource(Strict, frozen=True):
    """Who reports an event."""

    component: str = ""
    host: str = ""


class Event(Manifest, frozen=True, kw_only=True):
    """core/v1 Event."""

    involved_object: TargetRef
    reason: str = ""
    message: str = ""
    type: str = ""
    count: Count | None = None
    source: EventSource | None = None
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
    action: str = ""
    reporting_component: str = ""
    reporting_instance: str = ""
    series: FreeForm = None
    related: FreeForm = None


class StoredOnly(Manifest, frozen=True, kw_only=True):
    """A kind with a spec that nothing here reads."""

    spec: FreeForm = None


__all__ = [
    "EndpointConditions",
    "EndpointSlice",
    "Event",
    "EventSource",
    "ReplicaSet",
    "ReplicaSetSpec",
    "SliceEndpoint",
    "SlicePort",
    "StoredOnly",
]
