"""What `up` is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from edgesim.config.serving import Policy

LOOPBACK = "127.0.0.1"
KUBE_PORT = 8001
"""The port of the Kubernetes API that nobody chose, that of `kubectl proxy`; where it is busy, the next free one."""


@dataclass(frozen=True, slots=True)
class KubeSettings:
    """What the Kubernetes API is told; a `port` of None is KUBE_PORT or the next that is free.

    `token` is the administrator's, who needs one off loopback. With `rbac` rights count while there is no binding, too.
    """

    host: str = LOOPBACK
    port: int | None = None
    token: str | None = field(default=None, repr=False)
    rbac: bool = False


class Hints(Protocol):
    """Returns what to try, given where proxy and admin API are and whether the Kubernetes API is there."""

    def __call__(self, proxy: str, admin: str, *, kube: bool) -> str:
        """Return the lines."""


class Engine(StrEnum):
    """What serves: edgesim's own proxy, or real Envoy."""

    EDGESIM = "edgesim"
    ENVOY = "envoy"


@dataclass(frozen=True, slots=True)
class UpSettings:
    """The options of `up`; `listen` is where the proxy listens, None for loopback unless a gateway says more.

    `hints` returns what to print below the addresses.

    `as_json` prints the addresses as one line of JSON instead. `grace` is how many seconds requests in
    progress have at the end. `access_log` is a file, `-` for standard output, or `off`. `state` is a folder,
    `off` for one that vanishes with the process, or empty for the paths' own. `lifeline` is a pipe that this process
    inherits: it ends as by SIGTERM when nobody holds the other end any more. `kube` is None without the Kubernetes API.
    """

    paths: tuple[Path, ...] = ()
    listen: str | None = None
    port: int = 8080
    admin_host: str = LOOPBACK
    admin_port: int = 9901
    admin_token: str | None = None
    seed: int | None = None
    workers: int = 1
    keep_going: bool = False
    as_json: bool = False
    tls_port: int = 8443
    grace: float = 5.0
    access_log: str = "off"
    access_log_format: str = ""
    route_header: bool = False
    policy: Policy = Policy.FREEZE
    state: str = ""
    lifeline: int | None = None
    engine: Engine = Engine.EDGESIM
    hints: Hints | None = None
    kube: KubeSettings | None = None
