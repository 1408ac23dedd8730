"""edgesim's own settings of a route, in `envoyMetadata` under `edgesim.io`: a cluster accepts them and does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgesim.dialects.check import describe
from edgesim.dialects.gloo.scope import Reporter
from edgesim.dialects.nearest import did_you_mean
from edgesim.dialects.resource import FieldPath
from edgesim.model.policies import OnEmpty

NAMESPACE = "edgesim.io"
STICKY_WEIGHTS = "stickyWeights"
FAULTS_BY_HEADER = "faultsByHeader"
ON_EMPTY = "onEmpty"
_SWITCHES = (FAULTS_BY_HEADER, STICKY_WEIGHTS)
_KEYS = (FAULTS_BY_HEADER, ON_EMPTY, STICKY_WEIGHTS)


@dataclass(frozen=True, slots=True)
class Own:
    """What a route asks for of edgesim's own: the switches that are on, and what to do where nobody can answer."""

    switches: frozenset[str] = frozenset()
    on_empty: OnEmpty | None = None

    def __contains__(self, key: str) -> bool:
        return key in self.switches


NOTHING = Own()


def own_settings(given: Mapping[str, Any] | None, path: FieldPath, reporter: Reporter) -> Own:
    """Return what is asked for; other namespaces are Envoy's filters' and stay theirs."""
    own = (given or {}).get(NAMESPACE)
    at = (*path, "envoyMetadata", NAMESPACE)
    if own is None:
        return NOTHING
    if not isinstance(own, dict):
        reporter.report("ES0104", at, f"expected a mapping, got {describe(own)}")
        return NOTHING
    for key, value in own.items():
        if key not in _KEYS:
            text = f'unknown key "{key}": {NAMESPACE} has {", ".join(_KEYS)}'
            reporter.report("ES0243", (*at, str(key)), text, did_you_mean(str(key), _KEYS))
        elif key != ON_EMPTY and value is not None and not isinstance(value, bool):
            reporter.report("ES0104", (*at, key), f"expected true or false, got {describe(value)}")
    on = frozenset(key for key in _SWITCHES if own.get(key) is True)
    return Own(on, _on_empty(own.get(ON_EMPTY), (*at, ON_EMPTY), reporter))


def _on_empty(value: object, path: FieldPath, reporter: Reporter) -> OnEmpty | None:
    known = [each.value for each in OnEmpty]
    if value is None or value in known:
        return None if value is None else OnEmpty(str(value))
    hint = did_you_mean(value, known) if isinstance(value, str) else ""
    reporter.report("ES0104", path, f"expected {', '.join(known[:-1])} or {known[-1]}, got {describe(value)}", hint)
    return None
