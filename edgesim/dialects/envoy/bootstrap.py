"""The model as Envoy's bootstrap, and the bootstrap of an Envoy that fetches everything."""

from __future__ import annotations

from edgesim.dialects.envoy.clusters import cluster
from edgesim.dialects.envoy.form import STATIC, Form, Json, Kind, Source, address, used
from edgesim.dialects.envoy.listeners import listener_and_routes, served_listeners
from edgesim.dialects.envoy.responses import INTERNAL_LISTENERS, response_listener
from edgesim.model import Assignments, ClusterType, Endpoint, Model

LOOPBACK = "127.0.0.1"
ADMIN = (LOOPBACK, 19000)
"""Gloo's port for it; 9901 is edgesim's."""


def bootstrap(
    model: Model, assignments: Assignments | None = None, form: Form = STATIC, admin: tuple[str, int] = ADMIN
) -> Json:
    """Return a bootstrap that serves a model by itself.

    With `assignments` EDS clusters have those endpoints; without, what their Services' names lead to.
    """
    made = [listener_and_routes(listener, hosts, form)[0] for listener, hosts in served_listeners(model)]
    answering = [response_listener(each) for each in model.clusters if each.type is ClusterType.DIRECT_RESPONSE]
    clusters = [cluster(each, _known(each.name, assignments), form) for each in model.clusters]
    return {
        "admin": {"address": address(*admin)},
        **({"bootstrap_extensions": [INTERNAL_LISTENERS]} if answering else {}),
        "static_resources": used(listeners=[*made, *answering], clusters=clusters),
    }


def _known(name: str, assignments: Assignments | None) -> tuple[Endpoint, ...] | None:
    return None if assignments is None else assignments.get(name, ())


def fetching_bootstrap(
    node: str, source: Source, clusters: tuple[Json, ...] = (), admin: tuple[str, int] = ADMIN
) -> Json:
    """Return the bootstrap of an Envoy that fetches its listeners and clusters, and has an id to fetch them by.

    `clusters` are static: the one a management server is reached through. Its `dynamic_resources` may be given more
    (an `ads_config`) by who needs it.
    """
    return {
        "node": {"id": node, "cluster": "edgesim"},
        "admin": {"address": address(*admin)},
        "bootstrap_extensions": [INTERNAL_LISTENERS],
        "dynamic_resources": {"lds_config": source(Kind.LISTENER, ""), "cds_config": source(Kind.CLUSTER, "")},
        **({"static_resources": {"clusters": [*clusters]}} if clusters else {}),
    }
