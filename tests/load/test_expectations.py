from __future__ import annotations

from dataclasses import replace

import pytest

from edgesim.load.expectations import Comparison, Expectations, Split, Wanted, check, expectations
from edgesim.load.scenario import By, Destination
from edgesim.model import EdgesimError
from tests.load import samples


def test_options_are_read() -> None:
    """Weights, tolerance, versions, margins and confidence are read as they are meant."""
    wanted = Wanted("v1=90, v2=10", "1%", "v1, v2", "0.5%", "20%", "95%")
    split = Split({"v1": 90.0, "v2": 10.0}, 0.01, 0.95)
    assert expectations(wanted) == Expectations(split, Comparison("v1", "v2", 0.005, 0.2, 0.95))
    assert expectations(Wanted("v1=1,v2=0")) == Expectations(Split({"v1": 1.0, "v2": 0.0}))
    assert expectations(Wanted(compare="old=1,new")) == Expectations(None, Comparison("old=1", "new"))
    assert expectations(Wanted("a=b=90%,c=10%", confidence="0.9")).split == Split({"a=b": 90.0, "c": 10.0}, None, 0.9)


def test_nothing_asked_is_nothing() -> None:
    """Where nothing is asked there is nothing to judge."""
    assert not expectations(Wanted())
    assert expectations(Wanted("v1=1"))
    assert expectations(Wanted(compare="v1,v2"))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted("v1"), "`v1` is no destination with its weight"),
        (Wanted("v1:90,v2:10"), "write `v1=90,v2=10`"),
        (Wanted("=90"), "no destination"),
        (Wanted("v1=x"), "`x` is no weight"),
        (Wanted("v1=-1"), "no weight"),
        (Wanted("v1=nan"), "no weight"),
        (Wanted("v1=1,v1=2"), "stands there twice"),
        (Wanted("v1=0,v2=0"), "all weights are zero"),
        (Wanted("v1=1", "0.01"), "as `1%`"),
        (Wanted("v1=1", "x%"), "write a share"),
        (Wanted("v1=1", "0%"), "above 0%"),
        (Wanted("v1=1", "101%"), "write a share"),
        (Wanted("", "1%"), "--tolerance `1%`: it is for --expect-split"),
        (Wanted(margin="1%"), "it is for --compare"),
        (Wanted(latency_margin="1%"), "--latency-margin `1%`: it is for --compare"),
        (Wanted(confidence="0.9"), "--confidence"),
        (Wanted("v1=1", confidence="1"), "from 0.5 to 0.999999"),
        (Wanted("v1=1", confidence="99"), "from 0.5"),
        (Wanted("v1=1", confidence="high"), "from 0.5"),
        (Wanted(compare="v1"), "name two versions"),
        (Wanted(compare="v1,"), "name two versions"),
        (Wanted(compare="v1,v2,v3"), "name two versions"),
        (Wanted(compare="v1,v1"), "both are the same"),
    ],
)
def test_what_cannot_be_read(wanted: Wanted, said: str) -> None:
    """Each option that cannot be read is named, with what it takes, and ends the command with 2."""
    with pytest.raises(EdgesimError) as caught:
        expectations(wanted)
    assert caught.value.exit_code == 2
    assert caught.value.problems[0].code == "ES1230"
    assert said in str(caught.value)


def test_answers_must_tell_their_version() -> None:
    """Before the run it is found out that no answer would tell its version."""
    silent = replace(samples.scenario(), destination=Destination(By.NOTHING))
    for wanted, option in ((Wanted("v1=1"), "--expect-split"), (Wanted(compare="v1,v2"), "--compare")):
        with pytest.raises(EdgesimError, match=f"{option}: nothing says which version .*--by"):
            check(expectations(wanted), silent)
        check(expectations(wanted), samples.scenario())
    check(expectations(Wanted()), silent)
