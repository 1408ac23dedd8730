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


def test_many_paths_are_as_cheap_as_one_walk() -> None:
    """A body of nothing but unknown fields is pruned in one go."""
    manifest = {"a": {str(number): number for number in range(50_000)}, "b": [{"c": 1} for _ in range(50_000)]}
    fields = [("a", str(number)) for number in range(50_000)]
    assert pruned(manifest, [*fields, *(("b", number, "c") for number in range(50_000))]) == {
        "a": {},
        "b": [{}] * 50_000,
    }
