"""Code frames: the caret stands below the column, whatever is on the line."""

from __future__ import annotations

import io

import pytest

from edgesim.cli.code_frames import WIDTH, frame_lines
from edgesim.config.frames import cut
from edgesim.inspect.checks import Frame
from edgesim.model import Position

TEXT = "a: 1\n---\nb:\n  c: 2\n  d: 3\n  e: 4\n\n\nf: 5\n"


def draw(lines: tuple[str, ...], line: int, column: int, first: int = 1) -> list[str]:
    return frame_lines(Frame(first, lines), Position("x.yaml", line, column), io.StringIO())


def test_two_lines_around_and_a_caret() -> None:
    """The arrow marks the line, the caret its column."""
    frame = cut(TEXT, 1, Position("x.yaml", 5, 3))
    assert frame is not None
    assert frame_lines(frame, Position("x.yaml", 5, 3), io.StringIO()) == [
        "  3 | b:",
        "  4 |   c: 2",
        "> 5 |   d: 3",
        "    |   ^",
        "  6 |   e: 4",
    ]


def test_line_numbers_are_as_wide_as_the_last() -> None:
    """Lines 9 to 11 stand below each other."""
    assert draw(("a", "b", "c"), 10, 1, first=9) == ["   9 | a", "> 10 | b", "     | ^", "  11 | c"]


@pytest.mark.parametrize(("first", "line"), [(1, 11), (5, 4)])
def test_a_place_outside_the_text_has_no_frame(first: int, line: int) -> None:
    """The text may have changed since, or be another document."""
    assert cut(TEXT, first, Position("x.yaml", line, 1)) is None


def test_lines_end_where_yaml_says() -> None:
    """Carriage returns and NEL end a line too."""
    assert cut("a\r\nb\x85c\rd", 1, Position("x", 3, 1)) == Frame(1, ("a", "b", "c", "d"))


@pytest.mark.parametrize(
    ("text", "column", "caret"),
    [("\tab", 2, 4), ("a\tb", 3, 4), ("\u4e2d\u6587x", 3, 4), ("e\u0301x", 3, 1), ("a\x1bb", 3, 2)],
)
def test_the_caret_counts_what_a_terminal_shows(text: str, column: int, caret: int) -> None:
    """Tabs go to the next stop, wide characters take two columns, combining ones none."""
    _line, below = draw((text,), 1, column)
    assert below == "    | " + " " * caret + "^"


def test_nothing_a_terminal_would_obey_is_printed() -> None:
    """An escape code in a file is a replacement character on the screen."""
    assert "\x1b" not in "".join(draw(("x: \x1b[31mred",), 1, 1))


@pytest.mark.parametrize("column", [1, 70, 90, 150, 299, 300])
def test_long_lines_are_cut_around_the_caret(column: int) -> None:
    """What the caret points at is in sight, and marks say that something is left out."""
    text = "".join(chr(ord("a") + index % 26) for index in range(300))
    line, below = draw((text,), 1, column)
    shown, at = line.removeprefix("> 1 | "), len(below.removeprefix("    | ")) - 1
    assert len(shown) <= WIDTH + 1
    assert shown[at] == text[column - 1]
    assert "…" in shown


def test_colours_are_for_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets them, unless NO_COLOR is set."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    frame, place = Frame(1, ("a: 1",)), Position("x", 1, 1)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;31m^" in "".join(frame_lines(frame, place, Terminal()))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in "".join(frame_lines(frame, place, Terminal()))
