"""A request of `edgesim verify` as a command that asks it again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgesim.verify import Asked, Handshake


def curl(asked: Asked, where: str, handshake: Handshake | None = None) -> str:
    """Return a request as a curl command (`-g`: brackets and braces in a path are no patterns); `where` is the address and port of the listener, or stands for them."""
    headers = (("host", asked.host), ("x-edgesim-draw", str(asked.draw)), *asked.headers)
    fields = " ".join(f"-H {shlex.quote(f'{name}: {value}' if value else f'{name};')}" for name, value in headers)
    method = "--head" if asked.method == "HEAD" else f"-X {asked.method}"
    if handshake is None:
        return f'curl -gsi --path-as-is {method} {fields} "{where}"{shlex.quote(asked.target)}'
    url = shlex.quote(f"https://{handshake.server_name}:{handshake.port}{asked.target}")
    return f'curl -gsik --http1.1 --path-as-is --connect-to "::{where}" {method} {fields} {url}'
