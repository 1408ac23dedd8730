"""Query parameters as the matcher reads them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgesim.routing.query import first_of, parameters


def test_the_first_occurrence_counts_and_nothing_is_decoded() -> None:
    """Repeated keys keep their first value; a key without `=` has an empty one; escapes stay."""
    found = parameters(b"a=1&a=2&b&c=&d=e=f&%20=+")
    assert found == {b"a": b"1", b"b": b"", b"c": b"", b"d": b"e=f", b"%20": b"+"}


@given(st.text("ab=&%", max_size=12).map(str.encode), st.sampled_from((b"", b"a", b"b", b"ab", b"c")))
def test_one_parameter_is_that_of_all(query: bytes, name: bytes) -> None:
    """Who asks for one parameter gets what stands among all of them, or nothing."""
    found = parameters(query)
    assert first_of(query, name) == ((found[name],) if name in found else ())
