"""Deployments, ReplicaSets, Jobs, autoscalers and disruption budgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from edgesim.dialects.schema.kubernetes import LabelSelector
from edgesim.dialects.selectors import selects
from edgesim.kube.validation import names
from edgesim.kube.validation.faults import (
    Fault,
    forbidden,
    go_int_or_string,
    go_map,
    go_selector,
    invalid,
    not_supported,
    required,
)
from edgesim.kube.validation.metadata import label_faults
from edgesim.kube.validation.pods import template_faults

_STRATEGIES: Final = ("Recreate", "RollingUpdate")
_NOT_NEGATIVE: Final = "must be greater than or equal to 0"
_IMMUTABLE: Final = "field is immutable"


def deployment_faults(manifest: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Fault]:
    """Iterate over what is wrong with a Deployment (`ValidateDeploymentSpec`)."""
    spec = manifest.get("spec") or {}
    yield from _not_negative(spec, "replicas")
    yield from _replicated(spec)
    yield from _strategy(spec.get("strategy") or {})
    yield from _not_negative(spec, "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    deadline, ready = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds") or 0
    if deadline is not None and deadline <= ready:
        yield invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
    yield from _same_selector(spec, old)


def replica_set_faults(manifest: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Fault]:
    """Iterate over what is wrong with a ReplicaSet (`ValidateReplicaSetSpec`)."""
    spec = manifest.get("spec") or {}
    yield from _not_negative(spec, "replicas", "minReadySeconds")
    yield from _replicated(spec)
    yield from _same_selector(spec, old)


def job_faults(manifest: Mapping[str, Any], _old: Mapping[str, Any] | None) -> Iterator[Fault]:
    """Iterate over what is wrong with a Job's template and counts."""
    spec = manifest.get("spec") or {}
    yield from _not_negative(spec, "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit")
    template = spec.get("template") or {}
    yield from template_faults(template, "spec.template")
    restart = (template.get("spec") or {}).get("restartPolicy")
    if restart not in {"Never", "OnFailure"}:
        at = "spec.template.spec.restartPolicy"
        yield not_supported(at, restart, ("Never", "OnFailure")) if restart else required(at)


def autoscaler_faults(manifest: Mapping[str, Any], _old: Mapping[str, Any] | None) -> Iterator[Fault]:
    """Iterate over what is wrong with a HorizontalPodAutoscaler."""
    spec = manifest.get("spec") or {}
    least, most, target = spec.get("minReplicas"), spec.get("maxReplicas") or 0, spec.get("scaleTargetRef") or {}
    if least is not None and least < 1:
        yield invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        yield invalid("spec.maxReplicas", most, "must be greater than 0")
    if least is not None and most < least:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    for field in ("kind", "name"):
        if not target.get(field):
            yield required(f"spec.scaleTargetRef.{field}")


def budget_faults(manifest: Mapping[str, Any], _old: Mapping[str, Any] | None) -> Iterator[Fault]:
    """Iterate over what is wrong with a PodDisruptionBudget."""
    spec = manifest.get("spec") or {}
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        yield invalid("spec", dict(spec), "minAvailable and maxUnavailable cannot be both set")
    for field in ("minAvailable", "maxUnavailable"):
        if spec.get(field) is not None:
            yield from _share(spec[field], f"spec.{field}")
    yield from selector_faults(spec.get("selector") or {}, "spec.selector")


def selector_faults(selector: Mapping[str, Any], at: str) -> Iterator[Fault]:
    """Iterate over what is wrong with a label selector (`ValidateLabelSelector`)."""
    yield from label_faults(selector.get("matchLabels"), f"{at}.matchLabels")
    for index, each in enumerate(selector.get("matchExpressions") or ()):
        yield from _requirement(each or {}, f"{at}.matchExpressions[{index}]")


def _requirement(expression: Mapping[str, Any], at: str) -> Iterator[Fault]:
    operator, values = expression.get("operator") or "", expression.get("values") or ()
    if operator in {"In", "NotIn"}:
        if not values:
            yield required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in {"Exists", "DoesNotExist"}:
        if values:
            yield forbidden(f"{at}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    else:
        yield invalid(f"{at}.operator", operator, "not a valid selector operator")
    key = expression.get("key") or ""
    for said in names.qualified(key):
        yield invalid(f"{at}.key", key, said)
    for index, value in enumerate(values):
        for said in names.label_value(value):
            yield invalid(f"{at}.values[{index}]", value, said)


def _replicated(spec: Mapping[str, Any]) -> Iterator[Fault]:
    """Check the selector, the template, and that one selects the other."""
    selector, template = spec.get("selector"), spec.get("template") or {}
    if selector is None:
        yield required("spec.selector")
    else:
        yield from selector_faults(selector, "spec.selector")
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            yield invalid("spec.selector", go_selector(selector), "empty selector is invalid for deployment")
    labels = (template.get("metadata") or {}).get("labels")
    if not _selects(selector, labels or {}):
        at = "spec.template.metadata.labels"
        yield invalid(at, go_map(labels), "`selector` does not match template `labels`")
    yield from template_faults(template, "spec.template")
    restart = (template.get("spec") or {}).get("restartPolicy")
    if restart not in {None, "", "Always"}:
        yield not_supported("spec.template.spec.restartPolicy", restart, ("Always",))


def _selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Tell whether a selector selects labels; none selects nothing, and of one that is wrong enough is said."""
    if selector is None:
        return False
    try:
        return selects(msgspec.convert(selector, LabelSelector), labels)
    except msgspec.ValidationError:
        return True


def _strategy(strategy: Mapping[str, Any]) -> Iterator[Fault]:
    kind, rolling = strategy.get("type") or "RollingUpdate", strategy.get("rollingUpdate")
    at = "spec.strategy.rollingUpdate"
    if kind not in _STRATEGIES:
        yield not_supported("spec.strategy.type", kind, _STRATEGIES)
    elif kind == "Recreate" and rolling is not None:
        yield forbidden(at, "may not be specified when strategy `type` is 'Recreate'")
    elif rolling is not None:
        surge, unavailable = rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%")
        yield from _share(unavailable, f"{at}.maxUnavailable")
        yield from _share(surge, f"{at}.maxSurge")
        if _none(surge) and _none(unavailable):
            yield invalid(f"{at}.maxUnavailable", go_int_or_string(unavailable), "may not be 0 when `maxSurge` is 0")
        if isinstance(unavailable, str) and not names.percent(unavailable) and int(unavailable[:-1][:9]) > 100:
            yield invalid(f"{at}.maxUnavailable", go_int_or_string(unavailable), "must not be greater than 100%")


def _none(share: int | str) -> bool:
    return share == 0 or (isinstance(share, str) and not names.percent(share) and not share.strip("0%"))


def _share(share: int | str, at: str) -> Iterator[Fault]:
    """Check a number of pods, or a percentage of them."""
    if isinstance(share, str):
        for said in names.percent(share):
            yield invalid(at, go_int_or_string(share), said)
    elif share < 0:
        yield invalid(at, share, _NOT_NEGATIVE)


def _not_negative(spec: Mapping[str, Any], *fields: str) -> Iterator[Fault]:
    for field in fields:
        if (spec.get(field) or 0) < 0:
            yield invalid(f"spec.{field}", spec[field], _NOT_NEGATIVE)


def _same_selector(spec: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Fault]:
    if old is None or spec.get("selector") is None:
        return
    before = (old.get("spec") or {}).get("selector")
    if go_selector(before or {}) != go_selector(spec["selector"]):
        yield invalid("spec.selector", go_selector(spec["selector"]), _IMMUTABLE)
