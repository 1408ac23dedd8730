"""Where in a user's resources that lies which Envoy refuses."""

from __future__ import annotations

import pytest

from edgesim.dialects.envoy import Json, Kind, Part, Resources
from edgesim.envoy.origins import origin_at_fault
from edgesim.model import Origin, OriginStep

DUMP = (
    'goo.gle/debugstr  \nname: "edge-routes"\nvirtual_hosts {\n  name: "two"\n}\n: Proto constraint validation failed '
)
PLACED = DUMP + (
    "(RouteConfigurationValidationError.VirtualHosts[0]: embedded message failed validation | caused by "
    "VirtualHostValidationError.Routes[1]: embedded message failed validation | caused by RouteValidationError)"
)


def origin(name: str) -> Origin:
    return (OriginStep("VirtualService", "team", name, "vs.yaml"),)


def resources(*routes: str, **more: Part) -> Resources:
    """Make a listener with two virtual hosts; the first has routes of some paths, named after them."""
    listed = [Part({"match": {"prefix": path}}, origin(path)) for path in routes]
    hosts = [Part({"name": "one", "routes": listed}, origin("one")), Part({"name": "two"}, origin("two"))]
    configuration = Part({"name": "edge-routes", "virtual_hosts": hosts}, origin("edge"))
    clusters = {name: part for name, part in more.items() if name.startswith("c")}
    listener = Part(
        {"name": "edge", "filter_chains": [more[name] for name in more if name.startswith("chain")]}, origin("edge")
    )
    return Resources({"edge": listener}, {"edge-routes": configuration}, clusters, {}, {"s": Part({"name": "s"})})


def at_fault(reason: str, kind: Kind, before: Resources | None, after: Resources) -> str:
    """Return the name of what is at fault, empty for nothing."""
    return next((step.name for step in origin_at_fault(reason, kind, before, after)), "")


@pytest.mark.parametrize(
    ("reason", "before", "found"),
    [
        (PLACED, None, "/b"),
        (PLACED.replace("Routes[1]", "Routes[7]"), None, "one"),
        (DUMP + "(RouteConfigurationValidationError.VirtualHosts[1]: bad)", None, "two"),
        ("no such thing", ["/a", "/cart"], "/b"),
        ("no such thing", ["/z"], "one"),
        (DUMP.partition(": Proto")[0] + "two ...(truncated)", ["/a", "/cart"], "/b"),
        (DUMP.partition(": Proto")[0] + "two ...(truncated)", ["/z"], "one"),
        ("bad path: '/cart'", ["/z"], "/cart"),
    ],
)
def test_the_route_at_fault(reason: str, before: list[str] | None, found: str) -> None:
    """The route at the place that Envoy tells is at fault, or the only new one, or one it speaks of; else the host."""
    known = None if before is None else resources(*before)
    assert at_fault(reason, Kind.ROUTES, known, resources("/a", "/b", "/cart")) == found


def test_the_cluster_at_fault() -> None:
    """A cluster that Envoy names is at fault."""
    after = resources(c1=Part({"name": "c1"}, origin("x")), c2=Part({"name": "c2"}, origin("y")))
    assert at_fault("Error adding/updating cluster(s) c2: bad", Kind.CLUSTER, None, after) == "y"


@pytest.mark.parametrize("user", ["chain", "c"])
def test_who_uses_a_certificate_is_at_fault(user: str) -> None:
    """A certificate comes from what names it: a virtual host by its filter chain, or an upstream."""
    socket: Json = {"tls_certificate_sds_secret_configs": [{"name": "s"}]}
    after = resources(**{user: Part({"name": user, "transport_socket": socket}, origin("user"))})
    assert at_fault("Failed to load certificate chain", Kind.SECRET, None, after) == "user"


def test_what_nobody_made_is_nobodys_fault() -> None:
    """Where nothing changed, no resource is at fault."""
    same = resources("/a")
    assert origin_at_fault("odd", Kind.CLUSTER, same, same) == ()
