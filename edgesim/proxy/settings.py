"""What workers are told when they start, besides the configuration they serve."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """`access_log` is a file, `-` for standard output, or empty for none.

    `access_log_format` is an Envoy format string, or a JSON object of them; empty means Envoy's default.
    `route_header` lets answers carry `x-edgesim-route`, `x-edgesim-cluster` and `x-edgesim-pod`.
    """

    access_log: str = ""
    access_log_format: str = ""
    route_header: bool = False


DEFAULT = WorkerSettings()


def encode(settings: WorkerSettings) -> str:
    """Return the settings as one command line argument."""
    return json.dumps(asdict(settings))


def decode(text: str) -> WorkerSettings:
    """Return the settings of `encode`."""
    fields: dict[str, Any] = json.loads(text)
    return WorkerSettings(**fields)
