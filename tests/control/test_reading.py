"""What is much to read is read beside the event loop, on which the embedded pods answer."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from edgesim.config.store import Store
from edgesim.control import Delete, Instance
from edgesim.control.reading import LARGE, MANY, Judging, are_many, bring_much, read
from edgesim.dialects import Judge, Memo, fault_of
from edgesim.model import ResourceKey
from tests.control.scenes import RecordingEngine, puts, resources
from tests.control.test_accept import UPSTREAM, Steps


def virtual_service(name: str, routes: int) -> str:
    listed = "\n".join(
        f"    - {{matchers: [{{prefix: /{each}}}], directResponseAction: {{status: 200}}}}" for each in range(routes)
    )
    return f"""
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: gloo-system}}
spec:
  virtualHost:
    domains: [{name}.example]
    routes:
{listed}
"""


@pytest.fixture
def places() -> list[bool]:
    """For each translation, whether it was made beside the event loop."""
    return []


@pytest.fixture
def judging(places: list[bool]) -> Judging:
    @contextmanager
    def noted() -> Iterator[Judge]:
        places.append(threading.current_thread() is not threading.main_thread())
        yield fault_of

    def lend() -> AbstractContextManager[Judge]:
        return noted()

    return lend


async def test_one_object_of_many_routes_is_read_beside(
    store: Store, judging: Judging, places: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object with many routes is read in a thread, and so is what is written while they are there; else nothing is."""
    monkeypatch.setattr("edgesim.control.reading.MANY", 200)
    instance = Instance(store, RecordingEngine(), Steps(), judging=judging)
    await instance.write(puts(virtual_service("small", 2)))
    await instance.rehearse(puts(virtual_service("big", 200)))
    await instance.write(puts(virtual_service("big", 200)))
    await instance.write(puts(UPSTREAM))
    assert places == [False, True, True, True]
    await instance.write([Delete(ResourceKey("VirtualService", "gloo-system", "big"))])
    places.clear()
    instance._burst.translated(0, 0)
    await instance.write(puts(virtual_service("small", 3)))
    assert places == [False]
    await instance.close(grace=0)


async def test_the_collector_rests_while_much_is_read(judging: Judging, places: list[bool]) -> None:
    """What is read apart is read without the garbage collector, which stops every thread; then that goes on."""
    enabled: list[bool] = []

    @contextmanager
    def noted() -> Iterator[Judge]:
        enabled.append(gc.isenabled())
        with judging() as judge:
            yield judge

    for apart in (False, True):
        translation = await read(resources(virtual_service("small", 2)), Memo(), noted, apart=apart)
        assert len(translation.model.virtual_hosts) == 1
    assert (enabled, places, gc.isenabled()) == ([True, False], [False, True], True)


def test_what_is_much() -> None:
    """Many values at any depth are much, in one object or in several; so are many writes, but no deletion is by itself."""
    (small,) = puts(UPSTREAM)
    gone = Delete(small.key)
    assert not bring_much([small, gone])
    assert bring_much([gone] * LARGE)
    assert bring_much([gone, *puts(virtual_service("big", MANY // 4))])
    assert not are_many([[0] * (MANY - 2)])
    assert are_many([[0] * (MANY - 1)])
    assert are_many({"a": {"b": [{}] * (MANY // 2)}}, [0] * (MANY // 2))
