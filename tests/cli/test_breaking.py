"""`edgesim break` and `edgesim mend` on the command line."""

from __future__ import annotations

import pytest
import typer

from edgesim.admin import Broken, BrokenTarget
from edgesim.cli import breaking
from edgesim.cli.breaking import break_, mend
from edgesim.cli.options import Report
from edgesim.model import EdgesimError

NOBODY = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"target": "echo"}, "break it how?"),
        ({"hang": True}, "break what?"),
        ({"target": "echo", "hang": True, "kill": True}, "only one of"),
        ({"target": "echo", "latency": "x"}, "is not a duration"),
        ({"target": "echo", "error_rate": "200%"}, "more than every request"),
    ],
)
def test_options_that_break_nothing(options: dict[str, str | bool], why: str) -> None:
    """They are a wrong command line, and nobody is asked."""
    with pytest.raises(typer.BadParameter, match=why):
        break_(**options, admin=NOBODY)  # type: ignore[arg-type]


def test_nobody_is_there() -> None:
    """Without an instance all three say so."""
    with pytest.raises(EdgesimError, match="ES0702 no edgesim answers"):
        break_(admin=NOBODY)
    with pytest.raises(EdgesimError, match="ES0702 no edgesim answers"):
        break_("echo", hang=True, admin=NOBODY)
    with pytest.raises(EdgesimError, match="ES0702 no edgesim answers"):
        mend(admin=NOBODY)


def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """A line tells what is broken, how, and how long it goes on; nothing is told on standard error."""
    pod = BrokenTarget("pod", "echo", "echo-v1", latency=0.2, error_rate=0.05, seconds=29.96)
    breaking._print(Broken((pod, BrokenTarget("endpoint", "", "127.0.0.1:80", kill=True))), Report.TEXT)
    breaking._print(Broken((pod,)), Report.TEXT, mended=True)
    assert capsys.readouterr().out.splitlines() == [
        "pod echo/echo-v1 is broken: 200 ms of latency, 5% errors, for 30 s",
        "endpoint 127.0.0.1:80 is broken: kill",
        "pod echo/echo-v1 is mended",
    ]
    breaking._print(Broken(), Report.TEXT)
    assert capsys.readouterr() == ("", "nothing is broken\n")
