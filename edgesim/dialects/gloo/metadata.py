"""edgesim's own settings of a route, in `envoyMetadata` under `edgesim.io`: a cluster accepts them and does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgesim.dialects.check import describe
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.nearest import did_you_mean
from edgesim.dialects.resource import FieldPath

NAMESPACE = "edgesim.io"
STICKY_WEIGHTS = "stickyWeights"
FAULTS_BY_HEADER = "faultsByHeader"
_SWITCHES = (FAULTS_BY_HEADER, STICKY_WEIGHTS)


def switches(given: Mapping[str, Any] | None, path: FieldPath, reporter: Reporter) -> frozenset[str]:
    """Return what is switched on; other namespaces are Envoy's filters' and stay theirs."""
    own = (given or {}).get(NAMESPACE)
    at = (*path, "envoyMetadata", NAMESPACE)
    if own is None:
        return frozenset()
    if not isinstance(own, dict):
        reporter.report("ES0104", at, f"expected a mapping, got {describe(own)}")
        return frozenset()
    for key, value in own.items():
        if key not in _SWITCHES:
            text = f'unknown key "{key}": {NAMESPACE} has {", ".join(_SWITCHES)}'
            reporter.report("ES0243", (*at, str(key)), text, did_you_mean(str(key), _SWITCHES))
        elif value is not None and not isinstance(value, bool):
            reporter.report("ES0104", (*at, key), f"expected true or false, got {describe(value)}")
    return frozenset(key for key in _SWITCHES if own.get(key) is True)
