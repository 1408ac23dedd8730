"""Draw docs/architecture.md's picture from the imports.

The rows are import-linter's layers, the words each folder's first docstring line, the arrows what the code imports
today.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence

import grimp

from docs.generate.pages import DOCS, ROOT, run

PAGE = DOCS / "architecture.md"
_SECTION = re.compile(r"(<!-- house: [^\n]* -->\n).*?(<!-- /house -->)", re.DOTALL)
Row = Sequence[str]
Arrows = Mapping[str, frozenset[str]]


def rows() -> list[Row]:
    """Return the folders of each row of the house, the highest first, as import-linter is told them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    house = next(each for each in project["tool"]["importlinter"]["contracts"] if each["id"] == "house")
    return [layer.split(" | ") for layer in house["layers"]]


def arrows() -> Arrows:
    """Return, of each folder, the folders that its modules import."""
    graph = grimp.build_graph("edgesim", cache_dir=None)
    folders = {each.rpartition(".")[2]: each for each in graph.find_children("edgesim")}
    found: dict[str, set[str]] = {name: set() for name in folders}
    for name, folder in folders.items():
        for module in {folder, *graph.find_descendants(folder)}:
            found[name] |= {
                each.split(".")[1] for each in graph.find_modules_directly_imported_by(module) if "." in each
            }
    return {name: frozenset(targets & folders.keys() - {name}) for name, targets in found.items()}


def filled(text: str, house: Sequence[Row], imports: Arrows) -> str:
    """Return the page with its picture: the rows in words, then the arrows."""
    section = f"\n```\n{_words(house)}\n```\n\n```mermaid\n{_graph(house, imports)}\n```\n\n"
    return _SECTION.sub(lambda match: f"{match[1]}{section}{match[2]}", text)


def _words(house: Iterable[Row]) -> str:
    names = [(index, name) for index, row in enumerate(house) for name in row]
    lines = [
        f"{'|' if index == before else ' '} {name:12}{_says(name)}" for (before, _), (index, name) in _pairs(names)
    ]
    return "\n".join(lines)


def _pairs(names: Sequence[tuple[int, str]]) -> Iterable[tuple[tuple[int, str], tuple[int, str]]]:
    return zip([(-1, ""), *names], names, strict=False)


def _says(folder: str) -> str:
    tree = ast.parse((ROOT / "edgesim" / folder / "__init__.py").read_text())
    return (ast.get_docstring(tree) or "").partition("\n")[0].rstrip(".")


def _graph(house: Sequence[Row], imports: Arrows) -> str:
    lines = ["flowchart TD"]
    for index, row in enumerate(house):
        lines += [f"  subgraph row{index}[ ]", "    direction LR", *(f"    {name}" for name in row), "  end"]
    lines += [f"  {name} --> {target}" for row in house for name in row for target in sorted(_nearest(name, imports))]
    return "\n".join(lines)


def _nearest(name: str, imports: Arrows) -> frozenset[str]:
    """Leave out the arrows that a longer way already tells: what is imported by something imported."""
    behind = {far for near in imports[name] for far in _below(near, imports)}
    return imports[name] - behind


def _below(name: str, imports: Arrows) -> frozenset[str]:
    return imports[name].union(*(_below(each, imports) for each in imports[name]))


if __name__ == "__main__":
    sys.exit(run({PAGE: filled(PAGE.read_text(), rows(), arrows())}))
