"""A document against a schema: every problem, not only the first.

msgspec stops at the first mistake, and an engineer with five of them wants five lines. So the struct
types are compiled, once, into plain functions that walk the data and report. What they accept msgspec
accepts too; a test holds them together.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from edgesim.dialects.belonging import belongs_in
from edgesim.dialects.fields import show_path
from edgesim.dialects.nearest import did_you_mean
from edgesim.dialects.resource import FieldPath


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake or note, at a path of the document."""

    code: str
    path: FieldPath
    message: str
    hint: str = ""


@dataclass(slots=True)
class Findings:
    """What a walk over a document of a schema, which stands at `base`, has found.

    While `quiet`, the inside of an unsimulated field gives no more notes.
    """

    schema: type[msgspec.Struct]
    base: FieldPath
    items: list[Finding] = field(default_factory=list)
    quiet: bool = False

    def add(self, code: str, path: FieldPath, message: str, hint: str = "") -> None:
        """Record one finding."""
        self.items.append(Finding(code, path, message, hint))


_A_SLIP: Final = 0.9
"""How like a name is that differs in a letter or so: nearer than the same name elsewhere."""
_WORD: Final = 4
"""Letters from which the end of a name may stand for it."""
_GUESSED: Final = 100
"""Unknown fields of one mapping for which it is guessed what was meant: a guess is dear."""

Check = Callable[[Any, FieldPath, Findings], None]


def check(schema: type[msgspec.Struct], manifest: Any, path: FieldPath = ()) -> list[Finding]:
    """Return everything wrong or worth a note in `manifest`, in the order of the document."""
    found = Findings(schema, path)
    compile_struct(schema)(manifest, path, found)
    return found.items


def describe(value: Any) -> str:
    """Say in human words what a value is."""
    if isinstance(value, str):
        return f"text {shorten(value)!r}"
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return f"the number {shorten(str(value))}"
    return "a list" if isinstance(value, list) else "a mapping"


def shorten(text: str) -> str:
    """Cut a text that would drown the message it stands in."""
    return text if len(text) <= 60 else f"{text[:57]}..."


@cache
def compile_struct(schema: type[msgspec.Struct]) -> Check:
    """Compile a struct type into a check; types inside are compiled when first met."""
    info = inspect.type_info(schema)
    assert isinstance(info, inspect.StructType)
    return _struct(info)


def _compile(kind: inspect.Type) -> Check:
    return _COMPILERS.get(type(kind), lambda scalar: _scalar(scalar, ""))(kind)


def _metadata(kind: inspect.Metadata) -> Check:
    if (kind.extra or {}).get("hidden"):
        return _hidden
    if (kind.extra or {}).get("simulated", True):
        description = (kind.extra_json_schema or {}).get("description", "")
        return _scalar(kind.type, description) if description else _compile(kind.type)
    inside = _compile(kind.type)
    default = (kind.extra or {}).get("default")

    def check_unsimulated(value: Any, path: FieldPath, found: Findings) -> None:
        if not found.quiet and not (isinstance(value, bool) and value is default):
            found.add("ES0601", path, "this field is read but not simulated: it has no effect here")
        before, found.quiet = found.quiet, True
        inside(value, path, found)
        found.quiet = before

    return check_unsimulated


def _hidden(value: Any, path: FieldPath, found: Findings) -> None:
    """Check a secret text, without repeating what is there instead."""
    if not isinstance(value, str):
        hint = "put it in quotes" if isinstance(value, int | float) else ""
        found.add("ES0104", path, "expected text, got something else", hint)


def _union(kind: inspect.UnionType) -> Check:
    others = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
    if len(others) == 1:
        return _compile(others[0])  # null fields are left out before they get here
    types = tuple(_PYTHON_TYPES[type(member)] for member in others)
    wanted = " or ".join(_wanted(each) for each in others if not isinstance(each, inspect.StrType) or not each.pattern)
    limits = [(_PYTHON_TYPES[type(member)], refuses) for member in others if (refuses := _limits(member)) is not None]

    def check_union(value: Any, path: FieldPath, found: Findings) -> None:
        if not isinstance(value, types) or isinstance(value, bool):
            found.add("ES0104", path, f"expected {wanted}, got {describe(value)}")
        elif any(isinstance(value, type_) and refuses(value) for type_, refuses in limits):
            found.add(
                "ES0109" if isinstance(value, str) else "ES0106", path, f"expected {wanted}, got {describe(value)}"
            )

    return check_union


def _anything(_value: Any, _path: FieldPath, _found: Findings) -> None:
    """Accept whatever it is."""


def _struct(info: inspect.StructType) -> Check:
    kinds = {member.encode_name: member.type for member in info.fields}
    required = tuple(member.encode_name for member in info.fields if member.required)
    groups: tuple[tuple[str, ...], ...] = getattr(info.cls, "ONE_OF", ())
    compiled: dict[str, Check] = {}

    def check_struct(value: Any, path: FieldPath, found: Findings) -> None:
        if not isinstance(value, dict):
            found.add("ES0104", path, f"expected a mapping, got {describe(value)}")
            return
        unknown = 0
        for name, item in value.items():
            if name not in kinds:
                hint = _meant(name, kinds, path, found) if unknown < _GUESSED else ""
                found.add("ES0103", (*path, name), f'unknown field "{shorten(name)}"', hint)
                unknown += 1
            elif item is not None:
                inside = compiled.get(name)
                if inside is None:  # compiled when first met, since schemas may be recursive
                    inside = compiled[name] = _compile(kinds[name])
                inside(item, (*path, name), found)
        for name in required:
            if value.get(name) is None:
                found.add("ES0105", path, f"the field `{name}` is required")
        for group in groups:
            _check_one_of(group, value, path, found)

    return check_struct


def _check_one_of(group: tuple[str, ...], value: dict[str, Any], path: FieldPath, found: Findings) -> None:
    given = [name for name in group if value.get(name) is not None]
    if len(given) > 1:
        listed = ", ".join(f"`{name}`" for name in given)
        found.add("ES0108", (*path, given[1]), f"only one of {listed} can be set")


def _meant(name: str, kinds: dict[str, inspect.Type], path: FieldPath, found: Findings) -> str:
    """Find the field that was meant: one spelt nearly so, the very name nearby, a like one, or the only one that ends in it."""
    at = len(found.base)
    hint = did_you_mean(name, kinds, _A_SLIP) or _elsewhere(name, found.schema, path[at:], path[:at])
    if hint or (hint := did_you_mean(name, kinds)):
        return hint
    longer = [each for each in kinds if len(name) >= _WORD and each.lower().endswith(name.lower())]
    return f"did you mean `{longer[0]}`?" if len(longer) == 1 else ""


def _elsewhere(name: str, schema: type[msgspec.Struct], path: FieldPath, base: FieldPath) -> str:
    place = belongs_in(name, schema, path)
    if place is None:
        return ""
    if len(place) > len(path) and place[: len(path)] == path:
        return f"did you mean `{place[-1]}.{name}`?"
    where = f"in `{show_path((*base, *place))}`" if base or place else "at the top of the document"
    return f"`{name}` belongs {where}"


def _list(kind: inspect.VarTupleType) -> Check:
    item = _compile(kind.item_type)
    least = kind.min_length or 0

    def check_list(value: Any, path: FieldPath, found: Findings) -> None:
        if not isinstance(value, list):
            found.add("ES0104", path, f"expected a list, got {describe(value)}")
            return
        if len(value) < least:
            found.add("ES0106", path, f"expected at least {least} item{'s' if least > 1 else ''}")
        for index, member in enumerate(value):
            item(member, (*path, index), found)

    return check_list


def _mapping(kind: inspect.DictType) -> Check:
    inside = _compile(kind.value_type)
    hidden = inside is _hidden

    def check_mapping(value: Any, path: FieldPath, found: Findings) -> None:
        if not isinstance(value, dict):
            found.add("ES0104", path, f"expected a mapping, got {'something else' if hidden else describe(value)}")
            return
        for name, item in value.items():
            if item is not None:
                inside(item, (*path, name), found)

    return check_mapping


_OPERATORS: Final = {
    "!": "DoesNotExist", "=": "Equals", "==": "DoubleEquals", "!=": "NotEquals", "gt": "GreaterThan", "lt": "LessThan"
}  # fmt: skip
"""How Kubernetes writes operators of label selectors, and one of Gloo's guides with it, where Gloo's names are unlike."""


def _choice(kind: inspect.LiteralType) -> Check:
    names = [value for value in kind.values if isinstance(value, str)]
    numbers = [value for value in kind.values if isinstance(value, int)]

    def check_choice(value: Any, path: FieldPath, found: Findings) -> None:
        if isinstance(value, str) and value in names:
            return
        if isinstance(value, int) and not isinstance(value, bool) and value in numbers:
            return
        hint = did_you_mean(_OPERATORS.get(value, value), names) if isinstance(value, str) else ""
        found.add("ES0107", path, f"expected one of {', '.join(names)}, got {describe(value)}", hint)

    return check_choice


_PYTHON_TYPES: dict[type[inspect.Type], type[Any] | tuple[type[Any], ...]] = {
    inspect.StrType: str,
    inspect.IntType: int,
    inspect.FloatType: (int, float),
    inspect.BoolType: bool,
}
_WORDS: dict[type[inspect.Type], str] = {
    inspect.StrType: "text",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.BoolType: "true or false",
}


def _scalar(kind: inspect.Type, description: str) -> Check:
    types = _PYTHON_TYPES[type(kind)]
    flag = isinstance(kind, inspect.BoolType)
    wanted = description or _wanted(kind)
    refuses = _limits(kind)
    text = isinstance(kind, inspect.StrType)

    def check_scalar(value: Any, path: FieldPath, found: Findings) -> None:
        if not isinstance(value, types) or isinstance(value, bool) is not flag:
            found.add(
                "ES0104", path, f"expected {wanted}, got {describe(value)}", _quotes(value, refuses) if text else ""
            )
        elif refuses is not None and refuses(value):
            found.add("ES0109" if text else "ES0106", path, f"expected {wanted}, got {describe(value)}")

    return check_scalar


def _quotes(value: Any, refuses: Callable[[Any], bool] | None) -> str:
    """Hint at the quotes that make text of what YAML takes for something else, or at the unit that does."""
    if isinstance(value, bool):
        return "yes, no, on, off, true and false are no text to YAML: put it in quotes"
    if not isinstance(value, int | float):
        return ""
    if refuses is not None and refuses(str(value)):
        return "" if refuses(f"{value}s") else f"say the unit: {shorten(str(value))}s"
    return f"put it in quotes: '{shorten(str(value))}'"


def _wanted(kind: inspect.Type) -> str:
    word = _WORDS[type(kind)]
    if isinstance(kind, inspect.IntType) and kind.ge is not None and kind.le is not None:
        return f"{word} {kind.ge}..{kind.le}"
    return word


def _limits(kind: inspect.Type) -> Callable[[Any], bool] | None:
    if isinstance(kind, inspect.IntType) and kind.ge is not None and kind.le is not None:
        least, most = kind.ge, kind.le
        return lambda value: not least <= value <= most
    if isinstance(kind, inspect.FloatType):
        return lambda value: abs(value) > sys.float_info.max
    if isinstance(kind, inspect.StrType) and kind.pattern is not None:
        pattern = re.compile(kind.pattern)
        length = kind.max_length or 2**31
        return lambda value: len(value) > length or pattern.search(value) is None
    return None


_COMPILERS: dict[type[inspect.Type], Callable[[Any], Check]] = {
    inspect.Metadata: _metadata,
    inspect.UnionType: _union,
    inspect.StructType: lambda kind: compile_struct(kind.cls),
    inspect.VarTupleType: _list,
    inspect.DictType: _mapping,
    inspect.LiteralType: _choice,
    inspect.AnyType: lambda _kind: _anything,
}
