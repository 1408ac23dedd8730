"""A scenario as the script or the command of another load tool; what that cannot say is listed, never dropped silently."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

from edgesim.load.emit_k6 import k6
from edgesim.load.emit_nighthawk import nighthawk
from edgesim.load.emit_parts import Emitted
from edgesim.load.emit_wrk import wrk
from edgesim.load.scenario import Scenario


class Tool(StrEnum):
    """Whose script is written."""

    K6 = "k6"
    NIGHTHAWK = "nighthawk"
    WRK = "wrk"


_WRITERS: dict[Tool, Callable[[Scenario, Sequence[str]], Emitted]] = {
    Tool.K6: k6,
    Tool.NIGHTHAWK: nighthawk,
    Tool.WRK: wrk,
}


def emit(scenario: Scenario, tool: Tool, fail_if: Sequence[str] = (), verdicts: Sequence[str] = ()) -> Emitted:
    """Return the script, and sentences about what is not in it; `verdicts` are options that edgesim alone has."""
    made = _WRITERS[tool](scenario, fail_if)
    lost = (*made.lost, *_verdicts(verdicts))
    return Emitted(_with_comment(made.text, tool, lost), lost)


def _verdicts(options: Sequence[str]) -> Iterator[str]:
    if options:
        yield f"{', '.join(options)}: verdicts are edgesim's own"


def _with_comment(text: str, tool: Tool, lost: Sequence[str]) -> str:
    mark = {Tool.K6: "//", Tool.WRK: "--"}.get(tool, "#")
    first, rest = ("", text) if not text.startswith("#!") else (text.partition("\n")[0] + "\n", text.partition("\n")[2])
    said = [f"Made by `edgesim load --emit {tool}`."]
    said += ["Not in it:", *(f"- {each}" for each in lost)] if lost else []
    return first + "".join(f"{mark} {' '.join(line.split())}\n" for line in said) + rest
