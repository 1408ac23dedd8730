"""The files that `edgesim load` writes: which there are, and writing them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from edgesim.load.outcome import Outcome
from edgesim.model.codes import failure

_MADE_BY: Mapping[str, tuple[str, str]] = {
    "save": ("formats_json", "as_json"),
    "hgrm": ("formats_hdr", "distributions"),
    "hlog": ("formats_hdr", "hlog"),
    "fortio": ("formats_fortio", "fortio"),
    "prometheus": ("formats_prometheus", "prometheus"),
    "junit": ("formats_junit", "junit"),
    "report": ("report", "page"),
}
"""The module and function of each option's format; loaded when it is asked for, since some bring numpy and hdrh."""

Files = Mapping[str, Path]
"""A file for each option that was given, by the option's name: `save`, `hgrm`, ..."""


def check(files: Files) -> None:
    """Find out before the run whether files can be written; new ones are left empty. Raises EdgesimError."""
    taken: dict[Path, str] = {}
    for option, file in files.items():
        before = taken.setdefault(file.absolute(), option)
        if before != option and not file.is_char_device():
            raise failure("ES1200", f"--{option} {file}: this is the file of --{before}, too", exit_code=2)
        try:
            file.open("ab").close()
        except (OSError, ValueError) as reason:
            raise failure("ES1200", f"--{option} {file}: {_why(reason)}", exit_code=2) from None


def write(files: Files, outcome: Outcome) -> list[Path]:
    """Write what was asked for, and return the files there are now. Raises EdgesimError."""
    return [file for option, asked in files.items() for file in _written(option, asked, outcome)]


def _written(option: str, asked: Path, outcome: Outcome) -> Iterator[Path]:
    for name, content in _contents(option, outcome).items():
        file = asked.with_name(f"{asked.stem}.{name}{asked.suffix}") if name else asked
        try:
            file.write_bytes(content)
        except (OSError, ValueError) as reason:
            raise failure("ES1200", f"--{option} {file}: {_why(reason)}", exit_code=2) from None
        yield file


def _contents(option: str, outcome: Outcome) -> Mapping[str, bytes]:
    """Return what to write by what is put into the file's name; mostly one, with nothing."""
    module, function = _MADE_BY[option]
    make: Callable[[Outcome], bytes | dict[str, bytes]]
    make = getattr(importlib.import_module(f"edgesim.load.{module}"), function)
    made = make(outcome)
    return {"": made} if isinstance(made, bytes) else made


def _why(reason: OSError | ValueError) -> str:
    return str(getattr(reason, "strerror", None) or reason).lower()
