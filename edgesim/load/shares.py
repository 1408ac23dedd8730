"""What each of several client processes does of the whole."""

from __future__ import annotations


def share(number: int, index: int, workers: int) -> int:
    """Return how many of so many are those of one client process; all of them together have them all."""
    return number // workers + (index < number % workers)
