"""Reading a run that was saved."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edgesim.load.results import FORMAT, Cell, LoadResult, Second
from edgesim.model import EdgesimError
from edgesim.model.codes import failure
from edgesim.telemetry.slots import LAST

_KIND = LoadResult.__dataclass_fields__["kind"].default

_MOST = 2**53
"""Requests: more are counted exactly nowhere."""


class _Kind(msgspec.Struct):
    """What a file says of itself."""

    kind: str = ""


def read_run(file: Path) -> LoadResult:
    """Read what `edgesim load --save` wrote. Raises EdgesimError (exit code 2)."""
    try:
        content = file.read_bytes()
        kind = msgspec.json.decode(content, type=_Kind).kind
        if kind and kind != _KIND:
            raise _wrong(file, f"it is no run of edgesim load, but `{kind}`")
        result = msgspec.json.decode(content, type=LoadResult)
    except OSError as reason:
        raise _wrong(file, str(reason.strerror).lower()) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as reason:
        raise _wrong(file, f"it is no run of edgesim load: {reason}") from None
    if result.format != FORMAT:
        raise _wrong(file, f"its format is {result.format}, and this edgesim reads {FORMAT}")
    parts: tuple[Cell | Second, ...] = (*result.cells, *result.timeline)
    if not all(map(_counts, parts)) or any(not 0 <= each.count <= _MOST for each in result.cells):
        raise _wrong(file, "it is no run of edgesim load: its counts are none, or in slots that are none")
    return result


def _counts(part: Cell | Second) -> bool:
    """Tell whether a histogram is one: a slot far out would take more memory to understand than there is."""
    return all(0 <= slot <= LAST and 0 <= count <= _MOST for slot, count in part.latency.items())


def _wrong(file: Path, why: str) -> EdgesimError:
    return failure("ES1231", f"{file}: {why}", exit_code=2)
