"""The table of response flags."""

from __future__ import annotations

from edgesim.policies.response_flags import BITS, FLAGS, NR, URX, UT, long_names, short_names


def test_no_flag_is_written_as_a_dash() -> None:
    """Without flags both forms are a dash, as Envoy logs it."""
    assert (short_names(0), long_names(0)) == (b"-", b"-")


def test_flags_are_written_in_the_order_of_the_table() -> None:
    """Several flags are joined by commas in Envoy's order, whatever order they were set in."""
    assert short_names(URX | UT) == b"URX,UT"
    assert long_names(URX | UT) == b"UpstreamRetryLimitExceeded,UpstreamRequestTimeout"


def test_each_flag_has_its_own_bit_and_names() -> None:
    """No two flags share a bit, a short or a long name, and each name leads back to its flag."""
    assert len({*BITS.values()}) == len({flag.long for flag in FLAGS}) == len(BITS) == len(FLAGS)
    assert [short_names(BITS[flag.short]).decode() for flag in FLAGS] == [flag.short for flag in FLAGS]
    assert short_names(NR) == b"NR"
