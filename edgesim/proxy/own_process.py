"""What command operators may ask of this process: `%HOSTNAME%`, `%ENVIRONMENT(X)%`, the zone of local times."""

from __future__ import annotations

import os
import socket
from datetime import UTC
from functools import cache

from edgesim.policies.getters import Process
from edgesim.telemetry.sources import today


@cache
def own_process() -> Process:
    """Return it as it was when first asked for: the same for every format string, so that Envoy's values do not vary."""
    return Process(socket.gethostname(), dict(os.environ), today().astimezone().tzinfo or UTC)
