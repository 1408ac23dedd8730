"""The model as Envoy's own configuration: a bootstrap, or the resources that Envoys fetch."""

from __future__ import annotations

from edgesim.dialects.envoy.bootstrap import ADMIN, bootstrap, fetching_bootstrap
from edgesim.dialects.envoy.connection_manager import STAT_PREFIX
from edgesim.dialects.envoy.form import STATIC, Form, Json, Kind, Part, Source
from edgesim.dialects.envoy.http_filters import headers_taken_late
from edgesim.dialects.envoy.inexpressible import inexpressible
from edgesim.dialects.envoy.snapshot import Resources, snapshot, version
from edgesim.dialects.envoy.text import yaml_text

__all__ = [
    "ADMIN",
    "STATIC",
    "STAT_PREFIX",
    "Form",
    "Json",
    "Kind",
    "Part",
    "Resources",
    "Source",
    "bootstrap",
    "fetching_bootstrap",
    "headers_taken_late",
    "inexpressible",
    "snapshot",
    "version",
    "yaml_text",
]
