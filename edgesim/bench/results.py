"""What a benchmark found: the file that `--save` writes and `edgesim bench diff` reads."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

import edgesim
from edgesim.load.adding import machine
from edgesim.load.commit import commit
from edgesim.load.results import Machine
from edgesim.model import EdgesimError
from edgesim.model.codes import failure
from edgesim.telemetry.sources import today

FORMAT = 1
"""Raised when the meaning of a field changes."""
KIND = "edgesim.bench"
_PACKAGES = ("aiohttp", "google-re2", "httptools", "msgspec", "uvloop")
"""Whose versions matter to speed."""


_NOWHERE = Machine("", "", 0, "")


class Better(StrEnum):
    """Which way is an improvement."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True, slots=True)
class Series:
    """One thing measured, a value for each round.

    `reference` is what a fixed loop of plain Python took in the same rounds, in nanoseconds, where the figure is one of this
    interpreter's: by it figures of two machines can be compared. `exact` is a count, which has no noise.
    """

    name: str
    unit: str
    better: Better
    values: tuple[float, ...]
    reference: tuple[float, ...] = ()
    exact: bool = False


@dataclass(frozen=True, slots=True)
class BenchResult:
    """A benchmark's run."""

    what: str
    """routing, proxy or canary."""
    started: str
    """RFC 3339."""
    seed: int
    series: tuple[Series, ...]
    asked: dict[str, str] = field(default_factory=dict)
    """The options that matter to the figures."""
    notes: tuple[str, ...] = ()
    machine: Machine = _NOWHERE
    versions: dict[str, str] = field(default_factory=dict)
    """Of Python, of packages, and of the programs compared."""
    version: str = ""
    commit: str = ""
    format: int = FORMAT
    kind: str = KIND


def result(
    what: str,
    seed: int,
    series: tuple[Series, ...],
    *,
    asked: dict[str, str] | None = None,
    notes: tuple[str, ...] = (),
    versions: dict[str, str] | None = None,
) -> BenchResult:
    """Put a result together with where and by what it was measured."""
    return BenchResult(
        what,
        today().isoformat(timespec="seconds"),
        seed,
        series,
        asked or {},
        notes,
        machine(),
        {**_versions(), **(versions or {})},
        edgesim.__version__,
        commit(),
    )


def _versions() -> dict[str, str]:
    found = {"python": f"{platform.python_implementation()} {platform.python_version()}"}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def encoded(found: BenchResult) -> bytes:
    """Return a result as JSON text."""
    return msgspec.json.format(msgspec.json.encode(found)) + b"\n"


def check_writable(file: Path) -> None:
    """Find out before the run whether a file can be written. Raises EdgesimError ES1001."""
    try:
        file.open("ab").close()
    except OSError as reason:
        raise _unwritable(file, reason) from None


def save(found: BenchResult, file: Path) -> None:
    """Write a result. Raises EdgesimError ES1001."""
    try:
        file.write_bytes(encoded(found))
    except OSError as reason:
        raise _unwritable(file, reason) from None


def read(file: Path) -> BenchResult:
    """Read a result. Raises EdgesimError ES1001 for what is none."""
    try:
        found = msgspec.json.decode(file.read_bytes(), type=BenchResult)
    except OSError as reason:
        raise _unusable(file, str(reason.strerror).lower()) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as reason:
        raise _unusable(file, f"no result of `edgesim bench`: {reason}") from None
    if found.kind != KIND or found.format != FORMAT:
        raise _unusable(file, f"a file of kind {found.kind}, format {found.format}; this reads {KIND}, format {FORMAT}")
    for each in found.series:
        if (why := _unlike(each)) is not None:
            raise _unusable(file, f"no result of `edgesim bench`: {each.name}: {why}")
    return found


def _unlike(series: Series) -> str | None:
    """Return what no benchmark writes of a series: a file may have been edited, or put together by something else."""
    if series.reference and len(series.reference) != len(series.values):
        return f"{len(series.values)} values with {len(series.reference)} references"
    return "a reference is no time" if not all(each > 0 for each in series.reference) else None


def _unwritable(file: Path, reason: OSError) -> EdgesimError:
    return failure("ES1001", f"--save {file}: {str(reason.strerror).lower()}", exit_code=2)


def _unusable(file: Path, why: str) -> EdgesimError:
    return failure("ES1001", f"{file}: {why}", "write one with `edgesim bench routing --save FILE`", exit_code=2)
