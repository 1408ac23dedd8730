"""Manifests from disk and standard input. Nothing here raises for what a path holds."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from edgesim.config.read import read_text
from edgesim.dialects import Decoded, Document, Source, decode, did_you_mean
from edgesim.model import Position, Problem, ResourceKey
from edgesim.model.codes import problem

STDIN = "-"
SUFFIXES = frozenset({".yaml", ".yml", ".json"})


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """The documents of several paths, what could not be read, and the files that were (not `-`)."""

    documents: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()


class Text(NamedTuple):
    """The text of one file, or of standard input (`-`)."""

    file: str
    text: str


def read_texts(
    paths: Iterable[str | Path], stdin: Callable[[], bytes] | None = None
) -> tuple[list[Text], list[Problem]]:
    """Read files, folders (recursively, sorted, without hidden ones) and `-`, in the order given.

    `stdin` returns the whole of standard input. A file named twice is read once.
    """
    problems: list[Problem] = []
    files = [file for path in dict.fromkeys(map(str, paths)) for file in _files(path, problems)]
    read = [_read(file, stdin, problems) for file in dict.fromkeys(files)]
    return [text for text in read if text is not None], problems


def read_paths(paths: Iterable[str | Path], stdin: Callable[[], bytes] | None = None) -> ReadFiles:
    """Read every document of files, folders and `-`, as `read_texts` finds them."""
    texts, problems = read_texts(paths, stdin)
    reads = [read_text(each.text, each.file) for each in texts]
    return ReadFiles(
        tuple(document for read in reads for document in read.documents),
        (*problems, *(found for read in reads for found in read.problems)),
        tuple(each.file for each in texts if each.file != STDIN),
    )


def files_under(folder: str, counts: Callable[[str], bool] | None = None) -> Iterator[str]:
    """Iterate over the manifests of a folder, or the files whose name `counts`, sorted; hidden folders are skipped."""
    counts = counts or is_manifest
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if counts(name):
                yield str(Path(parent) / name)


def is_manifest(name: str) -> bool:
    """Tell whether a file of a folder counts, by its name alone; `*.test.yaml` holds route tests, no manifest."""
    return not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES and not is_test_file(name)


def is_test_file(name: str) -> bool:
    """Tell whether a file holds route tests, by its name alone: `*.test.yaml`, `.yml` or `.json`."""
    path = Path(name)
    return path.suffix.lower() in SUFFIXES and Path(path.stem).suffix.lower() == ".test" and not name.startswith(".")


def read_file(path: str) -> bytes:
    """Return what a file holds that the configuration names (`sslFiles`). Raises OSError, or ValueError for a NUL."""
    return Path(path).read_bytes()


def decode_all(documents: Iterable[Document]) -> list[Decoded]:
    """Decode documents; a resource that an earlier one declares already becomes an error naming both places."""
    first: dict[ResourceKey, Source] = {}
    found: list[Decoded] = []
    for document in documents:
        decoded = decode(document)
        if decoded.resource is not None:
            key = decoded.resource.key
            if key in first:
                text = f"{key} is declared twice: also at {first[key].locate(())}"
                position = document.source.locate(())
                twice = problem("ES0012", text, resource=key, field="metadata.name", position=position)
                decoded = Decoded(None, (*decoded.problems, twice))
            else:
                first[key] = document.source
        found.append(decoded)
    return found


def _files(path: str, problems: list[Problem]) -> Iterable[str]:
    if path == STDIN:
        return (STDIN,)
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for a NUL in the name
        return files_under(path)
    if os.path.exists(path):  # noqa: PTH110 - as above
        return (path,)
    problems.append(problem("ES0010", f"no such file or folder: {path}", position=_top(path), hint=_near(path)))
    return ()


def _near(path: str) -> str:
    """Guess the path that was meant among its neighbours."""
    parent = Path(path).parent
    try:
        names = [str(parent / each.name) for each in parent.iterdir()]
    except (OSError, ValueError):
        return ""
    return did_you_mean(str(Path(path)), names)


def _read(file: str, stdin: Callable[[], bytes] | None, problems: list[Problem]) -> Text | None:
    try:
        content = (stdin or sys.stdin.buffer.read)() if file == STDIN else Path(file).read_bytes()
        return Text(file, content.decode())
    except OSError as error:
        problems.append(problem("ES0011", f"cannot be read: {error.strerror}", position=_top(file)))
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        place = Position(file, before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        what = f"the byte 0x{error.object[error.start]:02x} is no UTF-8 text"
        problems.append(problem("ES0004", what, position=place))
    return None


def _top(file: str) -> Position:
    return Position(file, 1, 1)
