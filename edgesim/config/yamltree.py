"""YAML as Kubernetes reads it: nodes by libyaml, values by the rules of its JSON.

PyYAML's constructor would make dates of dates, 4880 of `80:80`, take the last of two equal keys and
expand a bomb of aliases. So only its parser is used, and the values are made here: the scalars of
YAML 1.1 as Go's reader (sigs.k8s.io/yaml) takes them, text keys, bounded aliases and nesting.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_DEPTH = 100
_TAG = "tag:yaml.org,2002:"
_PLAIN = "plain"
_TEXT_TAGS = frozenset(f"{_TAG}{name}" for name in ("str", "timestamp", "value", "binary"))
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_INT = re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o[0-7_]+|[0-9][0-9_]*)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_TAGGED: dict[str, type[Any] | tuple[type[Any], ...]] = {
    f"{_TAG}int": int,
    f"{_TAG}float": (int, float),
    f"{_TAG}bool": bool,
    f"{_TAG}null": type(None),
}
_BASES = {"0b": 2, "0x": 16, "0o": 8}


class TreeLoader(yaml.CSafeLoader):
    """Parses text into nodes; `plain_value` resolves plain scalars later, and faster than a resolver."""

    def resolve(self, kind: type[Node], _value: Any, implicit: Any) -> str:
        """Name the tag of a node that carries none."""
        if kind is ScalarNode:
            return _PLAIN if implicit[0] else f"{_TAG}str"
        return f"{_TAG}seq" if kind is SequenceNode else f"{_TAG}map"


class TreeError(Exception):
    """A tree that cannot become plain data: a code, the message, and the node to blame."""

    def __init__(self, code: str, message: str, node: Node) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.node = node


@lru_cache(maxsize=65536)
def plain_value(text: str) -> Any:
    """Return the value of a plain (unquoted) scalar; what is no null, boolean or number is text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INT.match(text):
        return _int(text)
    if _FLOAT.match(text):
        number = float(text.replace("_", ""))
        return number if math.isfinite(number) else text
    return text


def _int(text: str) -> int | str:
    digits = text.replace("_", "").lower()
    sign, digits = (-1, digits[1:]) if digits[0] == "-" else (1, digits.lstrip("+"))
    try:
        if digits[:2] in _BASES:
            return sign * int(digits[2:], _BASES[digits[:2]])
        return sign * int(digits, 8 if len(digits) > 1 and digits[0] == "0" else 10)
    except ValueError:  # not a digit of its base (`08`), or too long for Python to convert
        return text


class Builder:
    """Makes plain data of one tree; `budget` bounds how many nodes aliases may expand to."""

    def __init__(self, budget: int) -> None:
        """Take the number of nodes that may be visited."""
        self._budget = budget

    def value(self, node: Node, depth: int = 0) -> Any:
        """Return the data of a node. Raises TreeError."""
        self._budget -= 1
        if self._budget < 0:
            raise TreeError("ES0006", "aliases expand to far more data than the text holds", node)
        if depth > MAX_DEPTH:
            raise TreeError("ES0005", f"nested more than {MAX_DEPTH} levels deep (or an anchor contains itself)", node)
        if isinstance(node, ScalarNode):
            return _scalar(node)
        if isinstance(node, MappingNode):
            return self._mapping(node, depth)
        assert isinstance(node, SequenceNode)
        _check_tag(node, "seq")
        return [self.value(item, depth + 1) for item in node.value]

    def _mapping(self, node: MappingNode, depth: int) -> dict[str, Any]:
        _check_tag(node, "map")
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, item in node.value:
            if _is_merge(key):
                for name, value in self._merged(item, depth).items():
                    merged.setdefault(name, value)
                continue
            name = _key(key)
            if name in found:
                raise TreeError("ES0002", f"the key `{name}` is written twice in this mapping", key)
            found[name] = self.value(item, depth + 1)
        return {**merged, **found} if merged else found

    def _merged(self, node: Node, depth: int) -> dict[str, Any]:
        """Return what a merge key (`<<`) brings in; of several mappings the earlier wins."""
        value = self.value(node, depth + 1)
        found: dict[str, Any] = {}
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, dict):
                raise TreeError("ES0007", "a merge key (`<<`) takes a mapping or a list of mappings", node)
            found = {**each, **found}
        return found


def _is_merge(key: Node) -> bool:
    return isinstance(key, ScalarNode) and key.value == "<<" and key.tag in {_PLAIN, f"{_TAG}merge"}


def _key(node: Node) -> str:
    """Return a key as JSON has it: text, even where YAML reads a number or a boolean."""
    value = _scalar(node) if isinstance(node, ScalarNode) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise TreeError("ES0007", "a key must be text", node)


def _scalar(node: ScalarNode) -> Any:
    if node.tag == _PLAIN:
        return plain_value(node.value)
    if node.tag in _TEXT_TAGS:
        return node.value
    value = plain_value(node.value)
    wanted = _TAGGED.get(node.tag)
    if wanted is None or not isinstance(value, wanted):
        raise TreeError("ES0007", f"`{node.value}` cannot be read with the tag {_short(node.tag)}", node)
    return value


def _check_tag(node: Node, name: str) -> None:
    if node.tag != f"{_TAG}{name}":
        raise TreeError("ES0007", f"the tag {_short(node.tag)} is not supported", node)


def _short(tag: str) -> str:
    return tag.replace(_TAG, "!!")
