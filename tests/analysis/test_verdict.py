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


def test_the_first_sentence_says_it() -> None:
    """The sentence of a verdict is its first."""
    assert _verdict(Kind.PASS).sentence == "PASS."
