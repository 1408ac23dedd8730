"""Classes of requests in words: paths, methods, headers and parameters, as short as they can be said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import starmap

from edgesim.inspect.conditions import condition_text, path_text
from edgesim.inspect.diff.regions import Region, Territory
from edgesim.inspect.diff.walk import Fact, Together
from edgesim.model import PathMatcher, ValueKind
from edgesim.routing.conditions import HEADER, METHOD, Condition

MOST_EXCEPT = 8
"""So many longer texts that are not meant are named."""
_MOST_VALUES = 5
_MISSED = "path does not fit"


@dataclass(frozen=True, slots=True, order=True)
class PathClass:
    """Paths: `exact` one, or those that begin with a text (`prefix`) but for those of `without` and `others` more."""

    text: str
    kind: str
    without: tuple[str, ...] = ()
    others: int = 0

    def __str__(self) -> str:
        if not self.without:
            return f"{self.kind} {self.text}"
        more = f" and {self.others} more" if self.others else ""
        return f"{self.kind} {self.text} (but not {', '.join(self.without)}{more})"


def path_classes(regions: Collection[Region], territory: Territory) -> tuple[PathClass, ...]:
    """Say which paths some regions are, those below others left to them."""
    own = set(regions)
    tops = [region for region in own if _around(region, territory) not in own]
    return tuple(sorted(_path_class(region, own, territory) for region in tops))


def _around(region: Region, territory: Territory) -> Region | None:
    """Return the region that would hold a region's paths if that were not one of its own."""
    longest = len(region.text) if region.exact else len(region.text) - 1
    for length in territory.lengths:
        if length <= longest and region.text[:length] in territory.prefixes:
            return Region(region.text[:length], False)
    return None


def _path_class(region: Region, own: Collection[Region], territory: Territory) -> PathClass:
    shown = region.text.decode("utf-8", "backslashreplace")
    if region.exact:
        return PathClass(shown, "exact")
    found = [*_exceptions(region, own, territory)]
    return PathClass(shown, "prefix", tuple(found[:MOST_EXCEPT]), max(0, len(found) - MOST_EXCEPT))


def _exceptions(region: Region, own: Collection[Region], territory: Territory) -> Iterator[str]:
    for text in territory.texts_from(region.text):
        if text in territory.exact and Region(text, True) not in own and _around(Region(text, True), territory) in own:
            yield f"exactly {text.decode('utf-8', 'backslashreplace')}"
        prefix = Region(text, False)
        if text in territory.prefixes and prefix not in own and _around(prefix, territory) in own:
            yield text.decode("utf-8", "backslashreplace")


# --- conditions --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class ConditionText:
    """A condition of a class: its part (`path`, `method`, `header`, `query`, or what another `route` takes), the name in question, and all of it in words."""

    part: str
    name: str
    text: str

    def __str__(self) -> str:
        return self.text


def method_of(facts: Iterable[Fact]) -> str:
    """Return the method that facts ask for, empty where they leave it open."""
    return next((_value(fact) for fact in facts if fact.holds and _is_method(fact)), "")


def without_methods(facts: Iterable[Fact]) -> frozenset[Fact]:
    """Return the facts that are not about the method."""
    return frozenset(fact for fact in facts if not _is_method(fact))


def _is_method(fact: Fact) -> bool:
    return isinstance(fact.ask, Condition) and fact.ask.about == (HEADER, METHOD)


def _value(fact: Fact) -> str:
    return fact.ask.value if isinstance(fact.ask, Condition) else ""


def condition_texts(facts: Iterable[Fact], methods: Sequence[str]) -> tuple[ConditionText, ...]:
    """Write facts in words, with the methods that are asked for."""
    groups: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    barred = [fact.ask for fact in facts if isinstance(fact.ask, Together)]
    for fact in facts:
        if not isinstance(fact.ask, Together) and not (methods and _is_method(fact)):
            groups[_group(fact)].append(fact)
    found = [text for (part, name), group in groups.items() for text in _texts(part, name, group)]
    found = [*_shortened(found), *_barred(barred)]
    if methods:
        found.append(ConditionText("method", "", f"method {' or '.join(sorted(methods))}"))
    return tuple(sorted(found))


def _shortened(texts: Iterable[ConditionText]) -> Iterator[ConditionText]:
    """Leave out most of many patterns that a path does not fit."""
    missed = 0
    for text in sorted(texts):
        missed += text.text.startswith(_MISSED)
        if missed <= _MOST_VALUES or not text.text.startswith(_MISSED):
            yield text
    if missed > _MOST_VALUES:
        yield ConditionText("path", "", f"path fits none of {missed - _MOST_VALUES} more patterns")


def _barred(barred: Sequence[Together]) -> Iterator[ConditionText]:
    """Write what other routes take."""
    said = sorted(" and ".join(_text(_group(fact)[0], fact) for fact in starmap(Fact, each.asks)) for each in barred)
    for text in said[:_MOST_VALUES]:
        yield ConditionText("route", "", f"not ({text})")
    if len(said) > _MOST_VALUES:
        yield ConditionText("route", "", f"what {len(said) - _MOST_VALUES} more such routes take is left out")


def _group(fact: Fact) -> tuple[str, str]:
    if isinstance(fact.ask, PathMatcher):
        return "path", ""
    if _is_method(fact):
        return "method", ""
    assert isinstance(fact.ask, Condition)
    return fact.ask.part, fact.ask.name.decode()


def _ask(fact: Fact) -> PathMatcher | Condition:
    assert not isinstance(fact.ask, Together)
    return fact.ask


def _texts(part: str, name: str, group: list[Fact]) -> Iterator[ConditionText]:
    """Write what is known of one name; a value it has says everything, those it has not are joined."""
    value = next((fact for fact in group if fact.holds and _ask(fact).kind is ValueKind.EXACT and part != "path"), None)
    if value is not None:
        yield ConditionText(part, name, _text(part, value))
        return
    not_these = sorted(
        _ask(fact).value for fact in group if not fact.holds and _ask(fact).kind is ValueKind.EXACT and part != "path"
    )
    certain = {fact for fact in group if fact.holds and _ask(fact).kind is not ValueKind.PRESENT}
    for fact in group:
        if _ask(fact).kind is ValueKind.EXACT and part != "path":
            continue
        if not (certain and _ask(fact).kind is ValueKind.PRESENT):  # a pattern that matches says that it is there
            yield ConditionText(part, name, _text(part, fact))
    if not_these:
        said = f"{part} {name}".strip()
        more = f" and {len(not_these) - _MOST_VALUES} more" if len(not_these) > _MOST_VALUES else ""
        values = [each or "empty" for each in not_these[:_MOST_VALUES]]
        yield ConditionText(part, name, f"{said} is not {' or '.join(values)}{more}")


def _text(part: str, fact: Fact) -> str:
    ask = _ask(fact)
    if isinstance(ask, PathMatcher):
        return f"{'path fits' if fact.holds else _MISSED} {path_text(ask)}"
    return f"{part} {condition_text(ask._replace(invert=not fact.holds))}"
