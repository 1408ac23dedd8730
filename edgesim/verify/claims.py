"""Headers of claims that a client sends itself: by some of them Envoy routes, and edgesim never does (ES1305)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgesim.dialects.envoy import headers_taken_late
from edgesim.model import Model, is_served
from edgesim.routing import Hosts, find_host
from edgesim.verify.requests import Asked

Late = Mapping[str, Hosts[frozenset[str]]]
"""By listeners' names and virtual hosts, the headers that Envoy takes away after it has chosen the route only."""


def taken_late(model: Model) -> Late:
    """Return the headers of all listeners."""
    found = {}
    for listener in model.listeners:
        hosts = [host for host in model.virtual_hosts if is_served(host, listener)]
        late = [(host.domains, frozenset(headers_taken_late(host, hosts))) for host in hosts]
        found[listener.name] = Hosts((domain, names) for domains, names in late for domain in domains)
    return found


def without_claims(asked: Asked, late: Late) -> Asked | None:
    """Return a request without the headers by which only Envoy would route it; None where it has none of them."""
    names = find_host(late[asked.listener], asked.host.encode()) or frozenset()
    kept = tuple((name, value) for name, value in asked.headers if name.lower() not in names)
    return None if kept == asked.headers else replace(asked, headers=kept)
