from __future__ import annotations

import dataclasses
import re
from inspect import getsource
from types import ModuleType

import pytest

from edgesim.inspect import conditions as explained
from edgesim.model import RouteMatch
from edgesim.routing import conditions as looked_up


@pytest.mark.parametrize(("module", "elsewhere"), [(explained, set()), (looked_up, {"path"})])
def test_no_part_of_a_matcher_is_forgotten(module: ModuleType, elsewhere: set[str]) -> None:
    """What a matcher consists of is looked up, and explained: a new part that one of them does not read fails here."""
    parts = {part.name for part in dataclasses.fields(RouteMatch)} - elsewhere
    assert parts - set(re.findall(r"\bmatch\.(\w+)", getsource(module))) == set()
