"""Percentages as Gloo converts them: in millionths, in the arithmetic of 32-bit floats (section 6.3)."""

from __future__ import annotations

import struct

from edgesim.dialects.schema import options

MILLION = 1_000_000
_DENOMINATORS = (100, 10_000, MILLION)
_NAMES = ("HUNDRED", "TEN_THOUSAND", "MILLION")


def millionths(percentage: float) -> int:
    """Return trunc(percentage * 10000), as a 32-bit float computes it, for a percentage of 0 to 100."""
    return int(_float32(_float32(percentage) * 10_000.0))


def is_percentage(value: float) -> bool:
    """Tell whether a number is 0 to 100."""
    return 0 <= value <= 100


def fraction(given: options.RuntimeFraction | None) -> int:
    """Return Envoy's fraction in millionths, at most all of them; a missing one is 0."""
    value = given.default_value if given is not None else None
    if value is None:
        return 0
    of = value.denominator
    denominator = _DENOMINATORS[of if isinstance(of, int) else _NAMES.index(of)]
    return min(value.numerator * (MILLION // denominator), MILLION)


def _float32(value: float) -> float:
    (rounded,) = struct.unpack("f", struct.pack("f", value))
    return float(rounded)
