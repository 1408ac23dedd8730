"""What an Envoy of this machine says of routes, where one far away cannot say all.

Envoy writes a whole route configuration before what is wrong with it, and sends 4 KiB of that.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from pathlib import Path
from typing import Final

from edgesim.dialects.envoy import Json, Part, Resources
from edgesim.dialects.envoy.form import typed
from edgesim.envoy.binary import find_envoy
from edgesim.model import EdgesimError

_SECONDS: Final = 30.0


async def reason_of(routes: Resources) -> str:
    """Return what is wrong with routes; empty where nothing is, or there is no Envoy to ask."""
    try:
        command = find_envoy()
    except EdgesimError:
        return ""
    with tempfile.TemporaryDirectory(prefix="edgesim-validate-") as folder:
        file = Path(folder) / "envoy.json"
        await asyncio.to_thread(_write, file, routes)
        return await _said(command, file)


def _write(file: Path, routes: Resources) -> None:
    listeners = [_listener(each) for each in routes.routes.values()]
    file.write_text(json.dumps({"static_resources": {"listeners": listeners}}))


def _listener(routes: Part) -> Json:
    router = {"name": "router", "typed_config": typed("filters.http.router.v3.Router")}
    manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="validated",
        route_config=routes,
        http_filters=[router],
    )
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    chain = {"filters": [{"name": "manager", "typed_config": manager}]}
    return {"name": routes["name"], "address": address, "filter_chains": [chain]}


async def _said(command: str, file: Path) -> str:
    options = ("--mode", "validate", "--log-level", "critical", "--log-format", "%v")
    process = await asyncio.create_subprocess_exec(
        command, *options, "-c", str(file), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), _SECONDS)
    except TimeoutError:
        return ""
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    return said.decode(errors="replace") if process.returncode else ""
