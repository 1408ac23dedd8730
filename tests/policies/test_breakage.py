"""What is broken on purpose: what becomes of a request."""

from __future__ import annotations

import pytest

from edgesim.policies.breakage import Breakage, Ending, ending

HIGHEST = 2**64 - 1


@pytest.mark.parametrize(
    ("breakage", "draw", "expected"),
    [
        (Breakage(), 0, Ending.PASS),
        (Breakage(latency=1.0), 0, Ending.PASS),
        (Breakage(error_rate=0.05), HIGHEST // 20 - 2**20, Ending.ERROR),
        (Breakage(error_rate=0.05), HIGHEST // 20 + 2**20, Ending.PASS),
        (Breakage(error_rate=1.0), HIGHEST, Ending.ERROR),
        (Breakage(reset=True, error_rate=1.0), 0, Ending.RESET),
        (Breakage(hang=True, reset=True), 0, Ending.HANG),
        (Breakage(kill=True, hang=True), 0, Ending.NOBODY),
    ],
)
def test_ending(breakage: Breakage, draw: int, expected: Ending) -> None:
    """Errors come by chance; of what always acts, the strongest does."""
    assert ending(breakage, draw) is expected
