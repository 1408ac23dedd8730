from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edgesim.dialects.envoy import Part, yaml_text
from edgesim.model import OriginStep

SHOP = (OriginStep("VirtualService", "team", "shop", "vs.yaml", ("spec", "virtualHost", "routes", 0)),)
TABLE = (*SHOP, OriginStep("RouteTable", "team", "items", "a\nb.yaml", ("spec", "routes", 1)))
texts = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    [
        "yes",
        "No",
        "null",
        "~",
        "1",
        "1.5",
        "0x1",
        "5s",
        "127.0.0.1",
        "a: b",
        "# a",
        "- a",
        "a\nb\n",
        "a\nb\n\n",
        "\na\nb\n",
        "a\n b\nc",
        "<<",
        "=",
        "{a}",
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))


@given(st.dictionaries(texts, values, min_size=1, max_size=4), st.lists(texts, max_size=3))
def test_what_is_written_is_what_is_read(content: dict[str, Any], heading: list[str]) -> None:
    """Any reader of YAML reads the same values from the text, whatever stands in them and in the heading."""
    assert yaml.safe_load(yaml_text(content, heading)) == content


@pytest.mark.parametrize("key", ["k" * 200, "\x01" * 30, "\U000e0001" * 12])
@pytest.mark.parametrize("empty", [[], {}])
def test_what_is_empty_is_written_beside_its_field(key: str, empty: object) -> None:
    """An empty list or mapping is one also where its field leaves no room on the line, and where it is in a list there."""
    content = {key: empty, "deep": {"x" * 40: {key: [empty, {key: empty}]}}}
    assert yaml.safe_load(yaml_text(content)) == content


def test_an_empty_part_that_is_used_twice_is_empty_in_both_places() -> None:
    """A shared part without anything in it is read as an empty mapping, not as nothing."""
    shared = Part({})
    assert yaml.safe_load(yaml_text({"a": shared, "b": {"c": shared}})) == {"a": {}, "b": {"c": {}}}


def test_a_part_has_its_resource_above_it() -> None:
    """A part of a list comes with a comment that names its resource, the innermost first; one of the same resource without."""
    inner = Part({"match": {"prefix": "/"}, "name": "a route " * 20}, TABLE)
    text = yaml_text(
        {"hosts": [Part({"name": "shop", "same": [Part({"n": "x" * 99}, SHOP)], "routes": [inner]}, SHOP)]}
    )
    comments = [line.strip() for line in text.splitlines() if "#" in line]
    shop = "VirtualService team/shop: spec.virtualHost.routes[0] (vs.yaml)"
    assert comments == [f"# {shop}", f"# RouteTable team/items: spec.routes[1] (a\\nb.yaml) <- {shop}"]


def test_a_part_that_is_used_twice_is_written_once() -> None:
    """A part that stands in two places is written in the first, and named in the second."""
    shared = Part({"name": "routes", "hosts": ["a"] * 40})
    text = yaml_text({"chains": [{"routes": shared, "n": 1}, {"routes": shared, "n": 2}]})
    assert text.count("hosts") == 1
    first, second = yaml.safe_load(text)["chains"]
    assert first["routes"] == second["routes"] == shared


def test_a_key_in_pem_is_written_line_by_line() -> None:
    """A text of several lines keeps them, so that people can compare it."""
    pem = "-----BEGIN X-----\nabc\n-----END X-----\n"
    assert "|\n  -----BEGIN X-----\n  abc\n" in yaml_text({"key": pem})
