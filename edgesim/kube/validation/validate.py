"""One write, from what a client sent to what is stored, or to the Status that refuses it.

What Gloo itself thinks of a resource (a bad regex, an upstream that is missing) is no validation: it is accepted, and
shown in its status.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgesim.config.api_errors import ApiError
from edgesim.dialects import Document, FieldPath, Kind, Resource, Source, decode, unwritten
from edgesim.dialects.check import Finding, check
from edgesim.dialects.decode import without_nulls
from edgesim.dialects.defaults import RBAC_GROUP, defaulted
from edgesim.dialects.gloo.secrets import as_stored
from edgesim.kube.pruning import pruned
from edgesim.kube.strict_decoding import FieldValidation, cannot_be_handled, strict_error, unknown_fields
from edgesim.kube.validation.access import binding_faults, role_faults
from edgesim.kube.validation.custom_resources import schema_faults
from edgesim.kube.validation.decoding import decode_built_in
from edgesim.kube.validation.faults import Fault, refusal
from edgesim.kube.validation.metadata import metadata_changes, metadata_faults
from edgesim.kube.validation.objects import config_map_faults, secret_faults
from edgesim.kube.validation.pods import pod_faults
from edgesim.kube.validation.services import carried_over, endpoints_faults, service_faults
from edgesim.kube.validation.workloads import (
    autoscaler_faults,
    budget_faults,
    deployment_faults,
    job_faults,
    replica_set_faults,
)
from edgesim.model import Problem, Severity
from edgesim.model.codes import problem

Manifest = dict[str, Any]
_Rule = Callable[[Mapping[str, Any], Mapping[str, Any] | None], Iterator[Fault]]

CLIENT: Final = unwritten("(kubectl)")
"""The source of what no file declares."""


@dataclass(frozen=True, slots=True)
class Validated:
    """What became of a write: a resource to store, or the `status` that refuses it.

    `manifest` is pruned and defaulted; `warnings` are the texts of `Warning: 299` headers; `notes` what edgesim itself
    has to say of the resource.
    """

    resource: Resource | None
    manifest: Manifest
    warnings: tuple[str, ...] = ()
    status: ApiError | None = None
    notes: tuple[Problem, ...] = ()


_STORED_ONLY: Final = "ES0600"
"""The note that nothing reads a kind: of a file it may be news, of what kubectl and Helm write by the dozen it is not."""


def validate(
    kind: Kind,
    manifest: Manifest,
    *,
    field_validation: FieldValidation = "Strict",
    old: Mapping[str, Any] | None = None,
    duplicates: Sequence[str] = (),
    source: Source = CLIENT,
) -> Validated:
    """Judge one write of a mapping that names its kind; `old` is what is stored under its name, None for nothing.

    `duplicates` is what `duplicate_fields` said of the body. Nothing is raised: `status` is a 400 where the body cannot
    be decoded as its kind, and a 422 with causes where it is invalid.
    """
    unknown, error, findings = _decoded(kind, manifest)
    if error:
        return Validated(None, manifest, status=cannot_be_handled(kind, error))
    said = (*duplicates, *unknown_fields(unknown))
    if said and field_validation == "Strict":
        return Validated(None, manifest, status=strict_error(kind, said))
    warnings = said if field_validation == "Warn" else ()
    before = None if old is None else dict(old) if is_custom(kind) else defaulted(kind, dict(old))
    kept = _completed(kind, pruned(manifest, unknown), before)
    name = str((kept.get("metadata") or {}).get("name") or "")
    faults = [*_faults(kind, kept, before), *schema_faults(kind, manifest, findings)]
    fresh = _new(kind, faults, before)
    if fresh:
        return Validated(None, kept, warnings, refusal(kind, name, fresh))
    return _stored(kind, kept, warnings, source)


def _decoded(kind: Kind, manifest: Manifest) -> tuple[list[FieldPath], str, list[Finding]]:
    """Return the unknown fields, the decoder's error, and for Gloo's kinds what else their schema says."""
    decoding = decode_built_in(kind, manifest)
    error = decoding.errors[0] if decoding.errors else ""
    if not is_custom(kind):
        return decoding.unknown, error, []
    findings = [each for each in check(kind.schema, manifest) if each.path[:1] != ("metadata",)]
    unknown = [each.path for each in findings if each.code == "ES0103"]
    return (
        [*decoding.unknown, *unknown],
        error,
        [each for each in findings if _is_grave(each) and each.code != "ES0103"],
    )


def is_custom(kind: Kind) -> bool:
    """Tell whether a cluster knows a kind by a CustomResourceDefinition."""
    return kind.group.endswith(".solo.io")


def _is_grave(finding: Finding) -> bool:
    return problem(finding.code, "").severity is not Severity.NOTE


def _completed(kind: Kind, manifest: Manifest, old: Mapping[str, Any] | None) -> Manifest:
    """Fill in what was left out; of Gloo's kinds nothing is."""
    if is_custom(kind):
        return manifest
    plain: Manifest = without_nulls(manifest)
    if kind.kind == "Service":
        plain = carried_over(plain, old)
    return defaulted(kind, as_stored(plain) if kind.kind == "Secret" else plain)


def _faults(kind: Kind, manifest: Manifest, old: Mapping[str, Any] | None) -> Iterator[Fault]:
    metadata = manifest.get("metadata") or {}
    yield from metadata_faults(kind, metadata)
    if old is not None:
        yield from metadata_changes(metadata, old.get("metadata") or {})
    rule = _RULES.get((kind.group, kind.kind))
    if rule is not None:
        yield from rule(manifest, old)


def _new(kind: Kind, faults: list[Fault], before: Manifest | None) -> list[Fault]:
    """Leave out what was wrong before: a file may have declared it, and a label can still be changed."""
    known = set(_faults(kind, before, None)) if faults and before is not None and not is_custom(kind) else set()
    return [fault for fault in faults if fault not in known]


def _stored(kind: Kind, manifest: Manifest, warnings: tuple[str, ...], source: Source) -> Validated:
    """Read what passed as edgesim does; what it cannot read is refused, too."""
    decoded = decode(Document(manifest, source))
    if decoded.resource is not None:
        notes = tuple(each for each in decoded.problems if each.code != _STORED_ONLY)
        return Validated(decoded.resource, decoded.resource.manifest, warnings, notes=notes)
    findings = [each for each in check(kind.schema, manifest) if _is_grave(each)]
    grave = [each for each in decoded.problems if each.severity is not Severity.NOTE]
    faults = [*schema_faults(kind, manifest, findings)] or [_own_words(each) for each in grave]
    name = str((manifest.get("metadata") or {}).get("name") or "")
    return Validated(None, manifest, warnings, refusal(kind, name, faults))


def _own_words(found: Problem) -> Fault:
    hint = f" ({found.hint})" if found.hint else ""
    return Fault("FieldValueInvalid", found.field, f"Invalid value: {found.message}{hint}")


_RULES: Final[dict[tuple[str, str], _Rule]] = {
    ("", "Pod"): pod_faults,
    ("", "Service"): service_faults,
    ("", "Endpoints"): endpoints_faults,
    ("", "Secret"): secret_faults,
    ("", "ConfigMap"): config_map_faults,
    ("apps", "Deployment"): deployment_faults,
    ("apps", "ReplicaSet"): replica_set_faults,
    ("batch", "Job"): job_faults,
    ("autoscaling", "HorizontalPodAutoscaler"): autoscaler_faults,
    ("policy", "PodDisruptionBudget"): budget_faults,
    (RBAC_GROUP, "Role"): role_faults,
    (RBAC_GROUP, "ClusterRole"): role_faults,
    (RBAC_GROUP, "RoleBinding"): binding_faults,
    (RBAC_GROUP, "ClusterRoleBinding"): binding_faults,
}
