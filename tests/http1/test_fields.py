"""Fields between the two sides."""

from __future__ import annotations

import pytest

from edgesim.http1.fields import HOP_BY_HOP, BadFieldsError, connection_options, forwardable, head_bytes, repeated

FIELDS = [(b"host", b"a"), (b"x", b"1"), (b"connection", b"x"), (b"y", b"2")]


def test_fields_that_connection_names_are_dropped() -> None:
    """Hop-by-hop fields and those that Connection names go no further; the rest keeps its order."""
    assert forwardable(FIELDS, b"close, X", HOP_BY_HOP) == [(b"host", b"a"), (b"y", b"2")]
    assert forwardable(FIELDS, None, HOP_BY_HOP) == [(b"host", b"a"), (b"x", b"1"), (b"y", b"2")]


@pytest.mark.parametrize(
    "named",
    [
        b"host",
        b"Content-Length",
        b"x, transfer-encoding",
        b",".join(b"abcdefghij"[i : i + 1] for i in range(10)),
        b":x",
    ],
)
def test_connection_may_not_name_what_frames_or_addresses(named: bytes) -> None:
    """A Connection that would take the framing or the host away is refused, and one of ten options."""
    with pytest.raises(BadFieldsError) as refused:
        forwardable(FIELDS, named, HOP_BY_HOP)
    assert refused.value.status == 400


def test_connection_options_are_lower_case_and_without_te() -> None:
    """Options are a list without regard to case; `te` stays end-to-end."""
    assert connection_options(b"Close, , TE,Upgrade ") == {b"close", b"upgrade"}


def test_repeated_names_have_all_their_lines() -> None:
    """Only names that occur twice are told, with every line in order."""
    assert repeated([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]) == {b"a": [b"1", b"3"]}


def test_a_head_is_written_with_its_blank_line() -> None:
    """Start line, fields, ready-made lines, a blank line."""
    assert head_bytes(b"GET / HTTP/1.1", [(b"a", b"1")], b"b: 2") == b"GET / HTTP/1.1\r\na: 1\r\nb: 2\r\n\r\n"
    assert head_bytes(b"X", []) == b"X\r\n\r\n"
