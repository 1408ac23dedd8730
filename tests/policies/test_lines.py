"""Header values as Envoy's filters read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.policies.lines import first, line, number
from tests.policies.heads import head_of


def test_repeated_headers_are_one_line_or_their_first() -> None:
    """Known headers are joined by commas, of others the first line counts."""
    head = head_of(("a", "1"), ("b", "x"), ("a", "2"))
    assert (line(head, b"a"), line(head, b"b"), line(head, b"c")) == (b"1,2", b"x", b"")
    assert (first(head, b"a"), first(head, b"b"), first(head, b"c")) == (b"1", b"x", None)
    plain = head_of(("a", "1"))
    assert (line(plain, b"a"), first(plain, b"a")) == (b"1", b"1")


@pytest.mark.parametrize("text", [b"", b"-1", b"1x", b"0x1", b"1 2", b"18446744073709551616", b"\xb2"])
def test_what_is_no_unsigned_number_is_none(text: bytes) -> None:
    """Signs, units, other scripts' digits and more than 64 bits are refused."""
    assert number(text) is None


@given(st.integers(0, 2**64 - 1), st.sampled_from(["{}", " {} ", "+{}", "\t+{}"]))
def test_numbers_may_have_blanks_and_a_plus_sign(value: int, shape: str) -> None:
    """Every 64-bit number is read whatever stands around it."""
    assert value == number(shape.format(value).encode())
