"""Text becomes documents: YAML or JSON, many documents, Lists taken apart.

Each document is parsed by itself, so that a bad one does not take the others with it. Positions are
not kept: `Source.locate` parses the text of its document again when a problem has to be shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from edgesim.config.yamltree import MAX_DEPTH, Builder, TreeError, TreeLoader
from edgesim.dialects import Document, FieldPath, Source, describe
from edgesim.model import Position, Problem
from edgesim.model.codes import problem

LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What YAML 1.1 takes for the end of a line, so that lines are counted as its parser counts them."""
_SEPARATOR = re.compile(
    "(?:^|(?<=[\r\x85\u2028\u2029]))(?:---|\\.\\.\\.)(?=[ \t\r\n\x85\u2028\u2029]|\\Z)", re.MULTILINE
)
_IDLE = re.compile(r"(?:\.\.\.)?(?:[ \t]*(?:#.*)?\r?\n|%.*\n)*\Z")


@dataclass(frozen=True, slots=True)
class Read:
    """The documents of a text (or of several files), and what could not be read."""

    documents: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """The text between two `---`, with the line it begins at; nodes are found again only when asked for."""

    text: str
    file: str
    line: int

    def position(self, line: int, column: int) -> Position:
        """Return a position inside this text, whose line and column count from 0."""
        return Position(self.file, self.line + line, column + 1)

    def at(self, node: Node) -> Position:
        """Return where a node begins."""
        return self.position(node.start_mark.line, node.start_mark.column)

    def source(self, path: FieldPath = ()) -> Source:
        """Return the source of this text's document, or of a List's item at `path`."""
        return Source(self.file, self.line, lambda inner: self._locate((*path, *inner)), self.text)

    def _locate(self, path: FieldPath) -> Position:
        root = _tree(self.text)
        return self.position(0, 0) if root is None else self.at(_find(root, path))


@lru_cache(maxsize=16)
def _tree(text: str) -> Node | None:
    """Return the tree of a text, for positions: kept for a while, since problems come in crowds; None for none."""
    try:
        return compose(text)
    except (yaml.YAMLError, UnicodeError):  # JSON that is no YAML: no positions
        return None


def compose(text: str) -> Node | None:
    """Parse the one document of a text into a tree."""
    return yaml.compose(_yaml_text(text), TreeLoader)


def _yaml_text(text: str) -> str:
    """Take the tabs out of JSON: it may indent with them, YAML may not. Columns stay."""
    return text.replace("\t", " ") if text.lstrip().startswith(("{", "[")) else text


def _find(node: Node, path: FieldPath) -> Node:
    """Find the node that shows a path: a mapping's key, a list's item; or its nearest ancestor."""
    shown = node
    for step in path:
        if isinstance(node, MappingNode):
            pair = _pair(node, str(step))
            if pair is None:
                return shown
            shown, node = pair
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            shown = node = node.value[step]
        else:
            return shown
    return shown


def _pair(node: MappingNode, name: str) -> tuple[Node, Node] | None:
    """Find a key and its value, in the mapping or in what it merges."""
    for key, value in node.value:
        if isinstance(key, ScalarNode) and key.value == name:
            return key, value
    for key, value in node.value:
        if isinstance(key, ScalarNode) and key.value == "<<":
            for each in value.value if isinstance(value, SequenceNode) else [value]:
                found = _pair(each, name) if isinstance(each, MappingNode) and each is not node else None
                if found is not None:
                    return found
    return None


def read_text(text: str, file: str, first_line: int = 1) -> Read:
    """Read every document of a text. Never raises: what cannot be read is a problem."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for chunk in _chunks(text.removeprefix("\ufeff"), file, first_line):
        documents.extend(_expand(_parse(chunk, problems), chunk, problems))
    return Read(tuple(documents), tuple(problems))


def _chunks(text: str, file: str, first_line: int) -> Iterator[Chunk]:
    """Split at each `---` and `...`; directives and comments belong to the document after them."""
    begin, line = 0, first_line
    for end in (*(match.start() for match in _SEPARATOR.finditer(text)), len(text)):
        part = text[begin:end]
        if end < len(text) and _IDLE.match(part):
            continue
        # The `...` that ended the document before is no part of this one.
        yield Chunk(f"   {part[3:]}" if part.startswith("...") else part, file, line)
        begin, line = end, line + len(LINE_BREAK.findall(part))


def _parse(chunk: Chunk, problems: list[Problem]) -> Any:
    """Parse the document of one chunk; None if there is none, or if it cannot be read."""
    if chunk.file.endswith(".json") or chunk.text.lstrip().startswith(("{", "[")):
        try:
            return _json(chunk.text)
        except json.JSONDecodeError as error:
            if chunk.file.endswith(".json"):
                place = chunk.position(error.lineno - 1, error.colno - 1)
                problems.append(problem("ES0008", f"not JSON: {error.msg}", position=place))
                return None
        except (ValueError, RecursionError):
            pass  # the YAML reader says what is wrong, and where
    return _parse_yaml(chunk, problems)


def _json(text: str) -> Any:
    """Read JSON. Raises ValueError or RecursionError for whatever the YAML reader would refuse."""
    value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no character
    _bound(value, MAX_DEPTH)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is written twice")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _bound(value: Any, depth: int) -> None:
    if depth < 0:
        raise ValueError("nested too deeply")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _bound(item, depth - 1)


def _parse_yaml(chunk: Chunk, problems: list[Problem]) -> Any:
    try:
        node = compose(chunk.text)
        return None if node is None else Builder(100_000 + 10 * len(chunk.text)).value(node)
    except TreeError as error:
        problems.append(problem(error.code, error.message, position=chunk.at(error.node)))
    except yaml.MarkedYAMLError as error:
        problems.append(_syntax(error, chunk))
    except yaml.reader.ReaderError as error:
        what = f"not YAML: the character U+{_character(error.character):04X}, {error.reason}"
        before = chunk.text[: error.position]
        place = chunk.position(before.count("\n"), len(before) - before.rfind("\n") - 1)
        problems.append(problem("ES0001", what, position=place))
    except UnicodeError:
        what = "the text holds half a surrogate pair, which is no character"
        problems.append(problem("ES0004", what, position=chunk.position(0, 0)))
    return None


def _character(value: int | str) -> int:
    return ord(value) if isinstance(value, str) else value


def _syntax(error: yaml.MarkedYAMLError, chunk: Chunk) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = chunk.position(mark.line, mark.column) if mark is not None else chunk.position(0, 0)
    what = error.problem or "this is no YAML"
    if what == "exceeded maximum nesting depth":
        return problem("ES0005", "nested far too deeply", position=place)
    context = f" {error.context}" if error.context else ""
    tab = "\t" in _line(chunk.text, mark.line if mark is not None else 0)
    hint = "YAML indents with spaces, never with tabs" if tab else ""
    return problem("ES0001", f"not YAML: {what}{context}", position=place, hint=hint)


def _line(text: str, number: int) -> str:
    lines = text.split("\n", number + 1)
    return lines[number] if number < len(lines) else ""


def _expand(manifest: Any, chunk: Chunk, problems: list[Problem]) -> Iterator[Document]:
    """Yield the document, or the items of a List (`kubectl get -o yaml` prints one)."""
    source = chunk.source()
    if manifest is None:
        return
    if not isinstance(manifest, dict):
        what = f"expected a mapping with apiVersion, kind and metadata, got {describe(manifest)}"
        problems.append(problem("ES0003", what, position=source.locate(())))
    elif not _is_list(manifest):
        yield Document(manifest, source)
    elif not isinstance(manifest.get("items") or [], list):
        what = f"expected a list, got {describe(manifest['items'])}"
        problems.append(problem("ES0009", what, field="items", position=source.locate(("items",))))
    else:
        for index, item in enumerate(manifest.get("items") or []):
            path = ("items", index)
            inner = chunk.source(path)
            if isinstance(item, dict):
                yield Document(_item(item, manifest), inner)
            else:
                what = f"expected a mapping with apiVersion, kind and metadata, got {describe(item)}"
                problems.append(problem("ES0003", what, field=f"items[{index}]", position=inner.locate(())))


def _is_list(manifest: dict[str, Any]) -> bool:
    kind = manifest.get("kind")
    return isinstance(kind, str) and kind.endswith("List") and "items" in manifest and "spec" not in manifest


def _item(item: dict[str, Any], owner: dict[str, Any]) -> dict[str, Any]:
    """Give an item of a typed list (`ServiceList`) the kind that the API server leaves out of it."""
    kind = owner["kind"].removesuffix("List")
    return {"apiVersion": owner.get("apiVersion"), "kind": kind, **item} if kind else item
