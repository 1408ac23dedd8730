"""Commands of the suite are forked from a process that has imported everything; nothing but time may tell."""

from __future__ import annotations

import pytest

from tests.running import canary, edgesim, started

ECHO = canary("echo", "upstream", "vs-1")


@pytest.mark.parametrize(
    "arguments",
    [
        ("version",),
        ("check", *ECHO),
        ("check", "nowhere.yaml"),
        ("get", "--admin", "http://127.0.0.1:1", "vs"),
        ("chek",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_forked_command_is_as_one_that_starts(arguments: tuple[str, ...]) -> None:
    """Exit code, output and errors are those of the interpreter that starts."""
    assert edgesim(*arguments) == started(*arguments)


def test_a_forked_command_has_its_own_input_and_environment() -> None:
    """What one is given, the next knows nothing of."""
    text = ECHO[0].read_text()
    assert edgesim("check", "-", stdin=text) == started("check", "-", stdin=text)
    assert (
        edgesim("check", "-", stdin="").out != edgesim("check", "-", stdin=text).out or not edgesim("check", "-").code
    )
    narrow = {"COLUMNS": "60"}
    assert edgesim("check", "--help", env=narrow) == started("check", "--help", env=narrow)
