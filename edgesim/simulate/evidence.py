"""The test of `edgesim load --compare` for many rollouts at a time: is the canary's error rate higher?

It is `analysis.always_valid.log_evidence` with a margin of 0, where the pair of equal rates that fits best is known at
once: no search, so that a million looks take a second.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, xlog1py, xlogy

from edgesim.analysis.always_valid import PRIOR

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def log_evidence(before: tuple[Counts, Counts], after: tuple[Counts, Counts]) -> Floats:
    """Return the log of the evidence against "the canary's rate is at most the other's", both as (errors, requests)."""
    errors, requests = before[0] + after[0], before[1] + after[1]
    higher = after[0] * before[1] > before[0] * after[1]
    apart = _likelihood(*before) + _likelihood(*after)
    null = np.where(higher, _likelihood(errors, requests), apart)
    found: Floats = _mixture(*before) + _mixture(*after) - null
    return found


def _mixture(errors: Counts, requests: Counts) -> Floats:
    a, b = PRIOR
    found: Floats = betaln(a + errors, b + requests - errors) - betaln(a, b)
    return found


def _likelihood(errors: Counts, requests: Counts) -> Floats:
    rate = errors / np.maximum(requests, 1)
    found: Floats = xlogy(errors, rate) + xlog1py(requests - errors, -rate)
    return found
