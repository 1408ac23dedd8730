"""The files that Envoy reads its resources from."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edgesim.dialects.envoy import Kind, Part
from edgesim.envoy.folder import Folder, Subscription


def test_what_is_as_before_is_not_written_again(tmp_path: Path) -> None:
    """A resource is written when it is new or another; only then Envoy must get to a version."""
    folder = Folder(tmp_path)
    folder.begin()
    first = folder.write_each(Kind.ENDPOINTS, {"a": Part({"x": 1}), "b": Part({"x": 1})})
    folder.begin()
    second = folder.write_each(Kind.ENDPOINTS, {"a": Part({"x": 1}), "b": Part({"x": 2})})
    assert first.keys() == {Subscription(Kind.ENDPOINTS, "a"), Subscription(Kind.ENDPOINTS, "b")}
    assert second.keys() == {Subscription(Kind.ENDPOINTS, "b")}


def test_going_back_is_a_new_version(tmp_path: Path) -> None:
    """What was there before has another version when it is written again, so that one can wait for it."""
    folder = Folder(tmp_path)
    versions: list[str] = []
    for value in (1, 2, 1):
        folder.begin()
        versions += folder.write_all(Kind.CLUSTER, {"a": Part({"x": value})}).values()
    assert len(set(versions)) == 3


def test_a_file_is_a_discovery_response(tmp_path: Path) -> None:
    """A file holds a version and the resources with their types, at the path its source says."""
    folder = Folder(tmp_path)
    version = folder.write_all(Kind.CLUSTER, {"a": Part({"name": "a"})})[Subscription(Kind.CLUSTER)]
    path = Path(folder.source(Kind.CLUSTER, "")["path_config_source"]["path"])
    resource = {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "a"}
    assert json.loads(path.read_text()) == {"version_info": version, "resources": [resource]}


def test_what_nobody_follows_is_removed(tmp_path: Path) -> None:
    """Files of resources that are gone go, others stay."""
    folder = Folder(tmp_path)
    folder.write_each(Kind.ROUTES, {"a": Part({}), "b": Part({})})
    folder.forget(Kind.ROUTES, {"b"})
    assert [each.name[:8] for each in tmp_path.iterdir()] == ["routes-b"]


@given(st.lists(st.text(min_size=1, max_size=300), min_size=2, max_size=2, unique=True))
def test_every_name_has_a_file_of_its_own(names: list[str]) -> None:
    """Names of any length and letters lead to different files in the folder."""
    folder = Folder(Path("/somewhere"))
    paths = [Path(folder.source(Kind.SECRET, name)["path_config_source"]["path"]) for name in names]
    assert paths[0] != paths[1]
    assert all(path.parent == folder.path and len(path.name) < 200 for path in paths)
