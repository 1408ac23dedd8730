"""How something is to be broken, read from what people say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.admin.breakages import KEYS, LONGEST, NoBreakageError, read_breakage
from edgesim.policies.breakage import Breakage


@pytest.mark.parametrize(
    ("said", "found", "seconds"),
    [
        ({"latency": "200ms"}, Breakage(latency=0.2), None),
        ({"error-rate": "5%", "for": "30s"}, Breakage(error_rate=0.05), 30.0),
        ({"error-rate": "0.05", "latency": "1m"}, Breakage(latency=60.0, error_rate=0.05), None),
        ({"hang": "", "reset": "false"}, Breakage(hang=True), None),
        ({"reset": "true"}, Breakage(reset=True), None),
        ({"kill": "1", "for": "24h"}, Breakage(kill=True), LONGEST),
    ],
)
def test_what_is_said_is_read(said: dict[str, str], found: Breakage, seconds: float | None) -> None:
    """Durations are Go's, shares per cent or parts of 1, and a word alone means yes."""
    assert read_breakage(said) == (found, seconds)


@pytest.mark.parametrize(
    ("said", "key", "why"),
    [
        ({}, "", "break it how?"),
        ({"latency": "0"}, "", "break it how?"),
        ({"hang": "no", "for": "1s"}, "", "break it how?"),
        ({"hang": "", "kill": ""}, "", "only one of"),
        ({"error-rate": "5%", "reset": ""}, "", "only one of"),
        ({"latncy": "1s"}, "latncy", "did you mean `latency`?"),
        ({"zzz": ""}, "zzz", "there are: latency, "),
        ({"latency": "fast"}, "latency", "is not a duration"),
        ({"latency": "25h"}, "latency", "longer than a day"),
        ({"error-rate": "5"}, "error-rate", "is more than every request; did you mean 5%?"),
        ({"error-rate": "120%"}, "error-rate", "is more than every request"),
        ({"hang": "", "for": "0s"}, "for", "longer than 0 s"),
    ],
)
def test_what_says_nothing_is_refused(said: dict[str, str], key: str, why: str) -> None:
    """The error names the word at fault and what is wrong with it."""
    with pytest.raises(NoBreakageError) as refused:
        read_breakage(said)
    assert refused.value.key == key
    assert why in str(refused.value)


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), st.text(max_size=8) | st.just("5%"), max_size=4))
def test_whatever_is_said_is_read_or_refused(said: dict[str, str]) -> None:
    """Nothing that is said fails otherwise than by a refusal, and what is read breaks something, for a day at most."""
    try:
        found, seconds = read_breakage(said)
    except NoBreakageError:
        return
    assert found != Breakage()
    assert 0 <= found.latency <= LONGEST
    assert 0 <= found.error_rate <= 1
    assert seconds is None or 0 < seconds <= LONGEST
