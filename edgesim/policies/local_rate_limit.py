"""A token bucket as Envoy's local rate limit has it.

Measured on Envoy 1.40: tokens flow in continuously at `tokens_per_fill` a `fill_interval`, not in steps,
and never above the maximum; a request takes a whole token or is answered 429 `local_rate_limited` (flag RL)
and takes none.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.model.policies import LocalRateLimit

LIMITED_STATUS = 429
LIMITED_BODY = b"local_rate_limited"


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket's size, and how fast it fills in tokens a second."""

    most: float
    rate: float


class Bucket:
    """The only state: how many tokens there were at `filled`, a monotonic time in seconds."""

    __slots__ = ("filled", "tokens")

    def __init__(self, limit: Limit, now: float) -> None:
        """Begin full."""
        self.tokens = limit.most
        self.filled = now


def compile_limit(policy: LocalRateLimit) -> Limit:
    """Return a policy's numbers."""
    return Limit(float(policy.max_tokens), policy.tokens_per_fill / policy.fill_interval)


def admits(limit: Limit, bucket: Bucket, now: float) -> bool:
    """Take a token for a request at `now`, a monotonic time in seconds; False when there is none."""
    tokens = min(limit.most, bucket.tokens + max(now - bucket.filled, 0.0) * limit.rate)
    bucket.filled = now
    admitted = tokens >= 1.0
    bucket.tokens = tokens - 1.0 if admitted else tokens
    return admitted
