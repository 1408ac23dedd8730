from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from edgesim.telemetry import sources


def test_moments_are_in_utc() -> None:
    """Whatever the machine's time zone, the moment that objects are stamped with is in UTC."""
    assert sources.today().utcoffset() == timedelta(0)


def test_nothing_random_comes_twice() -> None:
    """Uids are UUIDs; seeds, tokens and bytes differ from one another."""
    uids = {sources.new_uid() for _ in range(10)}
    assert len(uids) == 10
    assert {UUID(uid).version for uid in uids} == {4}
    assert len({sources.new_seed() for _ in range(10)}) == 10
    assert len({sources.new_token() for _ in range(10)}) == 10
    assert sources.random_bytes(16) != sources.random_bytes(16)
