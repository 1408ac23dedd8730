"""Query parameters as the matcher reads them."""

from __future__ import annotations

from edgesim.routing.query import parameters


def test_the_first_occurrence_counts_and_nothing_is_decoded() -> None:
    """Repeated keys keep their first value; a key without `=` has an empty one; escapes stay."""
    found = parameters(b"a=1&a=2&b&c=&d=e=f&%20=+")
    assert found == {b"a": b"1", b"b": b"", b"c": b"", b"d": b"e=f", b"%20": b"+"}
