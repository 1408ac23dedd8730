from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from edgesim.load.scenario import Target
from tests.load.driving import closed, constant, counts, done, drive, target
from tests.load.servers import serving
from tests.proxy.authority import authority, issued, server_context


@pytest.fixture
def trusted(tmp_path: Path) -> str:
    file = tmp_path / "ca.pem"
    file.write_text(authority("authority").pem)
    return str(file)


def context(names: list[str] | None = None) -> ssl.SSLContext:
    """Return a server's context that notes the names it is asked for."""
    made = server_context(issued("test.example"))
    if names is not None:
        made.sni_callback = lambda _socket, name, _context: names.append(name)
    return made


async def test_https_with_a_name(trusted: str) -> None:
    """The name asked for is the one the certificate is checked against, and each handshake is counted."""
    names: list[str] = []
    async with serving(context=context(names)) as server:
        at = replace(target(server.port, "https"), ca_file=trusted, server_name="test.example")
        result = await drive(replace(constant(server.port, 50), target=at, per_connection=1))
    assert done(result) == result.asked == 10
    assert names == ["test.example"] * 10
    assert sum(result.connects.values()) == 10


async def test_a_certificate_that_is_not_trusted() -> None:
    """It is an error of TLS, for each request."""
    async with serving(context=context()) as server:
        result = await drive(replace(constant(server.port, 25), target=target(server.port, "https")))
    assert counts(result) == {(0, "tls"): 5}


async def test_any_certificate_will_do() -> None:
    """Told so, it takes every certificate, whatever name it has."""
    async with serving(context=context()) as server:
        at: Target = replace(target(server.port, "https"), insecure=True)
        result = await drive(replace(closed(server.port, seconds=60), target=at, count=20))
    assert counts(result) == {(200, ""): 20}
