from __future__ import annotations

import pytest

from edgesim.model import EdgesimError
from edgesim.simulate.asked import read_bound, read_plan, read_rate, read_rise, read_seconds, read_share
from edgesim.simulate.plans import Bound, Of
from edgesim.simulate.rollout import Step


def test_a_plan() -> None:
    """Steps are shares with the time each is held; the last is everybody."""
    assert read_plan("5%:10m, 0.25:1h30m,100%") == (Step(0.05, 600), Step(0.25, 5400), Step(1.0))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("5%", "the last step is `100%`"),
        ("100%", "each step but the last is held"),
        ("5%,100%", "each step but the last is held"),
        ("5%:10m,100%:1m", "the last step is the end"),
        ("25%:10m,5%:10m,100%", "grow from step to step"),
        ("0%:10m,100%", "more than 0%"),
        ("five:10m,100%", "`five` is no share"),
        ("5%:soon,100%", "no duration"),
        ("5%:0s,100%", "no duration"),
        ("", "no share"),
    ],
)
def test_no_plan(text: str, why: str) -> None:
    """A plan that is none is refused in one sentence, with its code and exit code 2."""
    with pytest.raises(EdgesimError, match=why) as raised:
        read_plan(text)
    assert [each.code for each in raised.value.problems] == ["ES1103"]
    assert raised.value.exit_code == 2


def test_the_others() -> None:
    """Rises, bounds, shares and times are read as people write them."""
    assert read_rise("errors+1%") == 0.01
    assert read_rise(" errors + 0.5% ") == 0.005
    assert read_bound("users<1,000", 0.9) == Bound(Of.USERS, 1000, 0.9)
    assert read_share("--share", "1/20") == 0.05
    assert read_rate("--errors", "0") == 0
    assert read_seconds("--every", "1m30s") == 90


@pytest.mark.parametrize("text", ["latency+1%", "errors+", "errors+x", "errors-1%", "errors+100%"])
def test_no_rise(text: str) -> None:
    """What is no rise of errors is refused."""
    with pytest.raises(EdgesimError, match="ES1103"):
        read_rise(text)


@pytest.mark.parametrize("text", ["users>5", "people<5", "users<few"])
def test_no_bound(text: str) -> None:
    """What is no bound is refused, with the forms there are."""
    with pytest.raises(EdgesimError, match="users<1000"):
        read_bound(text, 0.9)
