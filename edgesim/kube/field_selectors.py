"""Field selectors of lists and watches: which fields each kind has one for, and Kubernetes' error texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edgesim.dialects.kinds import GATEWAY, GLOO, Kind

_EVERYWHERE = ("metadata.name", "metadata.namespace")
_EVENT = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_MORE: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    ("", "Event"): (
        *(f"involvedObject.{name}" for name in _EVENT),
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    ("", "Namespace"): ("name", "status.phase"),
    ("", "Secret"): ("type",),
    ("", "Service"): ("spec.clusterIP", "spec.type"),
    ("apps", "ReplicaSet"): ("status.replicas",),
    ("batch", "Job"): ("status.successful",),
}
"""What the registry of each kind can select by (kubernetes/pkg/apis, `AddFieldLabelConversionFunc`)."""

_PLACES = {"name": "metadata.name", "source": "source.component"}
_DEFAULTS = {"spec.hostNetwork": "false", "status.replicas": "0", "status.successful": "0"}


@dataclass(frozen=True, slots=True)
class _Term:
    label: str
    value: str
    equal: bool

    def holds(self, manifest: Mapping[str, Any]) -> bool:
        values = _values(manifest, self.label)
        return (self.value in values) == self.equal


def parse_fields(text: str, kind: Kind) -> Callable[[Mapping[str, Any]], bool]:
    """Return what a `fieldSelector` selects, asked with a manifest.

    Raises ValueError, in Kubernetes' words, for a selector that is none or a field this kind is not selected by.
    """
    terms = _terms(text)
    for term in terms:
        _check(term.label, kind)
    return lambda manifest: all(term.holds(manifest) for term in terms)


def only_name(text: str) -> str:
    """Return the only name a `fieldSelector` selects, empty for none.

    Raises ValueError where `parse_fields` does: what is allowed is read as what is selected is.
    """
    names = (term.value for term in _terms(text) if term.label == "metadata.name" and term.equal)
    return next(names, "")


def _terms(text: str) -> list[_Term]:
    return [_term(text, part) for part in re.findall(r"(?:[^\\,]|\\.?)+", text)]


def _term(text: str, part: str) -> _Term:
    found = re.match(r"((?:[^\\=!]|\\.|!(?!=))*)(!=|==|=)(.*)\Z", part, re.DOTALL)
    if found is None:
        raise ValueError(f"invalid selector: '{text}'; can't understand '{part}'")
    label, operator, value = found.groups()
    return _Term(label.strip(), _unescaped(value, part), operator != "!=")


def _unescaped(value: str, part: str) -> str:
    if re.search(r"(?<!\\)(\\\\)*=", value) or re.search(r"\\(?![\\,=])", value.replace("\\\\", "")):
        raise ValueError(f"invalid field selector: invalid escape sequence: {part}")
    return re.sub(r"\\([\\,=])", r"\1", value)


def _check(label: str, kind: Kind) -> None:
    more = _MORE.get((kind.group, kind.kind), ())
    if label in _EVERYWHERE or label in more:
        return
    if more or kind.group in {GATEWAY, GLOO}:
        raise ValueError(f"field label not supported: {label}")
    known = ", ".join(f'"{name}"' for name in _EVERYWHERE)
    raise ValueError(f'"{label}" is not a known field selector: only {known}')


def _values(manifest: Mapping[str, Any], label: str) -> set[str]:
    """Return what a field holds, as text; a pod has several addresses."""
    if label == "status.podIPs":
        addresses = _at(manifest, label)
        return {str(item.get("ip", "")) for item in addresses or () if isinstance(item, dict)} or {""}
    value = _at(manifest, _PLACES.get(label, label))
    if label == "reportingComponent" and not value:
        value = _at(manifest, "reportingController") or _at(manifest, "source.component")
    if value is None:
        return {_DEFAULTS.get(label, "")}
    return {str(value).lower() if isinstance(value, bool) else str(value)}


def _at(manifest: Mapping[str, Any], place: str) -> Any:
    value: Any = manifest
    for name in place.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
