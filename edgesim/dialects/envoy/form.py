"""What a configuration is written as: pieces of JSON that know where they come from, whole or fetched in parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edgesim.model import Origin

Json = dict[str, Any]


class Part(dict[str, Any]):
    """A message of Envoy's, with the resources it was made from."""

    __slots__ = ("origin",)

    def __init__(self, content: Json, origin: Origin = ()) -> None:
        """Hold the fields of a message."""
        super().__init__(content)
        self.origin = origin


class Kind(StrEnum):
    """The kinds of resources Envoy fetches, by the names of their messages."""

    LISTENER = "envoy.config.listener.v3.Listener"
    ROUTES = "envoy.config.route.v3.RouteConfiguration"
    CLUSTER = "envoy.config.cluster.v3.Cluster"
    ENDPOINTS = "envoy.config.endpoint.v3.ClusterLoadAssignment"
    SECRET = "envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105 - a message's name

    @property
    def type_url(self) -> str:
        """Return what a DiscoveryRequest for it says."""
        return f"type.googleapis.com/{self.value}"


Source = Callable[[Kind, str], Json]
"""The ConfigSource by which a resource of a kind and name is fetched."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a configuration is written.

    Without `source` it is one static whole; with it routes, endpoints of EDS clusters and secrets are fetched from
    where it says, and every filter is there from the beginning, so that using one does not drain a listener.
    `access_log` is a file, empty for none; an empty format is Envoy's own. `draw_header` names a request header that
    pins the draw of weighted choices, for tests.
    """

    source: Source | None = None
    access_log: str = ""
    access_log_format: str = ""
    draw_header: str = ""


STATIC = Form()


def typed(name: str, **fields: Any) -> Json:
    """Return an extension's configuration, named below `envoy.extensions`; fields that are None are left out."""
    return {"@type": f"type.googleapis.com/envoy.extensions.{name}", **given(**fields)}


def given(**fields: Any) -> Json:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def used(**fields: Any) -> Json:
    """Return the fields that say something: not None, False, 0 or empty."""
    return {name: value for name, value in fields.items() if value}


def seconds(value: float) -> str:
    """Return a duration as protobuf's JSON has it, to the nanosecond."""
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return f"{text}s"


def optional_seconds(value: float | None) -> str | None:
    """Return a duration, None for none."""
    return None if value is None else seconds(value)


def fraction(millionths: int) -> Json:
    """Return a FractionalPercent."""
    return {"numerator": millionths, "denominator": "MILLION"}


def runtime_fraction(millionths: int) -> Json:
    """Return a RuntimeFractionalPercent that no runtime key changes."""
    return {"default_value": fraction(millionths)}


def address(host: str, port: int) -> Json:
    """Return a socket's address; `::` takes IPv4 as well, as Gloo's listeners do."""
    compatible = {"ipv4_compat": True} if host == "::" else {}
    return {"socket_address": {"address": host, "port_value": port, **compatible}}


def listed(items: Sequence[Any]) -> list[Any] | None:
    """Return a list, None where it is empty."""
    return list(items) or None
