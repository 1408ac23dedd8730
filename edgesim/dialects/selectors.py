"""Label selectors (meta/v1 LabelSelector) against labels."""

from __future__ import annotations

from collections.abc import Mapping

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
