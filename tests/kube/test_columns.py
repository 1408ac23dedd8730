from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.kube.columns import abridged, at, human_duration, selector_text, texts_at, time_at


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (-5, "<invalid>"),
        (-1.5, "0s"),
        (0, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (599, "9m59s"),
        (600, "10m"),
        (665, "11m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60 * 5 + 9, "3h5m"),
        (8 * 3600 + 60 * 5, "8h"),
        (48 * 3600 - 1, "47h"),
        (48 * 3600, "2d"),
        (51 * 3600, "2d3h"),
        (8 * 86400 + 3600, "8d"),
        (2 * 365 * 86400 - 1, "729d"),
        (2 * 365 * 86400, "2y"),
        (2 * 365 * 86400 + 86400, "2y1d"),
        (9 * 365 * 86400 + 86400, "9y"),
    ],
)
def test_durations_are_written_as_kubectl_writes_them(seconds: float, written: str) -> None:
    """The bounds of each form are those of Kubernetes' duration.HumanDuration."""
    assert human_duration(timedelta(seconds=seconds)) == written


def test_lists_are_cut_after_three() -> None:
    """A cell shows three items and how many more there are, or says that there is none."""
    assert abridged(["a", "b", "c"]) == "a,b,c"
    assert abridged(["a", "b", "c", "d", "e"]) == "a,b,c + 2 more..."
    assert abridged([]) == "<none>"
    assert abridged([], none="*") == "*"


def test_a_selector_is_written_as_one_types_it() -> None:
    """Labels come first, in the order of their names, and then the expressions."""
    expressions = [
        {"key": "tier", "operator": "In", "values": ["web", "api"]},
        {"key": "old", "operator": "DoesNotExist"},
        {"key": "app", "operator": "Exists"},
    ]
    selector = {"matchLabels": {"b": "2", "a": "1"}, "matchExpressions": expressions}
    assert selector_text(selector) == "a=1,b=2,tier in (api,web),!old,app"
    assert selector_text({}) == selector_text(None) == "<none>"


def test_a_time_is_read_with_its_zone_or_not_at_all() -> None:
    """Times are RFC 3339; what is none, or names no zone, reads as absent."""
    assert time_at({"t": "2026-01-02T03:04:05Z"}, "t") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert time_at({"t": "2026-01-02T03:04:05.000001Z"}, "t") is not None
    assert time_at({"t": "2026-01-02T03:04:05"}, "t") is None
    assert time_at({"t": "yesterday"}, "t") is None
    assert time_at({}, "t") is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=5,
)


@given(ANYTHING)
def test_reading_an_object_of_any_shape_never_fails(value: object) -> None:
    """A path through what is no mapping, or to what is no list, reads as absent."""
    assert at(value, "x", "y") is None
    assert all(isinstance(text, str) for text in texts_at(value, "a"))
