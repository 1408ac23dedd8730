"""Nearly right patches and configurations: they work or are refused, and an apply again changes nothing."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edgesim.config.patches import PatchError
from edgesim.kube.managed_fields import decode_managed, updated_managed
from edgesim.kube.server_side_apply import LAST_APPLIED, FieldConflictError, apply_patch
from edgesim.kube.strategic_merge import strategic_merge
from tests.kube.ownership import DEPLOYMENT, ROUTE_TABLE, kind

Manifest = dict[str, Any]

_words = st.sampled_from(
    [
        *("metadata", "spec", "status", "labels", "finalizers", "ownerReferences", "managedFields", "name", "uid"),
        *("template", "containers", "ports", "containerPort", "env", "selector", "annotations", LAST_APPLIED, ""),
        *("$patch", "$retainKeys", "$setElementOrder/containers", "$deleteFromPrimitiveList/finalizers"),
    ]
)
_leaves = st.sampled_from([None, True, 1, 1.0, "", "x", "delete", "replace", "merge", '{"metadata":1}'])
_values = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=4), max_leaves=12
)
_objects = st.dictionaries(_words, _values, max_size=4)
_kinds = st.sampled_from([DEPLOYMENT, ROUTE_TABLE, kind("service"), kind("event")])


@given(_objects, _objects)
def test_any_strategic_patch_is_applied_or_refused(target: Manifest, patch: Manifest) -> None:
    """Any patch ends in an object or in a PatchError, whatever its directives hold."""
    with contextlib.suppress(PatchError):
        assert isinstance(strategic_merge(target, patch, DEPLOYMENT), dict)


@given(_kinds, _objects, _objects, st.sampled_from(["", "status", "scale"]))
def test_any_apply_ends_and_is_repeatable(of: Any, before: Manifest, config: Manifest, subresource: str) -> None:
    """Any configuration is applied or refused; applied again it gives the same object and entries, time included."""
    managed = updated_managed(
        before, updated_managed(None, (), before, "a", "t", of), config, "b", "t", of, subresource
    )
    assert decode_managed(managed) is not None
    with contextlib.suppress(PatchError):
        once = apply_patch(before, managed, config, "kubectl", of, force=True, now="t")
        assert apply_patch(once.manifest, once.managed, config, "kubectl", of, force=False, now="u") == once


def _told(of: Any, before: Manifest, config: Manifest) -> tuple[str, list[str]]:
    """Apply without force; return what it was refused with, and the fields that names."""
    managed = updated_managed(None, (), before, "a", "t", of)
    try:
        apply_patch(before, managed, config, "kubectl", of, force=False, now="t")
    except FieldConflictError as conflict:
        return str(conflict), [found.cause["field"] for found in conflict.conflicts]
    except PatchError as refusal:
        return str(refusal), []
    return "", []


@given(_kinds, _objects, _objects)
def test_any_apply_without_force_ends(of: Any, before: Manifest, config: Manifest) -> None:
    """Without force any configuration is applied, refused, or in conflict with fields that the message names."""
    message, fields = _told(of, before, config)
    assert all(field in message for field in fields)
