"""The example release that comes with edgesim."""

from __future__ import annotations

import shlex
import shutil
import sys
from importlib.resources import files
from pathlib import Path

import typer

from edgesim.cli.client import DEFAULT_ADMIN

RELEASE = "two-phased-canary"
DEMO = ("echo.yaml", "upstream.yaml", "echo-v2.yaml", "vs-3.yaml")
"""Where the demo starts: both versions deployed, v2 for those who ask for it."""

_STEPS = (
    ("vs-4.yaml", "weights 100/0"),
    ("vs-5.yaml", "half of all requests to v2"),
    ("vs-6.yaml", "weights 0/100"),
    ("vs-7.yaml", "all to v2"),
)


def demo_folder() -> Path:
    """Return the folder of the example: inside the installed package, or in the checkout beside it."""
    package = Path(str(files("edgesim")))
    for folder in (package / "_configs", package.parent / "configs"):
        if (folder / RELEASE).is_dir():
            return _short(folder / RELEASE)
    raise typer.BadParameter("this installation has no example configurations")


def _short(folder: Path) -> Path:
    """Return a folder relative to the present one where it is inside, as people would type it."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _command() -> str:
    """Return how the present command was called, so that the lines below can be pasted."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(str(_short(Path(sys.executable))))} -m edgesim"
    found = shutil.which("edgesim")
    if found is not None and Path(found).resolve() == called.resolve():
        return "edgesim"
    return shlex.quote(str(_short(called.absolute())))


def next_steps(proxy: str, admin: str, *, kube: bool) -> str:
    """Return what to try on the running demo; with the Kubernetes API by kubectl, too."""
    folder = demo_folder()
    where = "" if admin == DEFAULT_ADMIN else f" --admin {admin}"
    edgesim = _command()
    steps = "\n".join(
        f"  {edgesim} apply{where} -f {shlex.quote(str(folder / name)):<40} # {meaning}" for name, meaning in _STEPS
    )
    kubectl = "\n  kubectl get virtualservices -A           # after the export above, in another shell" if kube else ""
    return f"""
try it:
  curl {proxy}/                            # version:v1
  curl {proxy}/ -H 'stage: canary'         # version:v2
  {edgesim} route{where} -H 'stage: canary' {proxy}/
  {edgesim} check{where}{kubectl}

walk on:
{steps}
  {edgesim} delete{where} deployment echo-v1 -n echo   # v1 is gone

Ctrl-C drains and ends."""
