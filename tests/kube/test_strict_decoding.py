from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesim.kube.strict_decoding import dotted, duplicate_fields, unknown_fields


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ('{"spec": {"replicas": 1, "replicas": 2}}', ["spec.replicas"]),
        ('{"a": [{"b": 1, "b": 2}], "a": []}', ["a[0].b", "a"]),
        ("spec:\n  replicas: 1\n  replicas: 2\n", ["spec.replicas"]),
        ("a:\n- b: 1\n  b: 2\n", ["a[0].b"]),
        ("a: &x [*x]\n", []),
        ("<<: {a: 1}\na: 2\n", []),
        ("{", []),
        ("\x00", []),
        ("", []),
    ],
)
def test_fields_written_twice_are_found(text: str, paths: list[str]) -> None:
    """JSON and YAML bodies tell where they repeat a field; what cannot be read is somebody else's matter."""
    assert sorted(duplicate_fields(text)) == sorted(f'duplicate field "{path}"' for path in paths)


@settings(max_examples=50)
@given(st.recursive(st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10))
def test_what_a_serializer_writes_repeats_nothing(value: object) -> None:
    """No mapping that came from data has a field twice."""
    assert duplicate_fields(json.dumps(value)) == ()


def test_a_path_is_written_as_kubernetes_does() -> None:
    """Indexes stand in brackets, keys after dots."""
    assert dotted(("spec", "routes", 0, "options", 1, 2)) == "spec.routes[0].options[1][2]"


def test_deep_bodies_do_not_exhaust_the_stack() -> None:
    """A body nested beyond any sense repeats nothing that is told."""
    assert duplicate_fields("[" * 100_000) == ()


def test_aliases_are_not_expanded() -> None:
    """A bomb of aliases is looked at once."""
    layers = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))
    assert duplicate_fields(f"a0: &a0 {{b: 1, b: 2}}\n{layers}\n") == ('duplicate field "a0.b"',)


def test_a_hundred_errors_are_enough() -> None:
    """Of a body of mistakes the first hundred are told."""
    body = ", ".join(f'"a{number}": 1, "a{number}": 2' for number in range(300))
    assert len(duplicate_fields(f"{{{body}}}")) == 100
    assert len(unknown_fields([("a", number) for number in range(300)])) == 100
