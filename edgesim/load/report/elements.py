"""HTML that is escaped by how it is made: text is text, and only what `element` returned is markup."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_VOID = frozenset({"meta", "link", "br", "path", "rect", "circle"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | Iterable["Child"] | None
Attribute = str | bool | None


def element(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """Return an element. `class_` is `class`, `aria_label` is `aria-label`; attributes of None and False are left out."""
    written = "".join(_attribute(name, value) for name, value in attributes.items() if value not in {None, False})
    if tag in _VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{_inner(children)}</{tag}>")


def raw(tag: str, text: str, **attributes: Attribute) -> Markup:
    """Return a `script` or `style` of our own, whose text is not escaped. Raises ValueError where it would end early."""
    if f"</{tag}" in text.lower() or "<!--" in text:
        raise ValueError(f"this text cannot stand in <{tag}>")
    return element(tag, Markup(text), **attributes)


def _attribute(name: str, value: Attribute) -> str:
    plain = name.rstrip("_").replace("_", "-")
    return f" {plain}" if value is True else f' {plain}="{escape(str(value))}"'


def _inner(children: Iterable[Child]) -> str:
    return "".join(_one(child) for child in children)


def _one(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return str(child)
    return escape(_visible(child), quote=False) if isinstance(child, str) else _inner(child)


def _visible(text: str) -> str:
    """Show characters that are none, or turn the direction of what follows."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)
