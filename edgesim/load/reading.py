"""Reading a run that was saved."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edgesim.load.results import FORMAT, LoadResult
from edgesim.model import EdgesimError
from edgesim.model.codes import failure

_KIND = LoadResult.__dataclass_fields__["kind"].default


def read_run(file: Path) -> LoadResult:
    """Read what `edgesim load --save` wrote. Raises EdgesimError (exit code 2)."""
    try:
        result = msgspec.json.decode(file.read_bytes(), type=LoadResult)
    except OSError as reason:
        raise _wrong(file, str(reason.strerror).lower()) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as reason:
        raise _wrong(file, f"it is no run of edgesim load: {reason}") from None
    if result.kind != _KIND:
        raise _wrong(file, f"it is no run of edgesim load, but `{result.kind}`")
    if result.format != FORMAT:
        raise _wrong(file, f"its format is {result.format}, and this edgesim reads {FORMAT}")
    return result


def _wrong(file: Path, why: str) -> EdgesimError:
    return failure("ES1231", f"{file}: {why}", exit_code=2)
