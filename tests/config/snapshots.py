"""What is recorded, as tests of the state need it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from edgesim.config.encoding import StoredResource
from edgesim.config.revisions import Snapshot
from edgesim.model import Model, Problem, ResourceKey, Severity

START = datetime(2026, 1, 1, tzinfo=UTC)
PROBLEM = Problem("ES0214", Severity.WARNING, "a warning", ResourceKey("VirtualService", "default", "echo"))


def resource(name: str, version: int = 1, writer: str = "all.yaml") -> StoredResource:
    manifest = {"metadata": {"name": name}, "spec": {"version": version, "odd": [None, 1.5, {"a": True}]}}
    return StoredResource("VirtualService", "gateway.solo.io/v1", "default", name, manifest, "all.yaml", 3, writer)


def snapshot(newest: Model, *resources: StoredResource, minute: int = 0, **more: Any) -> Snapshot:
    return Snapshot(START + timedelta(minutes=minute), newest, (), resources, **{"current": True, **more})
