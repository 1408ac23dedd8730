"""`${name}` in requests: compiled once, filled in for each request with the row whose turn it is."""

from __future__ import annotations

import csv
import io
import re
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from math import gcd
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from edgesim.load.scenario import Order, RequestClass, Target, Variables
from edgesim.load.wire import has_length, written
from edgesim.model import EdgesimError, Position
from edgesim.model.codes import problem

if TYPE_CHECKING:
    from edgesim.dialects.resource import FieldPath  # client processes start without all dialects

_HOLE = re.compile(r"(?<!\$)\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][\w.-]*\Z", re.ASCII)
_IN_A_PATH = string.punctuation.replace("#", "")
"""What of a value stays as it is in a path: it may hold a whole query, and may be percent-encoded already."""
_MOST_ROWS = 1_000_000


def names_in(text: str) -> list[str]:
    """Return the names of variables in a text; `$${` is no variable, but stands for `${`."""
    return _HOLE.findall(text)


def pieces(text: str, names: Sequence[str]) -> Iterator[str | int]:
    """Yield a text in pieces: literal ones, and the columns of variables; unknown names stay as they are written."""
    literal, *rest = _HOLE.split(text)
    if literal:
        yield literal.replace("$${", "${")
    for name, behind in zip(rest[::2], rest[1::2], strict=True):
        yield names.index(name) if name in names else f"${{{name}}}"
        if behind:
            yield behind.replace("$${", "${")


def names_of(request: RequestClass) -> Iterator[tuple[FieldPath, list[str]]]:
    """Yield the path to each field of a request that may hold variables, with the names in it."""
    yield ("path",), names_in(request.path)
    for name, value in request.headers:
        yield ("headers", name), names_in(value)
    yield ("body",), names_in(_text(request.body))


def unknown(name: str, variables: Variables) -> str:
    """Return the hint for a variable that there is not."""
    from edgesim.dialects.nearest import did_you_mean  # noqa: PLC0415 - client processes start without all dialects

    meant = did_you_mean(name, variables.names)
    return meant or f"there are {', '.join(f'`{each}`' for each in variables.names)}; `$${{` stands for a plain `${{`"


def breaks_lines(name: str, variables: Variables) -> bool:
    """Tell whether some value of a variable cannot stand in a header."""
    column = variables.names.index(name)
    return any(c in row[column] for row in variables.rows for c in "\r\n\0")


# --- filling in ----------------------------------------------------------------------------------------


def turns(variables: Variables, random: Random) -> Callable[[], int]:
    """Return what tells the row of each request."""
    many = len(variables.rows)
    if variables.order is Order.RANDOM:
        draw = random.random
        return lambda: int(draw() * many)
    return cycle(range(many)).__next__


def share_of_rows(variables: Variables, index: int, workers: int) -> Variables:
    """Return the rows of one of so many client processes, so that all of them together go through the file in turn."""
    many = len(variables.rows)
    if variables.order is Order.RANDOM or not many or workers == 1:
        return variables
    rounds = many // gcd(many, workers)
    return replace(variables, rows=tuple(variables.rows[(index + turn * workers) % many] for turn in range(rounds)))


@dataclass(slots=True)
class _Holes:
    """Columns of the values that go into a pattern, in order, and whether they stand in the path."""

    names: Sequence[str]
    columns: list[tuple[int, bool]] = field(default_factory=list)

    def pattern(self, text: str, *, path: bool = False) -> str:
        """Return a text as a pattern for `%`."""
        made = ""
        for piece in pieces(text, self.names):
            if isinstance(piece, int):
                self.columns.append((piece, path))
            made += "%b" if isinstance(piece, int) else _escaped(piece)
        return made


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def filled(
    request: RequestClass, target: Target, variables: Variables, turn: Callable[[], int]
) -> tuple[bytes, Callable[[], bytes] | None]:
    """Return a request as it goes over the wire with the first row, and what makes the next; None if all are alike."""
    holes = _Holes(variables.names)
    path = holes.pattern(request.path, path=True)
    headers = [(_escaped(name), holes.pattern(value)) for name, value in request.headers]
    head_holes = len(holes.columns)
    body = _bytes(holes.pattern(_text(request.body)))
    measured = len(holes.columns) > head_holes and not has_length(request)
    if measured:
        headers.append(("Content-Length", "%b"))
    elif body and not has_length(request):
        headers.append(("Content-Length", str(len(body % ()))))
    shape = replace(request, method=_escaped(request.method), path=path, headers=tuple(headers), body=body)
    pattern = written(shape, replace(target, authority=_escaped(target.authority)))
    if not holes.columns:
        return pattern % (), None
    values = [_values(row, holes.columns, head_holes, body if measured else None) for row in variables.rows]
    return pattern % values[0], lambda: pattern % values[turn()]


def _values(
    row: tuple[str, ...], columns: list[tuple[int, bool]], head_holes: int, body: bytes | None
) -> tuple[bytes, ...]:
    """Return what fills a pattern; with a `body` its length, too, which stands between the head and it."""
    values = tuple(_bytes(quote(row[column], safe=_IN_A_PATH) if path else row[column]) for column, path in columns)
    if body is None:
        return values
    head, rest = values[:head_holes], values[head_holes:]
    return (*head, b"%d" % len(body % rest), *rest)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


# --- reading -------------------------------------------------------------------------------------------


class Table(NamedTuple):
    """What a CSV file holds: the names of its first line, the other lines, and at which line each stands."""

    names: tuple[str, ...]
    rows: list[tuple[str, ...]]
    lines: list[int]


def read_rows(file: Path, order: Order = Order.SEQUENTIAL) -> Variables:
    """Read variables from a CSV file whose first line names them. Raises EdgesimError with the line."""
    table = read_table(file)
    return Variables(table.names, tuple(table.rows), order)


def read_table(file: Path) -> Table:
    """Read a CSV file (RFC 4180) whose first line names its columns. Raises EdgesimError with the line."""
    try:
        return table_of(file.read_text(encoding="utf-8-sig"), str(file))
    except (OSError, UnicodeError, ValueError) as reason:
        said = getattr(reason, "strerror", None) or "not UTF-8"
        raise EdgesimError(problem("ES1211", f"{file}: {said.lower()}"), exit_code=2) from None


def table_of(text: str, file: str) -> Table:
    """Read the text of a CSV file. Raises EdgesimError."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    table = Table((), [], [])
    begin = 1
    try:
        for row in reader:
            if row and not table.names:
                table = table._replace(names=_names(row, file, begin))
            elif row:
                table.rows.append(_row(row, table.names, file, begin))
                table.lines.append(begin)
            begin = reader.line_num + 1
            if len(table.rows) > _MOST_ROWS:
                raise wrong_csv(f"more than {_MOST_ROWS:,} rows", file, begin)
    except csv.Error as reason:
        raise wrong_csv(f"not CSV: {reason}", file, begin) from None
    if not table.rows:
        raise wrong_csv("there are no rows: the first line names the columns, the others are values", file, begin)
    return table


def _names(row: list[str], file: str, line: int) -> tuple[str, ...]:
    names = tuple(each.strip() for each in row)
    for index, name in enumerate(names):
        if not _NAME.match(name):
            raise wrong_csv(f"`{name}` cannot name a column: letters, digits, `_`, `.` and `-`", file, line)
        if name in names[:index]:
            raise wrong_csv(f"two columns are named `{name}`", file, line)
    return names


def _row(row: list[str], names: tuple[str, ...], file: str, line: int) -> tuple[str, ...]:
    if len(row) != len(names):
        hint = "put a value that holds a comma in double quotes" if len(row) > len(names) else ""
        raise wrong_csv(f"{len(row)} values, and the first line names {len(names)} columns", file, line, hint)
    return tuple(row)


def wrong_csv(why: str, file: str, line: int, hint: str = "") -> EdgesimError:
    """Return what to raise for a line of a CSV file."""
    return EdgesimError(problem("ES1211", why, position=Position(file, line, 1), hint=hint), exit_code=2)
