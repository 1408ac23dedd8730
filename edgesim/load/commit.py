"""Which commit of edgesim made a result."""

from __future__ import annotations

import subprocess
from pathlib import Path

import edgesim


def commit() -> str:
    """Return the commit of the checkout edgesim runs from, with a + where files differ from it; empty in an installation."""
    folder = Path(edgesim.__file__).parents[1]
    if not (folder / ".git").exists():
        return ""
    head = _git(folder, "rev-parse", "HEAD")
    return f"{head}+" if head and _git(folder, "status", "--porcelain", "--untracked-files=no") else head


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - git, on our own checkout
            ["git", "-C", str(folder), *words],  # noqa: S607 - as the developer's PATH has it
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
