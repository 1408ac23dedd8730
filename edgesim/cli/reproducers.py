"""A request of `edgesim verify` as a command that asks it again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgesim.verify import Asked


def curl(asked: Asked, where: str) -> str:
    """Return a request as a curl command."""
    headers = (("host", asked.host), ("x-edgesim-draw", str(asked.draw)), *asked.headers)
    fields = (f"-H {shlex.quote(f'{name}: {value}' if value else f'{name};')}" for name, value in headers)
    method = "--head" if asked.method == "HEAD" else f"-X {asked.method}"
    return f'curl -si --path-as-is {method} {" ".join(fields)} "{where}"{shlex.quote(asked.target)}'
