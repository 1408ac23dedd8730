"""A store whose workloads are followed by plans alone: pods that are written count as ready, unless told otherwise."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from edgesim.backends.objects import HASH_LABEL, Told, key_of, labels_of, spell, template_hash
from edgesim.backends.workloads import Workloads
from edgesim.config.store import Entry
from edgesim.model import ResourceKey
from tests.control.scenes import deployment, made_store, resources


class Cluster:
    """Steps are made one by one; time goes on only when it is told to."""

    def __init__(self) -> None:
        self.store = made_store()
        self.told: list[Told] = []
        self.broken: set[str] = set()
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self._since: dict[ResourceKey, datetime] = {}
        numbers = itertools.count()
        self.workloads = Workloads(
            self.store, lambda: spell(next(numbers), 5), lambda: self.time, self.told.append, shown=True
        )

    def ready(self) -> dict[ResourceKey, float]:
        found = {}
        for pod in self.store.entries("Pod"):
            if labels_of(pod.resource).get(HASH_LABEL) not in self.broken:
                since = self._since.setdefault(key_of(pod), self.time)
                found[key_of(pod)] = (self.time - since).total_seconds()
        return found

    def step(self) -> bool:
        """Make one plan; what it writes is ready afterwards."""
        busy = self.workloads.plan(self.ready())
        self.workloads.publish(self.ready())
        return busy

    def settle(self) -> None:
        for _ in range(50):
            if not self.step():
                return
        raise AssertionError("it never comes to rest")

    def put(self, text: str) -> None:
        for resource in resources(text):
            self.store.put(resource, "test")

    def apply(self, text: str) -> None:
        self.put(text)
        self.settle()

    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def delete(self, kind: str, name: str) -> None:
        self.store.delete(ResourceKey(kind, "echo", name))

    def pods(self) -> list[str]:
        return [pod.resource.name for pod in self.store.entries("Pod")]

    def sets(self) -> dict[str, int]:
        """The replicas of each ReplicaSet by its revision."""
        return {
            entry.resource.manifest["metadata"]["annotations"][
                "deployment.kubernetes.io/revision"
            ]: entry.resource.manifest["spec"]["replicas"]
            for entry in self.store.entries("ReplicaSet")
        }

    def entry(self, kind: str, name: str) -> Entry:
        found = self.store.get(ResourceKey(kind, "echo", name))
        assert found is not None
        return found

    def status(self, name: str = "echo-v1") -> dict[str, Any]:
        status = self.entry("Deployment", name).status
        assert status is not None
        return status

    def condition(self, kind: str, name: str = "echo-v1") -> tuple[str, str]:
        (found,) = [each for each in self.status(name)["conditions"] if each["type"] == kind]
        return found["status"], found["reason"]


def rolling(text: str, replicas: int, more: str = "", name: str = "echo-v1") -> str:
    """A Deployment with more fields in its spec, each line indented by two."""
    return deployment(name, text, replicas).replace("\nspec:\n", f"\nspec:\n{more}", 1)


def hash_of(text: str) -> str:
    return template_hash(resources(deployment(text=text))[0].manifest["spec"]["template"])
