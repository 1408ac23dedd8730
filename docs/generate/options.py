"""Write docs/options.md from the schemas."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import inspect

from docs.generate.pages import DOCS, run
from docs.generate.readers import readers
from edgesim.dialects.schema import gateway, listener, options, settings, upstream
from edgesim.dialects.schema.field_types import bare_type

FILE = DOCS / "options.md"
_MADE = "<!-- Made from edgesim/dialects/schema by docs/generate/options.py: change it there, then `make format`. -->"
_INTRO = """\
Every field edgesim knows of Gloo Edge's kinds, and what it does with it. A field that is in no table is an error
(`ES0103`), as it is to the API server.

- **acts**: it does what it does on a cluster;
- *no effect*: it is read, gives one note (`ES0601`), and changes nothing here;
- not served: what uses it is left out, with a warning of its own;
- accepted: it is taken as it comes, without a note, because nothing on one machine could differ by it.

*Read by* are modules in `edgesim/dialects`, found in the code."""
ACTS, NO_EFFECT, NOT_SERVED, ACCEPTED = "**acts**", "*no effect*", "not served", "accepted"


@dataclass(frozen=True, slots=True)
class Section:
    """One table: a level, where it is written, and the fields left to another table."""

    title: str
    where: str
    schema: type[msgspec.Struct]
    elsewhere: tuple[str, ...] = ()


SECTIONS = (
    Section("Virtual host", "VirtualService `spec.virtualHost.options`", options.VirtualHostOptions),
    Section("Route", "`routes[].options`", options.RouteOptions),
    Section(
        "Weighted destination",
        "`routeAction.multi.destinations[].options`, UpstreamGroup `spec.destinations[].options`",
        options.WeightedDestinationOptions,
    ),
    Section("VirtualService", "`spec`", gateway.VirtualServiceSpec, ("options",)),
    Section("RouteTable", "`spec`; its `routes` are those of a VirtualService", gateway.RouteTableSpec, ("routes",)),
    Section("RouteOption", "`spec`; its `options` are those of a route", gateway.RouteOptionSpec, ("options",)),
    Section(
        "VirtualHostOption",
        "`spec`; its `options` are those of a virtual host",
        gateway.VirtualHostOptionSpec,
        ("options",),
    ),
    Section("Upstream", "`spec`", upstream.UpstreamSpec),
    Section("Gateway", "`spec`", listener.GatewaySpec),
    Section("Settings", "`spec` of the Settings named `default`", settings.SettingsSpec),
)


def unread(sections: Iterable[Section]) -> list[str]:
    """Return the fields that are said to act, and that nobody reads."""
    return [row.path for section in sections for row in rows_of(section) if row.state == ACTS and not row.readers]


def page(sections: Sequence[Section]) -> str:
    """Return the whole page."""
    return "\n\n".join([_MADE, "# Options", _INTRO, *(_table(section) for section in sections)]) + "\n"


@dataclass(frozen=True, slots=True)
class Row:
    """A field that holds a value: its path, what a value looks like, what becomes of it, and who reads it."""

    path: str
    value: str
    state: str
    readers: tuple[str, ...] = ()


def rows_of(section: Section) -> Iterator[Row]:
    """Yield the rows of a table."""
    yield from _rows(section.schema, "", section.elsewhere)


def _table(section: Section) -> str:
    lines = [f"| `{row.path}` | {row.value} | {row.state} | {', '.join(row.readers)} |" for row in rows_of(section)]
    head = f"## {section.title}\n\n{section.where}"
    return "\n".join([f"{head}\n", "| field | value | here | read by |", "|---|---|---|---|", *lines])


def _rows(schema: type[msgspec.Struct], above: str, elsewhere: tuple[str, ...]) -> Iterator[Row]:
    info = inspect.type_info(schema)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        if field.encode_name not in elsewhere:
            owner = f"{info.cls.__module__}.{info.cls.__qualname__}"
            found = tuple(sorted(readers().get((owner, field.name), ())))
            yield from _row(field.type, f"{above}{field.encode_name}", elsewhere, found)


def _row(kind: inspect.Type, path: str, elsewhere: tuple[str, ...], found: tuple[str, ...]) -> Iterator[Row]:
    kind, extra = bare_type(kind)
    if not extra.get("simulated", True):
        yield Row(path, _words(kind), NO_EFFECT)
        return
    while isinstance(kind, inspect.VarTupleType):
        kind, path = bare_type(kind.item_type)[0], f"{path}[]"
    if isinstance(kind, inspect.StructType) and not kind.fields:
        yield Row(path, "`{}`", ACTS, found)
    elif isinstance(kind, inspect.StructType):
        yield from _rows(kind.cls, f"{path}.", elsewhere)
    elif isinstance(kind, inspect.DictType) and isinstance(bare_type(kind.value_type)[0], inspect.StructType):
        yield from _row(kind.value_type, f"{path}.*", elsewhere, found)
    elif not extra.get("served", True):
        yield Row(path, _words(kind), NOT_SERVED, found)
    elif isinstance(kind, inspect.AnyType) or extra.get("label"):
        yield Row(path, _words(kind), ACCEPTED)
    else:
        yield Row(path, _words(kind), ACTS, found)


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
    if unread(SECTIONS):
        sys.exit(f"nobody reads {', '.join(unread(SECTIONS))}: read it, or mark it NotSimulated")
    sys.exit(run({FILE: page(SECTIONS)}))
