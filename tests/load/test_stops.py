from __future__ import annotations

import pytest

from edgesim.load.results import Cell
from edgesim.load.stops import condition, look
from edgesim.model import EdgesimError
from edgesim.telemetry.slots import slot_of

# 90 answers of 1 ms, 9 of 10 ms, one 503 of 100 ms, and 25 timeouts.
CELLS = (
    Cell("get", 200, "v1", count=90, latency={slot_of(1000): 90}),
    Cell("get", 200, "v2", count=9, latency={slot_of(10_000): 9}),
    Cell("get", 503, "v2", count=1, latency={slot_of(100_000): 1}),
    Cell("get", 0, "", "timeout", count=25, latency={slot_of(10_000_000): 25}),
)


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("p50>900us", True),
        ("p50 > 1.5ms", False),
        ("p99<=20ms", True),
        ("p99.9>99ms", True),
        ("max<50ms", False),
        ("mean>2ms", True),
        ("mean>3ms", False),
        ("errors>20%", True),
        ("errors>20.9%", False),
        ("errors>=26", True),
        ("errors>26", False),
        ("errors<1%", False),
    ],
)
def test_a_condition_is_looked_at(text: str, true: bool) -> None:
    """Latency is that of answers; errors are answers of 500 and more, and requests without one."""
    assert look(condition("--fail-if", text), CELLS).true is true


def test_what_was_found_is_said() -> None:
    """A sentence names the condition and the figure."""
    assert look(condition("--fail-if", "p50>1s"), CELLS).sentence == "p50>1s: it is 1 ms"
    found = look(condition("--fail-if", "errors>1%"), CELLS)
    assert found.sentence == "errors>1%: it is 20.800% (26 of 125)"


def test_few_requests_say_little() -> None:
    """A percentile needs as many requests that it can be told from the maximum; a number of errors needs none."""
    assert look(condition("--fail-if", "p99>1ms"), CELLS).enough
    assert not look(condition("--fail-if", "p99.9>1ms"), CELLS).enough
    assert not look(condition("--fail-if", "errors>1%"), CELLS[1:]).enough
    assert look(condition("--fail-if", "errors>1"), CELLS[1:]).enough
    nothing = look(condition("--fail-if", "p99>1ms"), ())
    assert not nothing.true
    assert not nothing.enough


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("p99", "write a percentile"),
        ("p99>50", "`50` is no duration"),
        ("p100>1ms", "no percentile between"),
        ("p9.9.9>1ms", "no percentile between"),
        ("median>1ms", "`median` is no figure"),
        ("errors>some", "neither a share"),
        ("errors>-1%", "neither a share"),
        ("errors>nan", "neither a share"),
        ("mean5>1ms", "no figure"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, said: str) -> None:
    """The option, what was typed and why it is wrong, with exit code 2."""
    with pytest.raises(EdgesimError, match="ES1201") as caught:
        condition("--fail-if", text)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2
