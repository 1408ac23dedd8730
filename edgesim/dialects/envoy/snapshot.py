"""The model as the resources that Envoys fetch, by kind and name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from edgesim.dialects.envoy.clusters import cluster
from edgesim.dialects.envoy.endpoints import load_assignment
from edgesim.dialects.envoy.form import STATIC, Form, Kind, Part, Source
from edgesim.dialects.envoy.listeners import listener_and_routes, merged_contexts, served_listeners
from edgesim.dialects.envoy.responses import response_listener
from edgesim.dialects.envoy.tls import secret, secret_name
from edgesim.model import Assignments, Certificate, ClusterType, Model, endpoints_of


@dataclass(frozen=True, slots=True)
class Resources:
    """What is served, each resource by its name; a `Part` knows what it was made from."""

    listeners: Mapping[str, Part]
    routes: Mapping[str, Part]
    clusters: Mapping[str, Part]
    endpoints: Mapping[str, Part]
    secrets: Mapping[str, Part]

    def of(self, kind: Kind) -> Mapping[str, Part]:
        """Return the resources of a kind."""
        by_kind = {
            Kind.LISTENER: self.listeners,
            Kind.ROUTES: self.routes,
            Kind.CLUSTER: self.clusters,
            Kind.ENDPOINTS: self.endpoints,
            Kind.SECRET: self.secrets,
        }
        return by_kind[kind]


def snapshot(model: Model, assignments: Assignments, source: Source, form: Form = STATIC) -> Resources:
    """Return everything a model comes to; what one resource fetches of another it fetches from `source`.

    `form` says the rest; endpoints of an EDS cluster without an assignment are none.
    """
    whole = replace(form, source=source)
    pairs = [listener_and_routes(listener, hosts, whole) for listener, hosts in served_listeners(model)]
    answering = [response_listener(each) for each in model.clusters if each.type is ClusterType.DIRECT_RESPONSE]
    followed = [each for each in model.clusters if each.type is ClusterType.EDS]
    return Resources(
        listeners={each["name"]: each for each in (*(listener for listener, _ in pairs), *answering)},
        routes={routes["name"]: routes for _, routes in pairs},
        clusters={each.name: cluster(each, assignments.get(each.name, ()), whole) for each in model.clusters},
        endpoints={each.name: load_assignment(each, endpoints_of(each, assignments)) for each in followed},
        secrets={secret_name(each): secret(each) for each in _certificates(model)},
    )


def _certificates(model: Model) -> Iterator[Certificate]:
    for _, hosts in served_listeners(model):
        for tls, _host in merged_contexts(hosts):
            yield tls.certificate
    for each in model.clusters:
        if each.tls is not None and each.tls.certificate is not None:
            yield each.tls.certificate


def version(resources: Mapping[str, Part]) -> str:
    """Return a version that is the same for the same resources of a kind, whoever asks."""
    text = json.dumps(resources, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:16]
