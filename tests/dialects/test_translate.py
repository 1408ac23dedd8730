"""Translating resources, as a whole."""

from __future__ import annotations

import gc

from edgesim.dialects.gloo.shelves import Shelves
from tests.dialects.scenes import SERVICE, TO_ECHO, UPSTREAM, route, run


def shelves() -> int:
    """Count what translations read from."""
    return sum(isinstance(each, Shelves) for each in gc.get_objects())


def test_what_a_translation_read_is_gone_with_it() -> None:
    """Nothing of a translation that is dropped waits for the garbage collector, which rests where much is read."""
    gc.collect()
    gc.disable()
    try:
        before = shelves()
        run(route(TO_ECHO), UPSTREAM, SERVICE)
        assert shelves() <= before
    finally:
        gc.enable()
