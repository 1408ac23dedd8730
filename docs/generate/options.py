"""Write docs/options.md from the schemas."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import inspect

from docs.generate.pages import DOCS, run
from edgesim.dialects.schema import gateway, listener, options, settings, upstream

FILE = DOCS / "options.md"
_MADE = "<!-- Made from edgesim/dialects/schema by docs/generate/options.py: change it there, then `make format`. -->"
_INTRO = """\
Every field edgesim knows of Gloo Edge's kinds, and what it does with it. A field that is in no table is an error
(`ES0103`), as it is to the API server.

- **acts**: it does what it does on a cluster;
- *no effect*: it is read, gives one note (`ES0601`), and changes nothing here;
- not served: what uses it is left out, with a warning of its own;
- accepted: it is taken as it comes, without a note, because nothing on one machine could differ by it."""


@dataclass(frozen=True, slots=True)
class Section:
    """One table: a level, where it is written, who reads it, and the fields left to another table."""

    title: str
    where: str
    reader: str
    schema: type[msgspec.Struct]
    elsewhere: tuple[str, ...] = ()


SECTIONS = (
    Section("Virtual host", "VirtualService `spec.virtualHost.options`", "policies.py", options.VirtualHostOptions),
    Section("Route", "`routes[].options`", "policies.py, rewrites.py", options.RouteOptions),
    Section(
        "Weighted destination",
        "`routeAction.multi.destinations[].options`, UpstreamGroup `spec.destinations[].options`",
        "policies.py",
        options.WeightedDestinationOptions,
    ),
    Section(
        "VirtualService",
        "`spec`",
        "virtual_services.py, delegation.py, route_tables.py, actions.py, matchers.py, destinations.py, tls.py",
        gateway.VirtualServiceSpec,
        ("options",),
    ),
    Section(
        "RouteTable",
        "`spec`; its `routes` are those of a VirtualService",
        "trees.py",
        gateway.RouteTableSpec,
        ("routes",),
    ),
    Section(
        "RouteOption",
        "`spec`; its `options` are those of a route",
        "inheritance.py",
        gateway.RouteOptionSpec,
        ("options",),
    ),
    Section(
        "VirtualHostOption",
        "`spec`; its `options` are those of a virtual host",
        "inheritance.py",
        gateway.VirtualHostOptionSpec,
        ("options",),
    ),
    Section("Upstream", "`spec`", "upstreams.py, tls.py", upstream.UpstreamSpec),
    Section("Gateway", "`spec`", "gateways.py", listener.GatewaySpec),
    Section("Settings", "`spec` of the Settings named `default`", "scope.py", settings.SettingsSpec),
)


def page(sections: Sequence[Section]) -> str:
    """Return the whole page."""
    return "\n\n".join([_MADE, "# Options", _INTRO, *(_table(section) for section in sections)]) + "\n"


def _table(section: Section) -> str:
    lines = [f"| `{path}` | {value} | {state} |" for path, value, state in _rows(section.schema, "", section.elsewhere)]
    head = f"## {section.title}\n\n{section.where}; read by `edgesim/dialects/gloo/`: {section.reader}."
    return "\n".join([f"{head}\n", "| field | value | here |", "|---|---|---|", *lines])


def _rows(schema: type[msgspec.Struct], above: str, elsewhere: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    info = inspect.type_info(schema)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        if field.encode_name not in elsewhere:
            yield from _row(field.type, f"{above}{field.encode_name}", elsewhere)


def _row(kind: inspect.Type, path: str, elsewhere: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    kind, extra = _plain(kind)
    if not extra.get("simulated", True):
        yield path, _words(kind), "*no effect*"
        return
    while isinstance(kind, inspect.VarTupleType):
        kind, path = _plain(kind.item_type)[0], f"{path}[]"
    if isinstance(kind, inspect.StructType):
        yield from _rows(kind.cls, f"{path}.", elsewhere)
    elif isinstance(kind, inspect.DictType) and isinstance(_plain(kind.value_type)[0], inspect.StructType):
        yield from _row(kind.value_type, f"{path}.*", elsewhere)
    elif not extra.get("served", True):
        yield path, _words(kind), "not served"
    else:
        yield path, _words(kind), "accepted" if isinstance(kind, inspect.AnyType) else "**acts**"


def _plain(kind: inspect.Type) -> tuple[inspect.Type, dict[str, Any]]:
    """Take marks and `| None` off a type; return the marks too, and a description as one of them."""
    marks: dict[str, Any] = {}
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        if isinstance(kind, inspect.Metadata):
            marks |= kind.extra or {}
            kind = kind.type
            continue
        others = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
        if len(others) > 1:
            break
        kind = others[0]
    return kind, marks


def _words(kind: inspect.Type) -> str:
    """Say what a value looks like."""
    match kind:
        case inspect.IntType(ge=int(), le=int()):
            return f"{kind.ge} to {kind.le}"
        case inspect.StrType(pattern=str()):
            return "duration"
        case inspect.LiteralType(values=values):
            return ", ".join(f"`{value}`" for value in values if isinstance(value, str))
        case inspect.UnionType(types=types):
            return " or ".join(_words(each) for each in types if not isinstance(each, inspect.NoneType))
        case _:
            return _PLAIN[type(kind)]


_PLAIN: dict[type[inspect.Type], str] = {
    inspect.AnyType: "anything",
    inspect.BoolType: "true or false",
    inspect.DictType: "mapping",
    inspect.FloatType: "number",
    inspect.IntType: "number",
    inspect.StrType: "text",
    inspect.StructType: "mapping",
    inspect.VarTupleType: "list",
}


if __name__ == "__main__":
    sys.exit(run({FILE: page(SECTIONS)}))
