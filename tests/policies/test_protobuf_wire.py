"""Protobuf's wire format."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgesim.policies.protobuf_wire import VARINT, length_delimited, read_fields, tag, varint

NUMBERS = st.integers(1, 1 << 28)


@given(st.lists(st.tuples(NUMBERS, st.integers(0, (1 << 64) - 1) | st.binary(max_size=300))))
def test_what_is_written_is_read(listed: list[tuple[int, int | bytes]]) -> None:
    """Fields of a message are read as they were written, in their order."""
    written = (
        length_delimited(number, value) if isinstance(value, bytes) else tag(number, VARINT) + varint(value)
        for number, value in listed
    )
    assert [(number, value) for number, _, value in read_fields(b"".join(written))] == listed
