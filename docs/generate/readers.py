"""Who reads each field of the schemas: found by mypy, which knows of what type it is that `.name` is taken of.

That no field is read that is in no schema, mypy holds already; what is taken by a name in a variable (`getattr`) is not
seen here, and is nearly always taken by its own name elsewhere, too.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache

from mypy.build import BuildResult, build
from mypy.modulefinder import BuildSource
from mypy.nodes import Expression, MypyFile
from mypy.options import Options
from mypy.traverser import NameAndMemberCollector
from mypy.types import Instance, Type, UnionType, get_proper_type

from docs.generate.pages import ROOT

Field = tuple[str, str]
"""The class of a schema, by its full name, and the attribute."""
_PACKAGE = "edgesim.dialects"
_SCHEMA = f"{_PACKAGE}.schema."


@cache
def readers() -> Mapping[Field, frozenset[str]]:
    """Return, of each field, the modules below `edgesim/dialects` that take it off an object."""
    found: defaultdict[Field, set[str]] = defaultdict(set)
    checked = _checked()
    for name, tree in checked.files.items():
        if name.startswith(f"{_PACKAGE}.") and not name.startswith(_SCHEMA):
            for field in _taken(tree, checked.types):
                found[field].add(name.removeprefix(f"{_PACKAGE}.").replace(".", "/") + ".py")
    return {field: frozenset(names) for field, names in found.items()}


def _checked() -> BuildResult:
    """Let mypy look at the package."""
    options = Options()
    options.export_types = options.preserve_asts = True
    options.incremental = False
    options.cache_dir = os.devnull
    options.explicit_package_bases = options.namespace_packages = True
    options.ignore_missing_imports = True
    options.mypy_path = [str(ROOT)]
    files = sorted((ROOT / "edgesim" / "dialects").rglob("*.py"))
    sources = [
        BuildSource(str(file), ".".join(file.relative_to(ROOT).with_suffix("").parts))
        for file in files
        if file.stem != "__init__"
    ]
    return build(sources, options)


def _taken(tree: MypyFile, types: Mapping[Expression, Type]) -> Iterator[Field]:
    collector = NameAndMemberCollector()
    tree.accept(collector)
    for taken in collector.member_exprs:
        if taken.expr in types:
            for owner in _classes(types[taken.expr]):
                yield owner, taken.name


def _classes(kind: Type) -> Iterator[str]:
    plain = get_proper_type(kind)
    for each in plain.items if isinstance(plain, UnionType) else [plain]:
        one = get_proper_type(each)
        if isinstance(one, Instance):
            yield from (base.fullname for base in one.type.mro if base.fullname.startswith(_SCHEMA))
