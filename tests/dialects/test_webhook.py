"""What Settings say of Gloo's validating webhook."""

from __future__ import annotations

from typing import Any

import pytest

from edgesim.dialects import Document, decode, nowhere
from edgesim.dialects.gloo.webhook import Webhook, webhook_of
from edgesim.dialects.schema.settings import Settings


def settings(spec: dict[str, Any]) -> Settings:
    manifest = {"apiVersion": "gloo.solo.io/v1", "kind": "Settings", "metadata": {"name": "default"}, "spec": spec}
    decoded = decode(Document(manifest, nowhere("test.yaml")))
    assert decoded.resource is not None
    assert not decoded.problems, "no note says that it has no effect"
    found: Settings = decoded.resource.typed
    return found


@pytest.mark.parametrize(
    ("validation", "webhook"),
    [
        (None, Webhook()),
        ({}, Webhook()),
        ({"alwaysAccept": True}, Webhook()),
        ({"alwaysAccept": False}, Webhook(refuses=True)),
        ({"alwaysAccept": False, "allowWarnings": False}, Webhook(refuses=True, warnings_pass=False)),
    ],
)
def test_when_it_refuses(validation: dict[str, bool] | None, webhook: Webhook) -> None:
    """It refuses only with alwaysAccept false, and for warnings only with allowWarnings false."""
    gateway = {} if validation is None else {"validation": validation}
    assert webhook_of(settings({"gateway": gateway})) == webhook
    assert webhook_of(None) == Webhook()
