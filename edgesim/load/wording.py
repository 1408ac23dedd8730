"""How verdicts write numbers."""

from __future__ import annotations

from edgesim.analysis.worse import Rate


def of(rate: Rate) -> str:
    """Write an error rate: `0.12% (12 of 10,000)`."""
    return f"{rate.share:.2%} ({rate.errors:,} of {rate.of:,})"


def points(share: float) -> str:
    """Write a difference of shares: `0.5 points`."""
    written = f"{100 * share:.2g}" if abs(share) < 0.1 else f"{100 * share:.0f}"
    return f"{written} point" if written == "1" else f"{written} points"


def more_by(difference: float) -> str:
    """Write a difference of error rates: `0.5 points more`, `2 points fewer`."""
    return f"{points(abs(difference))} {'more' if difference >= 0 else 'fewer'}"


def most_more(difference: float) -> str:
    """Write the upper bound of a difference of error rates: `at most 0.5 points more`, `at least 2 points fewer`."""
    return f"at {'most' if difference >= 0 else 'least'} {more_by(difference)}"


def percent(share: float) -> str:
    """Write a share in three digits: `12.5%`."""
    return f"{100 * share:.3g}%"


def slower_by(ratio: float) -> str:
    """Write a ratio of durations: `12% slower`, `3% faster`."""
    return f"{percent(ratio - 1)} slower" if ratio >= 1 else f"{percent(1 - ratio)} faster"


def most_slower(ratio: float) -> str:
    """Write the upper bound of a ratio of durations: `at most 12% slower`, `at least 3% faster`."""
    return f"at {'most' if ratio >= 1 else 'least'} {slower_by(ratio)}"


def ms(value: float) -> str:
    """Write milliseconds."""
    return f"{value:.3g} ms" if value < 1000 else f"{value:,.0f} ms"


def takes(more: int | None) -> str:
    """Write how many more requests it takes, at the end of `whether that is so ...`."""
    return "cannot be told: it is just that" if more is None else f"takes about {max(1, more):,} more requests to tell"
