from __future__ import annotations

from edgesim.control.bursts import LINGER, PROMPT, Burst


def test_a_burst_ends_where_its_writers_pause() -> None:
    """Who writes on and on is answered at once when translating took PROMPT; after a pause writers wait again."""
    burst = Burst()
    assert burst.has_patience(0.0)
    burst.translated(0.0, PROMPT)
    burst.answered(PROMPT)
    assert not burst.has_patience(PROMPT + 0.01)
    burst.answered(PROMPT + 0.01)
    assert not burst.has_patience(2 * PROMPT)
    burst.answered(1.0)
    assert burst.has_patience(1.0 + 2 * PROMPT)


def test_what_controllers_translate_prolongs_no_burst() -> None:
    """Translations that follow each other without a write leave a writer who comes then as patient as any."""
    burst = Burst()
    burst.answered(0.0)
    for step in range(100):
        burst.translated(step * LINGER, step * LINGER + 0.01)
    assert burst.has_patience(100 * LINGER)


def test_a_late_write_after_a_long_translation_belongs_to_the_burst() -> None:
    """A write that a translation of half a second held up is no pause of its writer."""
    burst = Burst()
    burst.translated(0.0, 0.5)
    burst.answered(0.5)
    assert not burst.has_patience(1.2)


def test_a_long_translation_makes_the_next_one_step_aside() -> None:
    """What took longer than anybody waits for is slow, until something was translated quickly again."""
    burst = Burst()
    told = [burst.is_slow]
    for took in (2 * PROMPT, 0.0):
        burst.translated(1.0, 1.0 + took)
        told.append(burst.is_slow)
    assert told == [False, True, False]
