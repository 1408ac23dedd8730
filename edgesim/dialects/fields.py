"""Field paths as people read and write them."""

from __future__ import annotations

import re

from edgesim.dialects.resource import FieldPath

_PLAIN = re.compile(r"[A-Za-z_][-A-Za-z0-9_]*\Z")


def show_path(path: FieldPath) -> str:
    """Write a path as in `spec.virtualHost.routes[0]`; odd keys are quoted: `labels['a.b/c']`."""
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif _PLAIN.match(step):
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f"[{step!r}]")
    return "".join(parts)
