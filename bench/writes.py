"""What a write costs within an instance: `python -m bench.writes --help`.

VirtualServices are accepted one after the other, as the Kubernetes API does, by an instance with controllers, statuses
and a state on disk, and with an engine that serves nothing. The cost of one must not grow with their number.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench import report
from edgesim.backends import Controllers, PodRuntime
from edgesim.config.state_folder import open_explicit, temporary
from edgesim.config.store import Store
from edgesim.control import Instance, Put
from edgesim.control.changes import API_WRITER, install
from edgesim.control.recorder import Recorder
from edgesim.dialects import Document, decode, nowhere
from edgesim.model import Update
from edgesim.telemetry.sources import new_uid, today

PARTS = 10
"""Parts of the writes that are timed apart, to see one cost as much as another."""


@dataclass(slots=True)
class Row:
    """One way of keeping state: milliseconds of a write in each part, translations, milliseconds of one change after."""

    state: str
    parts: list[float] = field(default_factory=list)
    translations: int = 0
    change: float = 0.0


@dataclass(slots=True)
class Engine:
    """Takes updates and serves nothing."""

    taken: int = 0

    async def push(self, update: Update) -> None:
        """Count the update."""
        self.taken += update.version > 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure with and without durable state, and write what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.writes", description="Measure accepted writes.")
    parser.add_argument("--count", type=int, default=1_000, help="VirtualServices to write (default 1,000)")
    parser.add_argument("--output", type=Path, default=report.RESULTS, help="folder for writes.json and writes.md")
    options = parser.parse_args(arguments)
    rows = [asyncio.run(measure(state, options.count)) for state in ("temporary", "durable")]
    raw = [asdict(row) for row in rows]
    report.write("writes", "Writes, one after the other", [_METHOD, _table(rows)], raw, options.output)
    return 0


async def measure(state: str, count: int) -> Row:
    """Write so many VirtualServices one after the other, then change one of them."""
    row, engine, store = Row(state), Engine(), Store(today, new_uid)
    install(store)
    with tempfile.TemporaryDirectory() as folder:
        opened = open_explicit(Path(folder)) if state == "durable" else temporary()
        recorder, controllers = Recorder(opened, today), Controllers(store, PodRuntime())
        instance = Instance(store, engine, controllers, recorder=recorder, publish_statuses=True)
        size = max(1, count // PARTS)
        for begin in range(0, count, size):
            writes = [_put(number) for number in range(begin, min(count, begin + size))]
            row.parts.append(await _timed(instance, writes))
        await instance.write([])
        row.translations = engine.taken
        began = time.perf_counter()
        await instance.write([_put(0, "/changed")])
        row.change = 1000 * (time.perf_counter() - began)
        await instance.close(grace=0)
    return row


async def _timed(instance: Instance, writes: Sequence[Put]) -> float:
    """Return the milliseconds of one write of several."""
    began = time.perf_counter()
    for write in writes:
        await instance.accept([write])
        await asyncio.sleep(0)  # between two requests the loop has its turn
    return 1000 * (time.perf_counter() - began) / len(writes)


def _put(number: int, prefix: str = "/") -> Put:
    route: dict[str, Any] = {"matchers": [{"prefix": prefix}], "directResponseAction": {"status": 200}}
    manifest = {
        "apiVersion": "gateway.solo.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": f"h{number}", "namespace": "gloo-system"},
        "spec": {"virtualHost": {"domains": [f"h{number}.example"], "routes": [route]}},
    }
    decoded = decode(Document(manifest, nowhere("bench")))
    assert decoded.resource is not None, decoded.problems
    return Put(decoded.resource, API_WRITER, None, decoded.problems)


_METHOD = f"""\
VirtualServices accepted one after the other by an instance in this process (`bench/writes.py`), with statuses published;
nothing is sent over a network, and nothing serves what is translated. Each tenth is timed apart ({PARTS} of them)."""


def _table(rows: Sequence[Row]) -> str:
    columns = (
        "state",
        "first tenth, ms each",
        "last tenth, ms each",
        "median, ms each",
        "translations",
        "a change, ms",
    )
    cells = [
        (
            row.state,
            f"{row.parts[0]:.2f}",
            f"{row.parts[-1]:.2f}",
            f"{median(row.parts):.2f}",
            f"{row.translations:,}",
            f"{row.change:.1f}",
        )
        for row in rows
    ]
    return report.table(columns, cells)


if __name__ == "__main__":
    raise SystemExit(main())
