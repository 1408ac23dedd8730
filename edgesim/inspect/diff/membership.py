"""Is a request one of a class? With headers nobody wrote down, the answer may be that it depends on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache

from edgesim.inspect.conditions import path_holds
from edgesim.inspect.diff.regions import ROOT, Region, Territory
from edgesim.inspect.diff.walk import Fact, Together
from edgesim.model import PathMatcher, RequestHead
from edgesim.routing.conditions import QUERY, Compiled, Condition, Entry, compiled, find_first


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
    answers = [_answer(fact, head, known) for fact in facts]
    if False in answers:
        return False
    return None if None in answers else True


def _answer(fact: Fact, head: RequestHead, known: Collection[bytes] | None) -> bool | None:
    """Tell whether a fact is one of a head, None where that depends on an unknown header."""
    if isinstance(fact.ask, Together):
        answers = [_answer(Fact(ask, holds), head, known) for ask, holds in fact.ask.asks]
        return True if False in answers else None if None in answers else False
    if known is not None and unknown_names(fact, head, known):
        return None
    return _holds(fact.ask, head) is fact.holds


def unknown_names(fact: Fact, head: RequestHead, known: Collection[bytes]) -> set[bytes]:
    """Return the headers a fact is about that nobody wrote down."""
    if isinstance(fact.ask, Together):
        return set().union(*(unknown_names(Fact(ask, holds), head, known) for ask, holds in fact.ask.asks))
    if not isinstance(fact.ask, Condition) or fact.ask.part == QUERY:
        return set()
    return {fact.ask.name} - head.headers.keys() - set(known)


def _holds(ask: PathMatcher | Condition, head: RequestHead) -> bool:
    if isinstance(ask, PathMatcher):
        return path_holds(ask, head.path)
    return find_first((_compiled(ask),), head) is not None


@lru_cache(maxsize=4096)
def _compiled(condition: Condition) -> Compiled:
    return compiled(Entry(0, frozenset((condition,)), None))
