from __future__ import annotations

import gc

import pytest

from edgesim.telemetry.collector import MANY, resting_collector, sparing_collector


def test_it_rests_and_is_as_before() -> None:
    """Inside nothing is collected; behind it the collector is as it was, on or off."""
    with resting_collector():
        assert not gc.isenabled()
        with resting_collector():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


@pytest.mark.parametrize("keep", [False, True])
def test_what_is_kept_is_not_looked_at_again(keep: bool) -> None:
    """With `keep` what there is at the end is frozen, also after an error; without it nothing is."""
    before = gc.get_freeze_count()
    try:
        with pytest.raises(KeyError), resting_collector(keep=keep):
            raise KeyError
        assert (gc.get_freeze_count() > before) == keep
    finally:
        gc.unfreeze()


def test_only_much_is_kept() -> None:
    """The sparing one keeps what was made where that is much; of little it goes on as ever."""
    before = gc.get_freeze_count()
    try:
        with sparing_collector():
            little: list[list[int]] = [[] for _ in range(MANY // 10)]
        assert gc.get_freeze_count() == before
        with sparing_collector():
            much: list[list[int]] = [[] for _ in range(MANY + 1)]
        assert gc.get_freeze_count() > before + MANY
    finally:
        gc.unfreeze()
    assert gc.isenabled()
    assert len(much) > len(little)
