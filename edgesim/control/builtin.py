"""What an installation of Gloo brings along: Settings `default`, as its Helm chart writes them (reference section 10)."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from edgesim.dialects import INSTALL_NAMESPACE, REPLACEMENT_BODY, REPLACEMENT_CODE, Document, Resource, decode, nowhere
from edgesim.model import ResourceKey

IMPLIED: Final = "edgesim"
"""The writer of what nobody declared: namespaces, and the objects that are always there."""

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
    return {SETTINGS: decoded.resource}
