"""What is wrong with a field, in the words of `k8s.io/apimachinery/pkg/util/validation/field` (v1.33)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgesim.config.api_errors import ApiError
from edgesim.dialects import Kind

_CONTROL = re.compile(r"\\u00([0-7][0-9a-f])")


@dataclass(frozen=True, slots=True)
class Fault:
    """One field error: a cause of a 422. `reason` is Kubernetes' CauseType."""

    reason: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class GoValue:
    """A value that is shown as Go's `%#v` writes it."""

    text: str


def invalid(field: str, value: Any, detail: str) -> Fault:
    """Return the fault of a malformed value."""
    return Fault("FieldValueInvalid", field, _with(f"Invalid value: {shown(value)}", detail))


def type_invalid(field: str, value: Any, detail: str) -> Fault:
    """Return the fault of a value of another type."""
    return Fault("FieldValueTypeInvalid", field, _with(f"Invalid value: {shown(value)}", detail))


def required(field: str, detail: str = "") -> Fault:
    """Return the fault of a value that is missing."""
    return Fault("FieldValueRequired", field, _with("Required value", detail))


def forbidden(field: str, detail: str) -> Fault:
    """Return the fault of a value that may not stand here."""
    return Fault("FieldValueForbidden", field, _with("Forbidden", detail))


def duplicate(field: str, value: Any) -> Fault:
    """Return the fault of a value that must be unique."""
    return Fault("FieldValueDuplicate", field, f"Duplicate value: {shown(value)}")


def not_found(field: str, value: Any) -> Fault:
    """Return the fault of a reference to nothing."""
    return Fault("FieldValueNotFound", field, f"Not found: {shown(value)}")


def not_supported(field: str, value: Any, supported: Iterable[str]) -> Fault:
    """Return the fault of a value that is none of a few."""
    listed = ", ".join(quoted(each) for each in supported)
    return Fault("FieldValueNotSupported", field, f"Unsupported value: {shown(value)}: supported values: {listed}")


def too_long(field: str, most: int) -> Fault:
    """Return the fault of a value of more than `most` bytes."""
    return Fault("FieldValueTooLong", field, f"Too long: may not be more than {most} bytes")


def refusal(kind: Kind, name: str, faults: Sequence[Fault]) -> ApiError:
    """Return the 422 with a cause for each fault, as `apierrors.NewInvalid` makes it."""
    said = list(dict.fromkeys(f"{fault.field}: {fault.message}" for fault in faults))
    summary = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    of = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    causes = [{"reason": each.reason, "message": each.message, "field": each.field} for each in faults]
    group = {"group": kind.group} if kind.group else {}
    details = {"name": name, **group, "kind": kind.kind, "causes": causes}
    return ApiError("Invalid", f"{of} {quoted(name)} is invalid: {summary}", details)


def quoted(text: str) -> str:
    """Write a text as Go's `%q` does."""
    return _CONTROL.sub(r"\\x\1", json.dumps(text, ensure_ascii=False).replace("\x7f", "\\x7f"))


def shown(value: Any) -> str:
    """Write a value as a field error shows it."""
    if isinstance(value, GoValue):
        return value.text
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def go_map(labels: Mapping[str, str] | None) -> GoValue:
    """Show a `map[string]string`."""
    if labels is None:
        return GoValue("map[string]string(nil)")
    return GoValue(f"map[string]string{{{', '.join(f'{quoted(k)}:{quoted(labels[k])}' for k in sorted(labels))}}}")


def go_list(items: Sequence[str]) -> GoValue:
    """Show a `[]string`."""
    return GoValue(f"[]string{{{', '.join(map(quoted, items))}}}" if items else "[]string(nil)")


def go_selector(selector: Mapping[str, Any]) -> GoValue:
    """Show a `v1.LabelSelector`."""
    labels = go_map(selector.get("matchLabels")).text
    written = ", ".join(_requirement(each) for each in selector.get("matchExpressions") or ())
    several = "[]v1.LabelSelectorRequirement"
    expressions = f"{several}{{{written}}}" if written else f"{several}(nil)"
    return GoValue(f"v1.LabelSelector{{MatchLabels:{labels}, MatchExpressions:{expressions}}}")


def _requirement(one: Mapping[str, Any]) -> str:
    key, operator = quoted(one.get("key", "")), quoted(one.get("operator", ""))
    return (
        f"v1.LabelSelectorRequirement{{Key:{key}, Operator:{operator}, Values:{go_list(one.get('values') or ()).text}}}"
    )


def go_int_or_string(value: int | str) -> GoValue:
    """Show an `intstr.IntOrString`."""
    parts = (
        f"Type:1, IntVal:0, StrVal:{quoted(value)}" if isinstance(value, str) else f'Type:0, IntVal:{value}, StrVal:""'
    )
    return GoValue(f"intstr.IntOrString{{{parts}}}")


def _with(text: str, detail: str) -> str:
    return f"{text}: {detail}" if detail else text
