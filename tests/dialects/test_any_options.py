"""Whatever fits the schemas translates: to a model and problems, never to an exception."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from edgesim.config.files import decode_all
from edgesim.config.read import read_text
from edgesim.dialects import KINDS, Kind, translate
from edgesim.dialects.schema.common import Manifest
from tests.dialects.certificates import secret
from tests.dialects.scenes import SERVICE, UPSTREAM

TEXTS = st.sampled_from(
    [
        "",
        "a",
        "echo",
        "default",
        "cert",
        "X-User",
        "a b",
        ":path",
        "%REQ(a)%",
        "50%",
        "5xx,reset",
        "/a",
        "(",
        "a.*",
        "*",
    ]
)
DURATIONS = st.sampled_from(["0s", "1s", "500ms", "-1s", "9999999999999999999999h", "1ns", "1h30m"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | TEXTS, lambda inner: st.dictionaries(TEXTS, inner, max_size=2)
)


def values(kind: inspect.Type, depth: int) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one case a type
    """Values that a schema's type accepts, as plain data."""
    match kind:
        case inspect.StructType():
            return mappings(kind, depth)
        case inspect.Metadata():
            return values(kind.type, depth)
        case inspect.UnionType(types=types):
            return st.one_of([values(each, depth) for each in types if not isinstance(each, inspect.NoneType)])
        case inspect.VarTupleType():
            return st.lists(values(kind.item_type, depth), min_size=kind.min_length or 0, max_size=2)
        case inspect.DictType():
            return st.dictionaries(TEXTS, values(kind.value_type, depth), max_size=2)
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
    return scalars(kind)


def scalars(kind: inspect.Type) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one case a type
    match kind:
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType(ge=least, le=most):
            near = [0, 1, 80, 443, 503, 70000]
            return st.sampled_from([each for each in near if (least or 0) <= each <= (2**32 if most is None else most)])
        case inspect.FloatType():
            return st.sampled_from([0.0, 0.1, 50, 100.0, 101.5, -1.0, 1e300])
        case inspect.StrType(pattern=str(), max_length=int()):
            return st.sampled_from(["a", "echo"])
        case inspect.StrType(pattern=str()):
            return DURATIONS
        case inspect.StrType():
            return TEXTS
    return ANYTHING


def mappings(kind: inspect.StructType, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """Mappings with any of a struct's fields; below some depth only with the required ones."""
    required = {field.encode_name: field for field in kind.fields if field.required}
    optional = {field.encode_name: field for field in kind.fields if not field.required} if depth > 0 else {}
    groups: tuple[tuple[str, ...], ...] = getattr(kind.cls, "ONE_OF", ())

    def drawn(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
        chosen = [name for name in names if not _later(name, names, groups)]
        fields = {**required, **{name: optional[name] for name in chosen}}
        return st.fixed_dictionaries({name: values(field.type, depth - 1) for name, field in fields.items()})

    if not optional:
        return drawn([])
    return st.lists(st.sampled_from(sorted(optional)), max_size=4, unique=True).flatmap(drawn)


def _later(name: str, names: list[str], groups: tuple[tuple[str, ...], ...]) -> bool:
    """Tell whether a field is excluded by one that was drawn before it."""
    return any(name in group and any(other in group for other in names[: names.index(name)]) for group in groups)


def kinds() -> list[Any]:
    names = ("VirtualService", "Upstream", "UpstreamGroup", "Gateway", "Settings", "Secret")
    return [pytest.param(kind, id=kind.kind) for kind in KINDS if kind.kind in names]


def spec_of(schema: type[Manifest]) -> st.SearchStrategy[dict[str, Any]]:
    info = inspect.type_info(schema)
    assert isinstance(info, inspect.StructType)
    own = [
        field
        for field in info.fields
        if field.encode_name not in {f.encode_name for f in msgspec.structs.fields(Manifest)}
    ]
    return st.fixed_dictionaries({field.encode_name: values(field.type, 7) for field in own})


OTHERS = "\n---\n".join([UPSTREAM, SERVICE, secret("cert")])


@pytest.mark.parametrize("kind", kinds())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_whatever_fits_a_schema_is_translated(kind: Kind, data: st.DataObject) -> None:
    """No option, however odd, raises; every problem it gives names its file."""
    name = "default" if kind.kind == "Settings" else "odd"
    head = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}}
    body = data.draw(spec_of(kind.schema))
    read = read_text(f"{OTHERS}\n---\n{json.dumps({**head, **body})}\n", "x.yaml")
    assert not read.problems
    decoded = decode_all(read.documents)
    translation = translate([each.resource for each in decoded if each.resource is not None])
    for problem in (*(found for each in decoded for found in each.problems), *translation.problems):
        assert problem.position is not None
        assert problem.message
