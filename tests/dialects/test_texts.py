from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.dialects import did_you_mean, show_path
from edgesim.dialects.gloo.durations import seconds
from edgesim.dialects.gloo.names import cluster_name
from edgesim.dialects.nearest import nearest


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5s", 1.5),
        ("500ms", 0.5),
        ("1m30s", 90),
        ("-2h", -7200),
        ("0", 0),
        ("+1us", 1e-6),
        ("1ns", 1e-9),
        (".5s", 0.5),
        ("9" * 400 + "h", 2**63 / 1e9),
    ],
)
def test_durations_are_seconds(text: str, value: float) -> None:
    """Go's duration syntax, in seconds."""
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("spec", "routes", 0, "prefix"), "spec.routes[0].prefix"),
        (("metadata", "labels", "a.b/c"), "metadata.labels['a.b/c']"),
        ((0,), "[0]"),
    ],
)
def test_paths_are_shown_as_people_write_them(path: tuple[str | int, ...], text: str) -> None:
    """Keys are joined by dots, list indexes and odd keys are in brackets."""
    assert show_path(path) == text


def test_nearness_ignores_case_and_dashes() -> None:
    """`virtual_host` is `virtualHost`; a far word is nothing; a real name is itself."""
    assert nearest("virtual_host", ["domains", "virtualHost"]) == "virtualHost"
    assert did_you_mean("zzz", ["domains"]) == ""
    assert did_you_mean("domain", ["domains"]) == "did you mean `domains`?"


@given(word=st.text(), names=st.lists(st.text(), max_size=5))
def test_the_nearest_name_is_one_of_them(word: str, names: list[str]) -> None:
    """Whatever the words, the answer is one of the names or none."""
    assert nearest(word, names) in [*names, None]


def test_a_cluster_without_namespace_is_its_name() -> None:
    """Gloo puts the name first, and only the name where there is no namespace."""
    assert (cluster_name("gloo-system", "echo"), cluster_name("", "echo")) == ("echo_gloo-system", "echo")
