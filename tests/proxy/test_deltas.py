"""Changes of large virtual hosts: only new routes are sent, in pieces, and the worker has the same routes in the end."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edgesim.model import (
    NO_MUTATIONS,
    NO_POLICIES,
    Model,
    OriginStep,
    Route,
    Update,
    VirtualHost,
)
from edgesim.model.policies import Cors, Policies
from edgesim.proxy import channel
from edgesim.proxy.deltas import LARGE, NOTHING, Delta, Kept, delta, pieces_of, put_together
from edgesim.proxy.packing import pack, unpack
from tests.proxy.scenes import direct, to

ORIGIN = (OriginStep("VirtualService", "gloo-system", "echo", "echo.yaml", ("spec",)),)


def host(*routes: Route) -> VirtualHost:
    """A virtual host with routes."""
    return VirtualHost("large", ("*",), routes, origin=ORIGIN)


def change(old: tuple[Route, ...], new: tuple[Route, ...]) -> Delta:
    """The way from one large virtual host to another."""
    return delta(Update(1, Model((host(*old),)), {}), Update(2, Model((host(*new),)), {}))


POOL = tuple(direct(f"/{number}") for number in range(12))


@given(st.lists(st.sampled_from(POOL), max_size=20), st.lists(st.sampled_from(POOL), max_size=20))
def test_pieces_put_together_are_the_new_routes(old: list[Route], new: list[Route]) -> None:
    """Whatever was put in, taken out, moved or doubled."""
    pieces, sent = pieces_of(old, new)
    made = put_together(delta(NOTHING, Update(1, Model((host(*POOL * 6),)), {})).changed[0], (), iter(POOL * 6))
    assert made.routes == POOL * 6
    routes: list[Route] = []
    left = iter(sent)
    for piece in pieces:
        routes += [next(left) for _ in range(piece)] if isinstance(piece, int) else old[piece.start : piece.stop]
    assert routes == new
    assert not list(left)
    assert len(pieces) <= len(new) + 2


def test_only_new_routes_are_sent() -> None:
    """One changed route of twenty thousand, and three put in, are a message of a kilobyte, wherever they are."""
    old = tuple(direct(f"/{number}") for number in range(20_000))
    new = (*old[:7], direct("/changed"), *old[8:900], direct("/a"), direct("/b"), *old[900:], direct("/end"))
    found = change(old, new)
    assert found.hosts == ()
    assert [route.matches[0].path.value for route in found.routes] == ["/changed", "/a", "/b", "/end"]
    assert found.changed[0].pieces == (Kept(0, 7), 1, Kept(8, 900), 2, Kept(900, 20_000), 1)
    assert sum(map(len, channel.frames(found))) < 2000


def test_equal_routes_need_not_be_the_same_objects() -> None:
    """What was translated again and came out the same is not sent again."""
    old = tuple(direct(f"/{number}") for number in range(LARGE))
    again = tuple(direct(f"/{number}") for number in range(LARGE))
    found = change(old, (*again[:5], direct("/new"), *again[5:]))
    assert found.changed[0].pieces == (Kept(0, 5), 1, Kept(5, LARGE))


def test_a_large_delta_is_sent_in_pieces() -> None:
    """None of them is large, and together they are the delta."""
    old = tuple(direct(f"/{number}") for number in range(1000))
    messages = [unpack(frame[8:]) for frame in channel.frames(change((), old))]
    assert all(len(message.routes) <= 100 for message in messages)
    assert [route for message in messages for route in message.routes] == list(old)
    assert put_together(messages[-1].changed[0], (), iter(old)).routes == old


# -- packing -------------------------------------------------------------------------------------------


def test_what_is_packed_comes_back_without_its_origin() -> None:
    """Every field of every part arrives, but for where it came from."""
    route = replace(
        to(path="/x", timeout=3.0), name="named", number=3, origin=ORIGIN, policies=Policies(cors=Cors(max_age="5"))
    )
    made = unpack(pack(host(route, to())))
    assert made == replace(host(replace(route, origin=()), to()), origin=())
    assert _no_origin(made)


def _no_origin(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_no_origin, value))
    if not is_dataclass(value):
        return True
    return not isinstance(value, OriginStep) and all(_no_origin(getattr(value, each.name)) for each in fields(value))


def test_what_most_routes_have_stays_one_object() -> None:
    """A hundred thousand routes without policies share the object that says so, also in the worker."""
    made = unpack(pack(to()))
    assert made.policies is NO_POLICIES
    assert made.headers is NO_MUTATIONS
