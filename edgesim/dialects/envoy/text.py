"""A configuration as YAML for people: what is small on one line, and above each part the resource it came from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from edgesim.dialects.envoy.form import Json, Part
from edgesim.dialects.fields import show_path
from edgesim.model import Origin

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*|[0-9]+s|[0-9]+(\.[0-9]+){3}")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"))
"""What some reader of YAML takes for something else than a text."""
_EXPONENT = re.compile(r"\A(-?[0-9]+)e")
"""A number that YAML 1.1 takes for a text."""
_WIDTH = 100
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def yaml_text(whole: Json, heading: Sequence[str] = ()) -> str:
    """Return a configuration as YAML, below comment lines; a part that is used several times is written once."""
    lines = [f"# {printable(line)}".rstrip() for line in heading]
    writer = _Writer(_used_often(whole))
    lines += writer.block(whole, 0, ())
    return "\n".join(lines) + "\n"


def _used_often(whole: Any) -> dict[int, str]:
    """Return an anchor for each part that is used more than once, by its identity."""
    seen: set[int] = set()
    anchors: dict[int, str] = {}
    for part in _parts(whole, seen):
        anchors.setdefault(id(part), f"shared-{len(anchors) + 1}")
    return anchors


def _parts(node: Any, seen: set[int]) -> Iterator[Part]:
    """Go through a configuration, and yield the parts that were met before."""
    if isinstance(node, Part):
        if id(node) in seen:
            yield node
            return
        seen.add(id(node))
    for child in _children(node):
        yield from _parts(child, seen)


def _children(node: Any) -> Sequence[Any]:
    if isinstance(node, dict):
        return tuple(node.values())
    return node if isinstance(node, list) else ()


class _Writer:
    """Writes the lines of one document; remembers which shared parts it has written."""

    def __init__(self, anchors: dict[int, str]) -> None:
        """Take the anchors of shared parts by identity."""
        self._anchors = anchors
        self._written: set[int] = set()

    def block(self, node: Json | list[Any], indent: int, origin: Origin) -> Iterator[str]:
        """Yield the lines of a mapping or list that is not empty; `origin` is what stands in a comment above already."""
        if isinstance(node, list):
            for item in node:
                yield from self._item(item, indent, origin)
            return
        for key, value in node.items():
            yield from self._field(f"{' ' * indent}{scalar(str(key))}:", value, indent + 2, origin)

    def _field(self, head: str, value: Any, indent: int, origin: Origin) -> Iterator[str]:
        anchor = self._anchors.get(id(value), "")
        if anchor and id(value) in self._written:
            yield f"{head} *{anchor}"
            return
        if anchor:
            self._written.add(id(value))
            head = f"{head} &{anchor}"
        short = None if anchor and value else on_one_line(value, _WIDTH - len(head) - 1)
        if short is not None:
            yield f"{head} {short}"
        elif isinstance(value, str):
            yield from _literal(head, value, indent)
        else:
            yield head
            yield from self._below(value, indent, origin)

    def _below(self, value: Any, indent: int, origin: Origin) -> Iterator[str]:
        """Yield a block, with its origin above where that is another than what is said already."""
        if isinstance(value, Part) and value.origin and value.origin != origin:
            yield f"{' ' * indent}# {told(value.origin)}"
            origin = value.origin
        yield from self.block(value, indent, origin)

    def _item(self, item: Any, indent: int, origin: Origin) -> Iterator[str]:
        space = " " * indent
        if isinstance(item, Part) and item.origin and item.origin != origin:
            yield f"{space}# {told(item.origin)}"
            origin = item.origin
        short = on_one_line(item, _WIDTH - indent - 2)
        if short is not None:
            yield f"{space}- {short}"
        elif isinstance(item, str):
            yield f"{space}- {scalar(item)}"
        else:
            first, *rest = self.block(item, indent + 2, origin)
            yield f"{space}- {first[indent + 2 :]}"
            yield from rest


def on_one_line(node: Any, width: int) -> str | None:
    """Return a value on one line, None where it is too long for that, or is a part of several fields.

    What is empty is never too long: it has no lines that could stand below its field.
    """
    if not isinstance(node, dict | list):
        text = scalar(node)
        return None if isinstance(node, str) and _is_literal(node) else text
    if not node:
        return "{}" if isinstance(node, dict) else "[]"
    found: list[str] = []
    left = width - len("{}")
    for key, value in node.items() if isinstance(node, dict) else (("", each) for each in node):
        short = None if left < 0 or isinstance(value, Part) else on_one_line(value, left)
        if short is None:
            return None  # at once: most of what is asked about is far too long
        found.append(f"{scalar(str(key))}: {short}" if isinstance(node, dict) else short)
        left -= len(found[-1]) + len(", ")
    inside = ", ".join(found)
    text = f"{{{inside}}}" if isinstance(node, dict) else f"[{inside}]"
    return text if len(text) <= width else None


def scalar(value: Any) -> str:
    """Return a scalar; a text without quotes only where no reader can mistake it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if not isinstance(value, str):
        return _EXPONENT.sub(r"\1.0e", repr(value))
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return f'"{"".join(map(_escaped, value))}"'


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _is_literal(text: str) -> bool:
    """Tell whether a text of several lines (PEM) can be written line by line."""
    lines = text.split("\n")
    return len(lines) > 2 and text[0] not in " \n" and all(line.isprintable() for line in lines)


def _literal(head: str, text: str, indent: int) -> Iterator[str]:
    body = text.rstrip("\n")
    ends = len(text) - len(body)
    yield f"{head} |{'-' if not ends else '' if ends == 1 else '+'}"
    for line in [*body.split("\n"), *([""] * (ends - 1))]:
        yield f"{' ' * indent}{line}" if line else ""


def told(origin: Origin) -> str:
    """Return an origin for a comment: the innermost resource and field, and the files on the way to it."""
    return " <- ".join(
        printable(f"{step.resource}{f': {show_path(step.path)}' if step.path else ''} ({step.file})")
        for step in reversed(origin)
    )


def printable(text: str) -> str:
    """Spell out what would end a comment or an editor's patience."""
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)
