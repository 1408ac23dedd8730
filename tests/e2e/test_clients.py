"""The clients people use, as they are: curl, h2load, wrk."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_failures import ROUTES, UPSTREAM, stats, upstream
from tests.running import DEADLINE, Gateway, children, running, wait_until


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all of them, with an upstream that keeps connections."""
    with upstream() as (_, port):
        file = tmp_path_factory.mktemp("clients") / "two.yaml"
        file.write_text("".join(UPSTREAM.format(name=name, port=port) for name in ("sound", "weak")) + ROUTES)
        with running(file) as made:
            yield made


def run(*command: str | Path, code: int = 0) -> str:
    """Run a client to its end; returns what it printed."""
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def curl(*arguments: str | Path, code: int = 0) -> str:
    return run("curl", "-sS", "--max-time", "30", *arguments, code=code)


def test_curl_keeps_a_connection(gateway: Gateway) -> None:
    """Three requests go over one connection, and a HEAD is answered without a body."""
    told = curl("-w", "%{http_code} %{num_connects}\n", gateway.proxy, f"{gateway.proxy}/a?b=c", f"{gateway.proxy}/x")
    assert told == "ok200 1\nok200 0\nok200 0\n"
    head = curl("-I", gateway.proxy)
    assert head.startswith("HTTP/1.1 200 OK\n")
    assert "content-length: 2\n" in head


@pytest.mark.parametrize("options", [(), ("-H", "Transfer-Encoding: chunked"), ("-H", "Expect:")])
def test_curl_uploads(gateway: Gateway, tmp_path: Path, options: tuple[str, ...]) -> None:
    """A large body, for which curl asks with `Expect: 100-continue`, and a chunked one come to an answer."""
    file = tmp_path / "body"
    file.write_bytes(bytes(range(256)) * 8192)
    assert curl("-T", file, *options, f"{gateway.proxy}/drain") == "ok"


def test_curl_with_other_versions(gateway: Gateway) -> None:
    """HTTP/2 by upgrade stays HTTP/1.1, by prior knowledge it is refused, and HTTP/1.0 is told to upgrade."""
    assert curl("--http2", "-w", "%{http_version}", gateway.proxy) == "ok1.1"
    known = subprocess.run(
        ["curl", "-sS", "--max-time", "30", "--http2-prior-knowledge", gateway.proxy], capture_output=True, check=False
    )
    assert known.returncode != 0
    assert curl("-0", "-o", "/dev/null", "-w", "%{http_code}", gateway.proxy) == "426"


def test_h2load_over_http_1(gateway: Gateway) -> None:
    """Every one of its requests, over kept and pipelining connections, is answered with 200."""
    for streams in ("1", "4"):
        told = run("h2load", "--h1", "-n", "2000", "-c", "16", "-m", streams, gateway.proxy)
        assert "2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout" in told
        assert "status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx" in told


def test_wrk(gateway: Gateway) -> None:
    """A second of it sees no error; when it breaks off, nothing stays under way."""
    told = run("wrk", "-t", "1", "-c", "32", "-d", "1s", gateway.proxy)
    found = re.search(r"(\d+) requests in", told)
    assert found is not None
    assert int(found[1]) > 0
    assert "Non-2xx" not in told
    assert "Socket errors" not in told
    wait_until(lambda: stats(gateway, "connections_active") == 0, "connections stay open")
    assert len(children(gateway.process.pid)) == 1
