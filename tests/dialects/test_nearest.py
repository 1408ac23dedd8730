from __future__ import annotations

import pytest

from edgesim.dialects.nearest import FEW, Spellings

MANY = [f"service-{number:04}" for number in range(10 * FEW)] + ["echo", "foxtrot"]


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("ecko", "echo"),
        ("eho", "echo"),
        ("ehco", "echo"),
        ("echo-typo", "echo"),
        ("xoxtrot", "foxtrot"),
        ("Foxtrott", "foxtrot"),
        ("service_0017", "service-0017"),
        ("something-else", None),
    ],
)
def test_among_many_names_the_likely_ones_are_found(word: str, name: str | None) -> None:
    """One slip anywhere, or a like beginning, is enough; what is like nothing has no hint."""
    assert Spellings(MANY).nearest(word) == name
