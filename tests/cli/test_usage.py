"""Command lines that cannot be read, and usage lines that say what can."""

from __future__ import annotations

import pytest

from edgesim.cli.app import COMMANDS
from edgesim.model.codes import CODES
from tests.running import edgesim

WRONG = {
    ("route", "--alll"): "edgesim route: no such option: --alll; did you mean `--all`? (ES0900)",
    ("chekc",): "edgesim: no such command 'chekc'; did you mean `check`? (ES0900)",
    ("--nope",): "edgesim: no such option: --nope (ES0900)",
    ("route",): "edgesim route: missing argument '[PATH...] URL' (ES0901)",
    ("apply",): "edgesim apply: missing option '-f' / '--filename' (ES0901)",
    ("check", "-o", "foo"): "edgesim check: invalid value for '-o' / '--output': "
    "'foo' is not one of 'text', 'json', 'sarif', 'github' (ES0902)",
    ("diff", "a"): "edgesim diff: invalid value for PATH: name two paths, "
    "or several with -- between old and new: edgesim diff OLD... -- NEW... (ES0902)",
    ("route", "-H", "stage", "http://x/"): "edgesim route: invalid value: 'stage' is no header; "
    "write it like 'stage: canary' (ES0902)",
    ("stats", "--by"): "edgesim stats: option '--by' requires an argument (ES0903)",
    ("stats", "a"): "edgesim stats: got unexpected extra argument(s) (a) (ES0903)",
    ("explain", "\x1b[31m"): "edgesim explain: invalid value for CODE: there is no code '\\x1b[31m'; ",
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_command_line_is_one_line_with_its_code(words: tuple[str, ...]) -> None:
    """Command, what is wrong and a code, then where to read more; exit code 2, and nothing on standard output."""
    done = edgesim(*words)
    said, more = done.err.splitlines()
    assert (done.code, done.out) == (2, "")
    assert said.startswith(WRONG[words])
    assert said[-7:-1] in CODES
    assert more.startswith("try: edgesim")
    assert more.endswith(" --help")


def test_no_command_at_all_shows_what_there_is() -> None:
    """`edgesim` alone prints its help to standard error, and exits 2."""
    done = edgesim()
    assert done.code == 2
    assert all(f"  {command.__name__.rstrip('_')}" in done.err for command in COMMANDS)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("route", "[PATH...] URL"),
        ("run", "[PATH...] -- COMMAND"),
        ("test", "TESTS... [PATH...]"),
        ("get", "KIND [NAME...]"),
        ("delete", "[KIND NAME]"),
        ("explain", "CODE"),
        ("check", "[PATH]..."),
    ],
)
def test_the_usage_line_is_as_people_write_it(command: str, arguments: str) -> None:
    """What repeats and what may be left out is told once, without braces around it."""
    assert edgesim(command, "--help").out.splitlines()[0] == f"Usage: edgesim {command} [OPTIONS] {arguments}"
