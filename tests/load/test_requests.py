from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

from edgesim.load.requests import Mix
from edgesim.load.scenario import RequestClass, Variables
from tests.load.driving import constant, done, drive
from tests.load.servers import serving


def test_weights_are_kept() -> None:
    """Requests are drawn by weight; one of weight 0 never; measured ones apart from others."""
    classes = (RequestClass("a", weight=1), RequestClass("never", weight=0), RequestClass("b", weight=3))
    mix = Mix(replace(constant(0), requests=classes), Random(1))
    drawn = Counter(mix.next(measured=True).name for _ in range(4000))
    assert set(drawn) == {"a", "b"}
    assert abs(drawn["a"] - 1000) < 5 * (4000 * 0.25 * 0.75) ** 0.5
    assert mix.at(1, measured=True).name == "never"
    assert mix.at(0, measured=True) is not mix.at(0, measured=False)


async def test_variables_are_filled_in() -> None:
    """Each request has the next row, in warm-up too, and the rows begin again when they are through."""
    rows = Variables(("id", "word"), (("1", "a"), ("2", "bcd")))
    request = RequestClass("post", "POST", "/${id}", (("X-Id", "${id}"),), b"${word}")
    async with serving() as server:
        scenario = replace(constant(server.port, 100), requests=(request,), variables=rows, connections=1, warm_up=0.1)
        result = await drive(scenario)
    assert done(result) == 10
    assert [(each.path, each.fields["x-id"], each.body) for each in server.asked] == [
        ("/1", "1", b"a"),
        ("/2", "2", b"bcd"),
    ] * 10


def test_without_variables_nothing_is_filled_in() -> None:
    """What looks like a variable and is none goes over the wire as it is written."""
    mix = Mix(replace(constant(0), requests=(RequestClass("a", path="/${id}"),)), Random(1))
    assert mix.next(measured=True).data.startswith(b"GET /${id} ")
