"""Objects that files declare, as `kubectl apply` sees them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from edgesim.config.applied import LAST_APPLIED
from edgesim.config.store import CONTROLLER, Store, published
from edgesim.control.changes import API_WRITER
from edgesim.dialects import Document, decode, nowhere
from edgesim.kube.answers import shown
from edgesim.kube.file_applied import with_last_applied

MANIFEST: dict[str, Any] = {
    "kind": "VirtualService",
    "apiVersion": "gateway.solo.io/v1",
    "metadata": {"name": "echo"},
    "spec": {"virtualHost": {"domains": ["a<b&c>d"]}},
}


def annotation(writer: str, manifest: dict[str, Any]) -> str | None:
    """Return the annotation of an object that `writer` wrote."""
    store = Store(lambda: datetime(2026, 1, 1, tzinfo=UTC), lambda: "uid")
    resource = decode(Document(manifest, nowhere(writer))).resource
    assert resource is not None
    entry = store.put(resource, writer).entry
    found: dict[str, str] = with_last_applied(entry, published(entry))["metadata"].get("annotations") or {}
    return found.get(LAST_APPLIED)


def test_a_file_counts_as_applied() -> None:
    """The annotation is what kubectl writes: sorted, with the namespace, Go's escapes and a line break."""
    assert annotation("vs.yaml", MANIFEST) == (
        '{"apiVersion":"gateway.solo.io/v1","kind":"VirtualService","metadata":{"annotations":{},"name":"echo",'
        '"namespace":"default"},"spec":{"virtualHost":{"domains":["a\\u003cb\\u0026c\\u003ed"]}}}\n'
    )


@pytest.mark.parametrize("writer", [API_WRITER, CONTROLLER])
def test_what_no_file_declares_was_not_applied(writer: str) -> None:
    """An object of the API's or a controller's has no annotation that its writer did not give it."""
    assert annotation(writer, MANIFEST) is None


def test_an_annotation_that_is_there_stays() -> None:
    """A file that was taken from a cluster brings the annotation along, which is kept."""
    dumped = {**MANIFEST, "metadata": {"name": "echo", "annotations": {LAST_APPLIED: "{}"}}}
    assert annotation("vs.yaml", dumped) == "{}"


@pytest.mark.parametrize(
    "manifest",
    [
        {
            "kind": "Service",
            "apiVersion": "v1",
            "metadata": {"name": "echo"},
            "spec": {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "ports": [{"port": 80}]},
        },
        {
            "kind": "Deployment",
            "apiVersion": "apps/v1",
            "metadata": {"name": "echo", "annotations": {"deployment.kubernetes.io/revision": "10.96"}},
            "spec": {
                "selector": {"matchLabels": {"app": "echo"}},
                "template": {"metadata": {"labels": {"app": "echo"}}, "spec": {"containers": [{"name": "a"}]}},
            },
        },
    ],
    ids=lambda manifest: manifest["kind"],
)
def test_what_controllers_assign_was_not_applied(manifest: dict[str, Any]) -> None:
    """An address and a revision are no part of it: `kubectl apply` of the file takes neither away."""
    text = annotation("echo.yaml", manifest)
    assert text is not None
    assert '"name":"echo","namespace":"default"' in text
    assert "10.96" not in text


def test_what_a_file_declares_is_shown_with_defaults() -> None:
    """As a cluster shows it, whoever wrote it: `kubectl describe service` has a type to tell."""
    store = Store(lambda: datetime(2026, 1, 1, tzinfo=UTC), lambda: "uid")
    service = {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "echo"}, "spec": {"ports": [{"port": 80}]}}
    resource = decode(Document(service, nowhere("echo.yaml"))).resource
    assert resource is not None
    spec = shown(store.put(resource, "echo.yaml").entry)["spec"]
    assert (spec["type"], spec["ports"]) == ("ClusterIP", [{"port": 80, "protocol": "TCP", "targetPort": 80}])
