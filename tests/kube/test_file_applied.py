"""Objects that files declare, as `kubectl apply` sees them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from edgesim.config.applied import LAST_APPLIED
from edgesim.config.store import CONTROLLER, Store, published
from edgesim.control.changes import API_WRITER
from edgesim.dialects import Document, decode, nowhere
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
