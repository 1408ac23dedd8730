"""Several models as one bootstrap of Envoy's, each on a listener of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgesim.dialects.envoy import Form, Json, bootstrap
from edgesim.model import Listener, Model, options_of
from tests.envoy import ANY_PORT, LOOPBACK


def envoy_config(models: Mapping[str, Model], log: Path | None = None, log_format: str = "") -> Json:
    """Return one bootstrap with a listener for each model, named as its key; an empty format is Envoy's default."""
    form = Form(access_log="" if log is None else str(log), access_log_format=log_format)
    whole: Json = {}
    listeners: list[Any] = []
    clusters: dict[str, Any] = {}
    for name, model in models.items():
        listener = Listener(name, 0, options=options_of(model, tls=False), address=LOOPBACK)
        whole |= bootstrap(replace(model, listeners=(listener,)), {}, form, ANY_PORT)
        resources = whole["static_resources"]
        listeners += resources["listeners"]
        clusters |= {each["name"]: each for each in resources["clusters"]}
    return whole | {"static_resources": {"listeners": listeners, "clusters": [*clusters.values()]}}
