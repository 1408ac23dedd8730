"""Merge patches, JSON patches and the three-way merge."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.config.patches import PatchError, json_patch, merge_patch, three_way

_scalars = st.booleans() | st.integers() | st.text(max_size=3)
_keys = st.sampled_from(["a", "b", "c"])
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_keys, inner), max_leaves=8
)
_objects = st.dictionaries(_keys, _values)


# RFC 7386, appendix A.
@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_of_the_rfc(target: Any, patch: Any, result: Any) -> None:
    """Every example of RFC 7386 holds."""
    assert merge_patch(target, patch) == result


@given(_objects, _objects)
def test_a_merge_patch_twice_is_once(target: Any, patch: Any) -> None:
    """Applying a merge patch again changes nothing."""
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once


# RFC 6902, appendix A.
@pytest.mark.parametrize(
    ("target", "operations", "result"),
    [
        ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
        ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "q"}], {"foo": ["bar", "q", "baz"]}),
        ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
        ({"foo": ["a", "b", "c"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["a", "c"]}),
        ({"baz": "q", "foo": "bar"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo", "foo": "bar"}),
        ({"a": {"b": 1}, "c": {}}, [{"op": "move", "from": "/a/b", "path": "/c/d"}], {"a": {}, "c": {"d": 1}}),
        ({"a": [1, 2, 3]}, [{"op": "move", "from": "/a/0", "path": "/a/2"}], {"a": [2, 3, 1]}),
        ({"a": 1}, [{"op": "test", "path": "/a", "value": 1}], {"a": 1}),
        ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["x"]}], {"foo": ["bar", ["x"]]}),
        ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
        ({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/c"}], {"a": {"b": 1}, "c": {"b": 1}}),
        ({"a": [1]}, [{"op": "replace", "path": "/a/0", "value": 2}], {"a": [2]}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": {}}], {}),
    ],
)
def test_json_patches_of_the_rfc(target: Any, operations: Any, result: Any) -> None:
    """The examples of RFC 6902 hold."""
    assert json_patch(target, operations) == result


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/none"},
        {"op": "replace", "path": "/none", "value": 1},
        {"op": "add", "path": "/none/b", "value": 1},
        {"op": "add", "path": "/list/3", "value": 1},
        {"op": "add", "path": "/list/01", "value": 1},
        {"op": "add", "path": "/list/x", "value": 1},
        {"op": "add", "path": "/text/x", "value": 1},
        {"op": "add", "path": "no-slash", "value": 1},
        {"op": "add", "path": "/a"},
        {"op": "test", "path": "/text", "value": 1},
        {"op": "test", "path": "/one", "value": True},
        {"op": "move", "from": "/list", "path": "/list/0"},
        {"op": "copy", "path": "/x"},
        {"op": "frobnicate", "path": "/text"},
        {"op": ["add"], "path": "/text", "value": 1},
        {"path": "/text"},
        7,
    ],
)
def test_a_json_patch_that_does_not_fit(operation: Any) -> None:
    """What does not fit is refused by name, and the target stays as it was."""
    target = {"list": [1, 2], "text": "t", "one": 1}
    with pytest.raises(PatchError, match="operation 0"):
        json_patch(target, [operation])
    assert target == {"list": [1, 2], "text": "t", "one": 1}


@given(_objects, _objects)
def test_applying_to_nothing_or_again_gives_the_manifest(wanted: Any, last: Any) -> None:
    """What was applied and is applied again is what the manifest says."""
    assert three_way({}, {}, wanted) == wanted
    assert three_way(last, last, wanted) == wanted


@given(_objects, _objects, _objects)
def test_apply_keeps_the_fields_of_others(last: Any, current: Any, wanted: Any) -> None:
    """A top-level field that neither manifest names stays; one only the last manifest named goes."""
    merged = three_way(last, current, wanted)
    for key in current.keys() - wanted.keys():
        assert (key in merged) == (key not in last)
    assert wanted.keys() <= merged.keys()


def test_copies_of_copies_are_bounded() -> None:
    """A JSON patch that doubles the document with every operation is refused before it fills the memory."""
    doubling = [{"op": "copy", "from": "", "path": f"/k{number}"} for number in range(60)]
    with pytest.raises(PatchError, match="copies add up to more than 3145728 bytes"):
        json_patch({"a": "b" * 100}, doubling)


def test_a_document_that_grows_too_deep_is_refused() -> None:
    """A JSON patch that nests the document in itself until nothing can read it is refused."""
    nesting = [{"op": "move", "from": "/a", "path": "/b"}, {"op": "add", "path": "/a", "value": {}}]
    nesting.append({"op": "move", "from": "/b", "path": "/a/a"})
    with pytest.raises(PatchError, match="nested too deeply"):
        json_patch({"a": {}}, [*nesting * 2000, {"op": "copy", "from": "/a", "path": "/c"}])
    with pytest.raises(PatchError, match="nested too deeply"):
        json_patch({"a": {}}, nesting * 100)
    assert json_patch({"a": {}}, nesting * 99)["a"]


class Copied(dict[str, Any]):
    """Counts how often it is copied."""

    times = 0

    def __deepcopy__(self, _memo: Any) -> Copied:
        Copied.times += 1
        return self


def test_what_is_moved_is_not_copied() -> None:
    """However often a value is moved, it is copied once, with the rest of the document."""
    moves = [{"op": "move", "from": f"/k{number}", "path": f"/k{number + 1}"} for number in range(100)]
    assert json_patch({"k0": Copied(a=1)}, moves) == {"k100": {"a": 1}}
    assert Copied.times == 1
