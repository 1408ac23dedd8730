"""Code frames: the lines around a problem with a caret below its column, for a person's eyes."""

from __future__ import annotations

from typing import IO
from unicodedata import combining, east_asian_width

from edgesim.cli.console import paint
from edgesim.inspect.checks import Frame
from edgesim.model import Position

WIDTH = 100
"""Columns of a line that are shown; longer lines are cut around the caret."""
_TAB = 4
_CUT = "…"


def frame_lines(frame: Frame, position: Position, stream: IO[str]) -> list[str]:
    """Draw a frame: line numbers, an arrow at the line, a caret below the column."""
    target = position.line - frame.first
    shown = [_cells(line) for line in frame.lines]
    caret = sum(map(_width, _cells(frame.lines[target][: position.column - 1])))
    begin = _window(caret, sum(map(_width, shown[target])))
    number_width = len(str(frame.first + len(shown) - 1))
    drawn = []
    for index, cells in enumerate(shown):
        here = index == target
        margin = f"{'>' if here else ' '} {frame.first + index:>{number_width}} |"
        text = _cut(cells, begin)
        drawn.append(f"{paint(margin, 'bold' if here else 'dim', stream)} {text}".rstrip())
        if here:
            below = paint(f"  {'':>{number_width}} |", "dim", stream)
            drawn.append(f"{below} {' ' * (caret - begin)}{paint('^', 'bold red', stream)}")
    return drawn


def _window(caret: int, length: int) -> int:
    """Return the first column to show, so that the caret and what it points at are in sight."""
    if length <= WIDTH or caret < WIDTH * 3 // 4:
        return 0
    return min(caret - WIDTH // 4, length - WIDTH // 4)


def _cells(line: str) -> list[str]:
    """Return what stands on each place of a line: tabs as spaces, nothing a terminal would obey."""
    cells: list[str] = []
    column = 0
    for char in line:
        cell = " " * (_TAB - column % _TAB) if char == "\t" else _visible(char)
        cells.append(cell)
        column += _width(cell)
    return cells


def _visible(char: str) -> str:
    return char if char.isprintable() or combining(char) else "\N{REPLACEMENT CHARACTER}"


def _width(cell: str) -> int:
    """Return the columns a cell takes on a terminal."""
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in cell)


def _cut(cells: list[str], begin: int) -> str:
    """Return the cells from column `begin` on, as far as they fit; marks say where something is left out."""
    kept: list[str] = []
    column = 0
    for cell in cells:
        if column >= begin + WIDTH:
            return "".join(kept) + _CUT
        if column >= begin:
            kept.append(cell)
        elif column + _width(cell) > begin:
            kept.append(" " * (column + _width(cell) - begin))
        column += _width(cell)
    if begin and kept:
        kept[0] = _CUT + kept[0][1:]
    return "".join(kept)
