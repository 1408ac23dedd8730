"""The bar of what takes over two seconds."""

from __future__ import annotations

import io

import pytest

from edgesim.cli.progress import progress


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_after_two_seconds_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is drawn in the first two seconds or into a file; the bar is taken away at the end."""
    for stream, shown in (
        (_Terminal(), f"\rcomparing [{'#' * 15}{'.' * 15}] 1,000 of 2,000\x1b[K\r\x1b[K"),
        (io.StringIO(), ""),
    ):
        monkeypatch.setattr("sys.stderr", stream)
        times = iter((0.0, 1.0, 2.5, 2.5, 2.6))
        with progress("comparing", lambda: next(times)) as draw:  # noqa: B023 - used up in this turn
            for done in (500, 1000, 1001):
                draw(done, 2000)
        assert stream.getvalue() == shown
