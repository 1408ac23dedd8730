"""Label selectors (meta/v1 LabelSelector) against labels."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

from edgesim.dialects.schema.kubernetes import LabelSelector

_OPERATORS: Final[Mapping[str, Callable[[str | None, Collection[str]], bool]]] = {
    "In": lambda value, values: value is not None and value in values,
    # As in Kubernetes, a label that is absent is not in any list.
    "NotIn": lambda value, values: value is None or value not in values,
    "Exists": lambda value, _values: value is not None,
    "DoesNotExist": lambda value, _values: value is None,
}


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Tell whether every requirement of a selector holds for these labels."""
    return has_labels(selector.match_labels or {}, labels) and all(
        _OPERATORS[one.operator](labels.get(one.key), one.values) for one in selector.match_expressions
    )


def has_labels(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Tell whether labels hold all of these (a Service's selector)."""
    return all(labels.get(name) == value for name, value in wanted.items())
