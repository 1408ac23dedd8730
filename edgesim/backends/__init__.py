"""Embedded pods and the controllers that keep them as the store declares."""

from __future__ import annotations

from edgesim.backends.addresses import Addresses, PodAddress
from edgesim.backends.checks import pod_problems
from edgesim.backends.controllers import Controllers, Step
from edgesim.backends.gateway import Gateway
from edgesim.backends.objects import Told
from edgesim.backends.runtime import PodRuntime, RunningPod

__all__ = [
    "Addresses",
    "Controllers",
    "Gateway",
    "PodAddress",
    "PodRuntime",
    "RunningPod",
    "Step",
    "Told",
    "pod_problems",
]
