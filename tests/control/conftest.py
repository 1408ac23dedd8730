from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from edgesim.backends import Controllers, PodRuntime
from edgesim.config.store import Store
from edgesim.control import Instance
from tests.control.scenes import RecordingEngine, made_store


@pytest.fixture
def engine() -> RecordingEngine:
    return RecordingEngine()


@pytest.fixture
def store() -> Store:
    return made_store()


@pytest.fixture
async def instance(engine: RecordingEngine, store: Store) -> AsyncIterator[Instance]:
    made = Instance(store, engine, Controllers(store, PodRuntime()))
    yield made
    await made.close(grace=0)
