"""Go's duration syntax, which the schemas have already checked."""

from __future__ import annotations

import re

_PART = re.compile(r"([0-9.]+)(ns|us|µs|μs|ms|s|m|h)")
_LONGEST = 2.0**63 * 1e-9
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """Return the seconds of a duration such as `1m30s`, `-500ms` or `0`; Go's hold 292 years."""
    total = min(sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text)), _LONGEST)
    return -total if text.startswith("-") else total
