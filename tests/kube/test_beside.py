"""What is large is worked on beside the event loop."""

from __future__ import annotations

import threading

import pytest

from edgesim.control.reading import MANY
from edgesim.kube.beside import LARGE, beside, read_beside
from tests.kube.api import CONFIG_MAPS, Api, config_map


@pytest.mark.parametrize(
    ("value", "apart"),
    [({}, False), ({"a": ["b"] * 10}, False), ([0] * (MANY + 1), True), ({"a": [{"b": {}}] * MANY}, True)],
)
async def test_only_what_is_large_leaves_the_event_loop(value: object, *, apart: bool) -> None:
    """Many values are worked on in another thread, few at once."""
    here = threading.get_ident()
    assert (await beside(threading.get_ident, value, {}) != here) is apart


async def test_long_bodies_are_read_beside() -> None:
    """A long body is read in another thread, a short one at once; what reading raises is raised."""
    here = threading.get_ident()
    assert await read_beside(b"", lambda _data: threading.get_ident()) == here
    assert await read_beside(b" " * LARGE, lambda _data: threading.get_ident()) != here
    with pytest.raises(ValueError, match="int"):
        await read_beside(b"a" * LARGE, int)


async def test_a_large_object_is_written_and_patched(api: Api) -> None:
    """What is judged in a thread is stored as the small one is, and refused as that."""
    large = {f"k{number}": "v" for number in range(MANY + 1)}
    assert (await api.ask("POST", CONFIG_MAPS, config_map("large", **large))).status == 201
    again = await api.ask("POST", CONFIG_MAPS, config_map("large", **large))
    assert again.refusal[:2] == (409, "AlreadyExists")
    merge = {"Content_Type": "application/merge-patch+json"}
    patched = await api.ask("PATCH", f"{CONFIG_MAPS}/large", {"data": {"k0": None, "new": "v"}}, **merge)
    assert patched.json["data"].keys() == {*large, "new"} - {"k0"}
    refused = await api.ask("PATCH", f"{CONFIG_MAPS}/large", {"data": {"k1": 1}}, **merge)
    assert refused.refusal[:2] == (400, "BadRequest")


async def test_long_yaml_is_refused(api: Api) -> None:
    """YAML stops everything while it is parsed: a body of it is bounded more than one of JSON, which is YAML, too."""
    headers = {"Content_Type": "application/yaml"}
    long = b"metadata: {name: one}\ndata: {a: " + b"x" * (600 * 1024) + b"}\n"
    assert (await api.ask("POST", CONFIG_MAPS, long, **headers)).refusal[:2] == (413, "RequestEntityTooLarge")
    json = b'{"metadata": {"name": "one"}, "data": {"a": "' + b"x" * (600 * 1024) + b'"}}'
    assert (await api.ask("POST", CONFIG_MAPS, json, **headers)).status == 201
