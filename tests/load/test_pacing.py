from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from edgesim.load import pacing
from edgesim.load.pacing import Alarm, alarm
from edgesim.telemetry.sources import nanoseconds

MAKERS: dict[str, Callable[[Callable[[], None]], Alarm]] = {"finest": alarm, "loop": pacing._LoopTimer}


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
async def test_an_alarm_calls_once_and_not_before_its_time(maker: Callable[[Callable[[], None]], Alarm]) -> None:
    """Set again before it rings it rings at the new time only; one whose time is past rings at once."""
    rung: list[int] = []
    done = asyncio.Event()

    def ring() -> None:
        rung.append(nanoseconds())
        done.set()

    made = maker(ring)
    try:
        at = nanoseconds() + 30_000_000
        made.set(at - 20_000_000)
        made.set(at)
        await done.wait()
        # The loop's own clock is read at the start of its round.
        assert rung[0] >= at - 2_000_000
        done.clear()
        made.set(nanoseconds() - 1)
        await done.wait()
        assert len(rung) == 2
    finally:
        made.close()


async def test_a_closed_alarm_is_silent() -> None:
    """It calls no more."""
    rung: list[int] = []
    made = alarm(lambda: rung.append(1))
    made.set(nanoseconds() + 1_000_000)
    made.close()
    await asyncio.sleep(0.005)
    assert rung == []


async def test_without_a_timer_of_the_system_the_loops_own_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has neither timerfd nor kqueue it works all the same."""

    def refused(_call: Callable[[], None]) -> Alarm:
        raise OSError

    monkeypatch.setattr(pacing, "_TimerFd", refused)
    monkeypatch.setattr(pacing, "_KernelQueue", refused)
    assert isinstance(alarm(lambda: None), pacing._LoopTimer)
