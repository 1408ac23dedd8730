from __future__ import annotations

import pytest

from bench.config import LAYOUTS, measure


@pytest.mark.parametrize("layout", LAYOUTS)
def test_both_layouts_load_without_a_problem(layout: str) -> None:
    """A small one of each is read, changed twenty times and measured."""
    row = measure(layout, 0.005)
    assert row.load > 0
    assert len(row.changes) == 20
