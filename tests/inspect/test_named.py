"""Destinations by their names, and exact shares."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.inspect.named import Names, compare_split, percent
from edgesim.model import Cluster, ClusterType, OriginStep

V1, V2 = (("version", "v1"),), (("version", "v2"),)


def cluster(name: str, namespace: str) -> Cluster:
    return Cluster(f"{name}_{namespace}", ClusterType.EDS, origin=(OriginStep("Upstream", namespace, name, "a.yaml"),))


CLUSTERS = [cluster("echo", "gloo-system"), cluster("echo", "team"), cluster("v1", "team"), cluster("foxtrot", "team")]
NAMES = Names({each.name: each for each in CLUSTERS})
HALF = Fraction(1, 2)
TWO_SUBSETS = [("foxtrot_team", V1, Fraction(9, 10)), ("foxtrot_team", V2, Fraction(1, 10))]


@pytest.mark.parametrize(
    "split",
    [
        {"v1": "9/10", "v2": "1/10"},
        {"version=v1": "9/10", "version=v2": "1/10"},
        {"foxtrot:v1": "9/10", "team/foxtrot:version=v2": "1/10"},
        {"foxtrot": "1"},
        {"foxtrot_team": "1", "gone": "0"},
    ],
)
def test_a_destination_has_several_names(split: dict[str, str]) -> None:
    """Upstream, cluster, subset, its only value, or both; a name of several destinations has the sum of their shares."""
    assert compare_split([(name, Fraction(text)) for name, text in split.items()], TWO_SUBSETS, NAMES) is None


@pytest.mark.parametrize(
    ("split", "reason"),
    [
        ({"v1": "8/10", "v2": "2/10"}, ""),
        ({"v1": "1"}, ""),
        ({"v1": "9/10", "v3": "1/10"}, "no destination is named `v3`"),
        ({"v1": "9/10"}, "nothing is expected for team/foxtrot:version=v2"),
        ({"v1": "9/10", "foxtrot": "1/10"}, "both `v1` and `foxtrot` name team/foxtrot:version=v1"),
        ({"echo": "1"}, "`echo` is not clear: write gloo-system/echo or team/echo"),
    ],
)
def test_what_is_not_as_expected_is_told(split: dict[str, str], reason: str) -> None:
    """A wrong share, an unknown name, a destination nobody named, one named twice, a name of two upstreams."""
    found = compare_split([(name, Fraction(text)) for name, text in split.items()], TWO_SUBSETS, NAMES)
    assert found is not None
    assert found.reason.startswith(reason)


def test_an_upstream_named_as_a_subset_is_not_guessed() -> None:
    """`v1` may mean the upstream v1 or the subset v1: the full names are asked for."""
    actual = [("v1_team", (), HALF), ("foxtrot_team", V1, HALF)]
    found = compare_split([("v1", HALF), ("foxtrot", HALF)], actual, NAMES)
    assert found is not None
    assert "write `team/v1` or `team/foxtrot:version=v1`" in found.reason
    assert compare_split([("team/v1", HALF), ("version=v1", HALF)], actual, NAMES) is None


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=6).filter(any))
def test_the_true_shares_always_hold_and_no_others(weights: list[int]) -> None:
    """Each destination by its full name with its share holds; moving anything between two does not."""
    total = sum(weights)
    actual = [("foxtrot_team", (("v", str(n)),), Fraction(w, total)) for n, w in enumerate(weights) if w]
    expected = [(f"team/foxtrot:v={n}", Fraction(w, total)) for n, w in enumerate(weights)]
    assert compare_split(expected, actual, NAMES) is None
    moved = [(name, share + Fraction(1, 7 * total) * (-1) ** n) for n, (name, share) in enumerate(expected)]
    assert compare_split(moved, actual, NAMES) is not None


def test_percentages_are_exact_or_say_so() -> None:
    """A share that no percentage writes exactly is shown as a fraction too."""
    assert [percent(Fraction(*each)) for each in ((1, 2), (1, 1), (1, 800), (1, 3))] == [
        "50%",
        "100%",
        "0.125%",
        "1/3 (33.3333%)",
    ]
