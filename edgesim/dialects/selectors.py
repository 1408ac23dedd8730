"""Selectors against labels: Kubernetes' own (meta/v1 LabelSelector), and the expressions of Gloo's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from edgesim.dialects.resource import FieldPath
from edgesim.dialects.schema.gateway import SelectorExpression
from edgesim.dialects.schema.kubernetes import LabelExpression, LabelSelector


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Tell whether every requirement of a selector holds for these labels."""
    return has_labels(selector.match_labels or {}, labels) and all(
        _holds(expression, labels) for expression in selector.match_expressions
    )


def has_labels(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Tell whether labels hold all of these (a Service's selector)."""
    return all(labels.get(name) == value for name, value in wanted.items())


def _holds(expression: LabelExpression, labels: Mapping[str, str]) -> bool:
    value = labels.get(expression.key)
    match expression.operator:
        case "In":
            return value in expression.values
        case "NotIn":  # an absent label is in no list
            return value not in expression.values
        case "Exists":
            return value is not None
        case _:
            return value is None


_OPERATORS = ("Equals", "DoubleEquals", "NotEquals", "In", "NotIn", "Exists", "DoesNotExist", "GreaterThan", "LessThan")
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?\Z")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_NUMBER = re.compile(r"[-+]?[0-9]+\Z")


def satisfies(expressions: Iterable[SelectorExpression], labels: Mapping[str, str]) -> bool:
    """Tell whether every expression of a Gloo selector holds for these labels (Kubernetes' label requirements)."""
    return all(_satisfies(expression, labels.get(expression.key)) for expression in expressions)


def _satisfies(expression: SelectorExpression, value: str | None) -> bool:
    match _operator(expression):
        case "Equals" | "DoubleEquals" | "In":
            return value in expression.values
        case "NotEquals" | "NotIn":  # an absent label is in no list
            return value not in expression.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "GreaterThan":
            return value is not None and _is_number(value) and int(value) > int(expression.values[0])
        case _:
            return value is not None and _is_number(value) and int(value) < int(expression.values[0])


def expression_fault(expression: SelectorExpression) -> tuple[FieldPath, str] | None:
    """Say which field of an expression Kubernetes refuses, and why in its words (labels.NewRequirement)."""
    key, values = expression.key, expression.values
    fault = _key_fault(key)
    if fault:
        return ("key",), f'key: Invalid value: "{key}": {fault}'
    fault = _values_fault(_operator(expression), values)
    if fault:
        shown = ", ".join(f'"{value}"' for value in values)
        return ("values",), f"values: Invalid value: []string{{{shown}}}: {fault}"
    for index, value in enumerate(values):
        fault = _value_fault(_operator(expression), value)
        if fault:
            return ("values", index), f'values[{index}]: Invalid value: "{value}": {fault}'
    return None


def _operator(expression: SelectorExpression) -> str:
    given = expression.operator
    return _OPERATORS[given] if isinstance(given, int) else given


def _values_fault(operator: str, values: tuple[str, ...]) -> str:
    match operator:
        case "In" | "NotIn":
            return "" if values else "for 'in', 'notin' operators, values set can't be empty"
        case "Equals" | "DoubleEquals" | "NotEquals":
            return "" if len(values) == 1 else "exact-match compatibility requires one single value"
        case "Exists" | "DoesNotExist":
            return "values set must be empty for exists and does not exist" if values else ""
        case _:
            return "" if len(values) == 1 else "for 'Gt', 'Lt' operators, exactly one value is required"


def _value_fault(operator: str, value: str) -> str:
    if operator in {"GreaterThan", "LessThan"} and not _is_number(value):
        return "for 'Gt', 'Lt' operators, the value must be an integer"
    if value and (len(value) > 63 or _NAME.match(value) is None):
        return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'"
    return ""


def _key_fault(key: str) -> str:
    prefix, slash, name = key.rpartition("/")
    if slash and _PREFIX.match(prefix) is None:
        return "prefix part must be a lower case DNS subdomain"
    if not name:
        return "name part must be non-empty"
    if len(name) > 63 or _NAME.match(name) is None:
        return "name part must consist of alphanumeric characters, '-', '_' or '.'"
    return ""


def _is_number(text: str) -> bool:
    """Tell whether a text is a 64-bit integer, as Go parses one."""
    return len(text) < 32 and _NUMBER.match(text) is not None and -(2**63) <= int(text) < 2**63
