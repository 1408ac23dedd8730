"""When engines that went to different endpoints chose among the same ones."""

from __future__ import annotations

from itertools import count, cycle

import pytest

from edgesim.verify.choices import same_choice
from edgesim.verify.comparing import Seen


def at(endpoint: int) -> Seen:
    return Seen(200, "a", (("v", str(endpoint)),), ())


@pytest.mark.parametrize(
    ("owns", "others", "alike"),
    [((1, 2, 3), (2, 3, 1), True), ((1,), (2,), False), ((1, 2), (3, 4), False), ((1,), (2, 1), False)],
    ids=["turns", "one each", "others", "one of both"],
)
async def test_each_goes_where_the_other_went(owns: tuple[int, ...], others: tuple[int, ...], alike: bool) -> None:
    """Both must be seen where the other was first: one that is always at the same endpoint is not like one that is not."""
    turns = zip(cycle(map(at, owns)), cycle(map(at, others)), strict=True)
    first = next(turns)
    looked = count()

    async def ask() -> tuple[Seen, Seen]:
        next(looked)
        return next(turns)

    assert await same_choice(ask, first, 4) == alike
    assert (next(looked) < 4) == alike
