from __future__ import annotations

from edgesim.analysis import Kind, Verdict, gravest


def _verdict(kind: Kind) -> Verdict:
    return Verdict(kind, "split", "?", (f"{kind}.", "Beside it."), 0.99)


def test_the_gravest_word_is_that_of_all() -> None:
    """FAIL goes before NEED-MORE-DATA, that before PASS, and nothing asked is a PASS."""
    passed, failed, open_ = map(_verdict, (Kind.PASS, Kind.FAIL, Kind.NEED_MORE_DATA))
    assert gravest([passed, failed, open_]) is Kind.FAIL
    assert gravest([open_, passed]) is Kind.NEED_MORE_DATA
    assert gravest([passed]) is Kind.PASS
    assert gravest([]) is Kind.PASS


def test_an_advisory_one_may_stay_open() -> None:
    """What may stay open takes no yes away, but a no of it is one."""
    passed, failed, open_ = (Verdict(kind, "latency p99", "?", ("!",), 0.99, advisory=True) for kind in Kind)
    assert gravest([passed, open_]) is Kind.PASS
    assert gravest([passed, open_, failed]) is Kind.FAIL


def test_the_first_sentence_says_it() -> None:
    """The sentence of a verdict is its first."""
    assert _verdict(Kind.PASS).sentence == "PASS."
