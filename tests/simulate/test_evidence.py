from __future__ import annotations

import numpy as np

from edgesim.analysis import always_valid
from edgesim.simulate.evidence import log_evidence


def test_it_is_the_test_of_compare() -> None:
    """For random counts, none and all of them errors included, the evidence is that of `analysis.always_valid`."""
    generator = np.random.default_rng(1)
    requests = generator.integers(0, 5000, (2, 400))
    errors = generator.binomial(requests, generator.choice([0.0, 0.001, 0.02, 0.5, 1.0], (2, 400)))
    before, after = (errors[0], requests[0]), (errors[1], requests[1])
    expected = always_valid.log_evidence(before, after, 0.0)
    assert np.allclose(log_evidence(before, after), expected, atol=1e-6, rtol=1e-6)
