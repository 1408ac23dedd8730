from __future__ import annotations

from copy import deepcopy

from edgesim.kube.pruning import pruned


def test_fields_are_left_out_and_the_rest_stays() -> None:
    """Paths go through mappings and lists; the manifest that was given stays as it is."""
    manifest = {"a": {"b": 1, "c": [{"d": 1, "e": 2}, {"d": 3}]}, "f": 4}
    before = deepcopy(manifest)
    assert pruned(manifest, [("a", "c", 0, "d"), ("f",), ("a", "b")]) == {"a": {"c": [{"e": 2}, {"d": 3}]}}
    assert manifest == before


def test_a_path_that_leads_nowhere_changes_nothing() -> None:
    """What is not there needs no pruning."""
    manifest = {"a": [1]}
    assert pruned(manifest, [("b", "c"), ("a", 5, "x"), ("a", "x")]) == manifest
