"""Amounts of CPU and memory (`k8s.io/apimachinery/pkg/api/resource`)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

_PARTS: Final = re.compile(r"([+-]?[0-9.]+)(.*)\Z", re.DOTALL)
_SUFFIXES: Final = {
    **{suffix: Decimal(10) ** power for suffix, power in zip("num", (-9, -6, -3), strict=True)},
    **{suffix: Decimal(10) ** power for suffix, power in zip(("", *"kMGTPE"), range(0, 21, 3), strict=True)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}


def amount(quantity: Any) -> Decimal:
    """Return the amount of a quantity that decodes (`500m`, `1.5Gi`, `1e3`); a missing one is none."""
    match = _PARTS.match(str(quantity))
    if quantity is None or match is None:
        return Decimal(0)
    number, suffix = match.groups()
    if suffix in _SUFFIXES:
        return Decimal(number) * _SUFFIXES[suffix]
    return Decimal(number).scaleb(max(-99, min(99, int(suffix[1:]))))
