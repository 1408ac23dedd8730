"""Is a request one of a class? With headers nobody wrote down, the answer may be that it depends on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache

from edgesim.inspect.conditions import path_holds
from edgesim.inspect.diff.regions import ROOT, Region, Territory
from edgesim.inspect.diff.walk import Fact
from edgesim.model import PathMatcher, RequestHead
from edgesim.routing.conditions import Compiled, Condition, Entry, compiled, find_first


def in_regions(regions: Iterable[Region], territory: Territory, path: bytes) -> bool:
    """Tell whether a path is in one of some regions."""
    return path.startswith(ROOT) and territory.region_of(path) in regions


def meets(
    facts: Iterable[Fact], methods: Collection[str], head: RequestHead, known: Collection[bytes] | None = None
) -> bool | None:
    """Tell whether all facts hold for a head, which has its pseudo headers, and its method is one of some.

    Where only the `known` headers were written down, any other that the head lacks may have been there: None
    says that it depends on such a header.
    """
    if methods and head.method.decode("latin-1") not in methods:
        return False
    depends = False
    for fact in facts:
        if known is not None and is_unknown(fact, head, known):
            depends = True
        elif _holds(fact, head) is not fact.holds:
            return False
    return None if depends else True


def is_unknown(fact: Fact, head: RequestHead, known: Collection[bytes]) -> bool:
    """Tell whether a fact is about a header that nobody wrote down."""
    ask = fact.ask
    if not isinstance(ask, Condition) or ask.of_query:
        return False
    return ask.name not in head.headers and ask.name not in known


def _holds(fact: Fact, head: RequestHead) -> bool:
    if isinstance(fact.ask, PathMatcher):
        return path_holds(fact.ask, head.path)
    return find_first((_compiled(fact.ask),), head) is not None


@lru_cache(maxsize=4096)
def _compiled(condition: Condition) -> Compiled:
    return compiled(Entry(0, frozenset((condition,)), None))
