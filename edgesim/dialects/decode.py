"""A document becomes a resource, or every reason why it cannot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from edgesim.dialects.admission import admit
from edgesim.dialects.check import Finding, check, describe
from edgesim.dialects.fields import show_path
from edgesim.dialects.gloo.secrets import as_stored
from edgesim.dialects.kinds import GROUPS, KINDS, UNSIMULATED, Kind, kind_of
from edgesim.dialects.nearest import did_you_mean, nearest
from edgesim.dialects.resource import Document, Resource
from edgesim.dialects.schema.kubernetes import Secret
from edgesim.model import Problem, ResourceKey, Severity
from edgesim.model.codes import problem


@dataclass(frozen=True, slots=True)
class Decoded:
    """The resource a document holds, if it reads well as its kind, and what was found on the way."""

    resource: Resource | None
    problems: tuple[Problem, ...] = ()


def decode(document: Document) -> Decoded:
    """Read a document as its kind, strictly; a kind that edgesim has no use for gives one note."""
    findings = list(_identity(document.manifest))
    kind = None if findings else kind_of(document.manifest["apiVersion"], document.manifest["kind"])
    if kind is None:
        findings = findings or [_unknown(document.manifest["apiVersion"], document.manifest["kind"])]
        return Decoded(None, _problems(document, findings, _key(document.manifest, None)))
    manifest = without_nulls(document.manifest)
    findings = check(kind.schema, manifest)
    if not kind.simulated:
        text = f"kind {kind.kind} ({kind.api_version}) is not simulated: it is stored, and has no effect"
        findings.append(Finding("ES0600", ("kind",), text))
    typed = None if _refused(findings) else msgspec.convert(manifest, kind.schema)
    if typed is not None:
        findings += admit(typed)
    problems = _problems(document, findings, _key(manifest, kind))
    if typed is None or _refused(findings):
        return Decoded(None, problems)
    if isinstance(typed, Secret) and typed.string_data is not None:
        manifest = as_stored(manifest)
        typed = msgspec.convert(manifest, kind.schema)
    namespace = (typed.metadata.namespace or "default") if kind.namespaced else ""
    return Decoded(Resource(kind, namespace, typed.metadata.name, manifest, typed, document.source), problems)


def without_nulls(value: Any) -> Any:
    """Leave out null fields: to Kubernetes they are absent. Nulls in lists stay, to be refused."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _identity(manifest: dict[str, Any]) -> Iterable[Finding]:
    """Check what must be known before a kind can be looked up."""
    for name in ("apiVersion", "kind"):
        value = manifest.get(name)
        if value is None:
            near = nearest(name, [key for key in manifest if key not in {"apiVersion", "kind", "metadata", "spec"}])
            hint = f"`{near}` is there: did you mean `{name}`?" if near else ""
            yield Finding("ES0100", (), f"the document has no `{name}`", hint)
        elif not isinstance(value, str):
            yield Finding("ES0104", (name,), f"expected text, got {describe(value)}")


def _unknown(api_version: str, word: str) -> Finding:
    """Say why no kind is found: not simulated, misspelt, or of another apiVersion."""
    group = api_version.rpartition("/")[0]
    if word in UNSIMULATED.get(group, ()):
        return _not_simulated(api_version, word)
    namesake = next((kind for kind in KINDS if kind.kind == word), None)
    if namesake is not None and group == namesake.group and group not in GROUPS:
        return _not_simulated(api_version, word)  # another version of a kind, and a real one
    if namesake is not None and (group in GROUPS or group == "extensions" or _near_group(group, [namesake.group])):
        hint = f"did you mean `{namesake.api_version}`?"
        return Finding("ES0102", ("apiVersion",), f"the kind {word} is not in {api_version}", hint)
    if group in GROUPS:
        names = [*(kind.kind for kind in KINDS if kind.group == group), *UNSIMULATED[group]]
        return Finding("ES0101", ("kind",), f"{api_version} has no kind {word}", did_you_mean(word, names))
    near = _near_group(group, GROUPS)
    if near and namesake is None and (word in UNSIMULATED[near] or nearest(word, _kinds_of(near))):
        return Finding("ES0102", ("apiVersion",), f"{api_version} is not known", f"did you mean `{near}/v1`?")
    return _not_simulated(api_version, word)


def _near_group(group: str, groups: Iterable[str]) -> str | None:
    """Find the group that was misspelt; Kubernetes has many groups, and most are not edgesim's."""
    return nearest(group, groups, 0.8) if group else None


def _kinds_of(group: str) -> list[str]:
    return [kind.kind for kind in KINDS if kind.group == group]


def _not_simulated(api_version: str, word: str) -> Finding:
    return Finding("ES0600", ("kind",), f"kind {word} ({api_version}) is not simulated: the document is left out")


def _refused(findings: Iterable[Finding]) -> bool:
    return any(problem(finding.code, "").severity is not Severity.NOTE for finding in findings)


def _problems(document: Document, findings: Iterable[Finding], key: ResourceKey | None) -> tuple[Problem, ...]:
    return tuple(
        problem(
            finding.code,
            finding.message,
            resource=key,
            field=show_path(finding.path),
            position=document.source.place(finding.path),
            hint=finding.hint,
        )
        for finding in findings
    )


def _key(manifest: dict[str, Any], kind: Kind | None) -> ResourceKey | None:
    """Name the resource as far as the document tells, even where it cannot be read."""
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(name, str) or not isinstance(manifest.get("kind"), str):
        return None
    namespaced = kind is None or kind.namespaced
    namespace = metadata.get("namespace") or "default"
    if not namespaced:
        namespace = ""
    return ResourceKey(manifest["kind"], namespace if isinstance(namespace, str) else "default", name)
