from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from edgesim.backends import Controllers, PodRuntime
from edgesim.config.store import Store
from edgesim.control import Instance
from tests.control.scenes import RecordingEngine


@pytest.fixture
def engine() -> RecordingEngine:
    return RecordingEngine()


@pytest.fixture
def store() -> Store:
    numbers = itertools.count(1)
    return Store(lambda: datetime(2026, 1, 1, tzinfo=UTC), lambda: f"uid-{next(numbers)}")


@pytest.fixture
async def instance(engine: RecordingEngine, store: Store) -> AsyncIterator[Instance]:
    made = Instance(store, engine, Controllers(store, PodRuntime()))
    yield made
    await made.close(grace=0)
