from __future__ import annotations

from edgesim.analysis.worse import Rate
from edgesim.load import wording


def test_numbers_in_sentences() -> None:
    """Numbers are written as one reads them."""
    assert wording.of(Rate(12, 10_000)) == "0.12% (12 of 10,000)"
    assert [wording.points(each) for each in (0.01, 0.005, -0.0123, 0.5)] == [
        "1 point",
        "0.5 points",
        "-1.2 points",
        "50 points",
    ]
    assert [wording.more_by(each) for each in (0.01, -0.02)] == ["1 point more", "2 points fewer"]
    assert [wording.most_more(each) for each in (0.01, -0.02)] == ["at most 1 point more", "at least 2 points fewer"]
    assert [wording.most_slower(each) for each in (1.125, 0.97)] == ["at most 12.5% slower", "at least 3% faster"]
    assert [wording.slower_by(each) for each in (1.125, 0.97)] == ["12.5% slower", "3% faster"]
    assert [wording.ms(each) for each in (0.1234, 12.34, 2345.6)] == ["0.123 ms", "12.3 ms", "2,346 ms"]
    assert wording.takes(None) == "cannot be told: it is just that"
    assert wording.takes(0) == "takes about 1 more requests to tell"
