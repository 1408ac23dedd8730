"""Endpoints of manifests that nobody runs."""

from __future__ import annotations

from edgesim.backends.planned import planned_assignments
from edgesim.config.files import decode_all, read_file, read_paths
from edgesim.dialects import translate
from tests.running import canary


def test_every_pod_of_a_deployment_is_an_endpoint_without_an_address() -> None:
    """Each replica is named by its Deployment, with its labels as metadata and the Service's target port."""
    decoded = decode_all(read_paths(canary("echo", "echo-v2", "upstream", "vs-5")).documents)
    resources = [each.resource for each in decoded if each.resource is not None]
    found = planned_assignments(translate(resources, read_file).model.clusters, resources)["echo_gloo-system"]
    assert [(each.pod.rpartition("-")[0][:8], each.address, each.port) for each in found] == [
        ("echo-v1-", "", 5678),
        ("echo-v2-", "", 5678),
    ]
    assert [dict(each.metadata)["version"] for each in found] == ["v1", "v2"]
