"""What an installation of Gloo brings along: Settings `default`, as its Helm chart writes them (reference section 10)."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from edgesim.dialects import (
    INSTALL_NAMESPACE,
    REPLACEMENT_BODY,
    REPLACEMENT_CODE,
    Document,
    Resource,
    decode,
    find_kind,
    nowhere,
)
from edgesim.dialects.schema.common import Metadata
from edgesim.dialects.schema.kubernetes import Namespace
from edgesim.model import ResourceKey

IMPLIED: Final = "edgesim"
"""The writer of what nobody declared: namespaces, and the objects that are always there."""

NAMESPACES: Final = ("default", "kube-system", INSTALL_NAMESPACE)
"""The namespaces that are there from the start; an API server forbids deleting them."""

SETTINGS: Final = ResourceKey("Settings", INSTALL_NAMESPACE, "default")

_MANIFEST: Final[dict[str, Any]] = {
    "apiVersion": "gloo.solo.io/v1",
    "kind": "Settings",
    "metadata": {"name": SETTINGS.name, "namespace": SETTINGS.namespace, "labels": {"app": "gloo"}},
    "spec": {
        "discovery": {"fdsMode": "WHITELIST"},
        "discoveryNamespace": INSTALL_NAMESPACE,
        "gateway": {
            "isolateVirtualHostsBySslConfig": False,
            "readGatewaysFromAllNamespaces": False,
            "validation": {
                "allowWarnings": True,
                "alwaysAccept": True,
                "disableTransformationValidation": False,
                "serverEnabled": True,
                "warnMissingTlsSecret": True,
                "warnRouteShortCircuiting": False,
            },
        },
        "gloo": {
            "disableKubernetesDestinations": False,
            "invalidConfigPolicy": {
                "invalidRouteResponseBody": REPLACEMENT_BODY,
                "invalidRouteResponseCode": REPLACEMENT_CODE,
                "replaceInvalidRoutes": False,
            },
            "regexMaxProgramSize": 1024,
        },
        "kubernetesArtifactSource": {},
        "kubernetesConfigSource": {},
        "kubernetesSecretSource": {},
        "refreshRate": "60s",
    },
}


@cache
def built_in() -> dict[ResourceKey, Resource]:
    """Return the objects that are always there; one that is deleted comes back as it was made."""
    decoded = decode(Document(_MANIFEST, nowhere(IMPLIED)))
    assert decoded.resource is not None, decoded.problems
    namespaces = [implied_namespace(name) for name in NAMESPACES]
    return {each.key: each for each in (*namespaces, decoded.resource)}


def implied_namespace(name: str) -> Resource:
    """Return the Namespace of what was written into one that nobody declared."""
    kind = find_kind("Namespace")
    assert kind is not None
    labels = {"kubernetes.io/metadata.name": name}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    typed = Namespace(api_version="v1", kind="Namespace", metadata=Metadata(name=name, labels=labels))
    return Resource(kind, "", name, manifest, typed, nowhere(IMPLIED))
