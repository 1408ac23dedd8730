"""The commands that lead kubectl and helm to a running instance."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from edgesim.cli.addresses import Addresses
from edgesim.cli.env import variables
from edgesim.cli.options import Report
from edgesim.cli.reserving import reserve_kube
from edgesim.cli.settings import KubeSettings
from edgesim.cli.up import settings_of
from edgesim.config.serving import Policy
from edgesim.model import EdgesimError
from tests.running import Gateway, edgesim, free_port, send, start


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """An empty instance with the Kubernetes API."""
    runtime = tmp_path_factory.mktemp("runtime")
    found = start("--kube", "--kube-port", "0", "--state", "off", env={"XDG_RUNTIME_DIR": str(runtime)})
    try:
        yield found
    finally:
        code = found.stop()
    assert code == 0, found.errors
    assert [*(runtime / "edgesim").iterdir()] == []  # a port nobody chose leaves no file behind


def test_without_a_path_it_is_ready_and_answers_404(gateway: Gateway) -> None:
    """An empty configuration is one: the proxy listens, and has no route."""
    assert send(gateway.admin, "GET", "/ready")[::2] == (200, b"LIVE\n")
    assert gateway.get() == (404, "")


def test_the_kubeconfig_leads_to_the_api(gateway: Gateway) -> None:
    """One line, the path of a file, the same each time; the API behind it has the version it says."""
    done = gateway.run("kubeconfig")
    assert (done.code, done.err) == (0, "")
    path = Path(done.out.removesuffix("\n"))
    server = yaml.safe_load(path.read_text())["clusters"][0]["cluster"]["server"]
    assert json.loads(send(server, "GET", "/version")[2])["gitVersion"] == "v1.33.0"
    assert gateway.run("kubeconfig").out == done.out
    told = json.loads(gateway.run("kubeconfig", "-o", "json").out)
    assert told == {"path": str(path), "user": "", "server": server}
    assert gateway.ask("GET", "/ready?format=json")[1]["kube"] == {"url": server, "kubeconfig": str(path)}


def test_users_have_a_file_each(gateway: Gateway) -> None:
    """A user's file has a token and a server with TLS; a name with a slash is a name."""
    paths = [gateway.run("kubeconfig", "--as", name, "--group", "g").out.strip() for name in ("a/b", "a-b", "a/b")]
    assert paths[0] == paths[2] != paths[1]
    found = yaml.safe_load(Path(paths[0]).read_text())
    assert found["clusters"][0]["cluster"]["server"].startswith("https://127.0.0.1:")
    assert found["users"][0]["name"] == "a/b"


@pytest.mark.parametrize(
    "words", [["--as", ""], ["--as", " x"], ["--as", "a\nb"], ["--group", "g"], ["--as", "\udcff"]]
)
def test_names_that_are_none_are_a_wrong_command_line(gateway: Gateway, words: list[str]) -> None:
    """Nothing is asked of the instance then."""
    done = gateway.run("kubeconfig", *words)
    assert (done.code, done.out) == (2, "")


@pytest.mark.parametrize("query", ["as=", "as=%0A", "group=g", "as=" + "x" * 300, "as=x&group="])
def test_the_endpoint_takes_names_only(gateway: Gateway, query: str) -> None:
    """What is no name is 400, and no file is written."""
    status, answer = gateway.ask("POST", f"/edgesim/v1/kubeconfig?{query}")
    assert (status, answer["reason"]) == (400, "BadRequest")


def test_a_shell_is_told_where_everything_is(gateway: Gateway) -> None:
    """Lines to evaluate, or JSON."""
    found = json.loads(gateway.run("env", "-o", "json").out)
    assert (found["GATEWAY"], found["EDGESIM_ADMIN"]) == (gateway.proxy, gateway.admin)
    assert found["KUBECONFIG"] == gateway.run("kubeconfig").out.strip()
    assert f"export GATEWAY={gateway.proxy}\n" in gateway.run("env").out


def test_the_gateways_url_is_one_line(gateway: Gateway) -> None:
    """As of `glooctl proxy url`; a port that is not there is a failure with a code."""
    assert edgesim("gateway", "url", "--admin", gateway.admin).out == f"{gateway.proxy}\n"
    told = edgesim("gateway", "url", "--admin", gateway.admin, "--port", "https")
    assert (told.code, told.out) == (1, "")
    assert "ES0729" in told.err


@pytest.mark.slow
def test_an_instance_without_the_api_says_so() -> None:
    """`kubeconfig` fails with a code, `env` leaves KUBECONFIG out."""
    without = start("--state", "off")
    try:
        done = without.run("kubeconfig")
        assert (done.code, "ES0728" in done.err) == (1, True)
        assert "KUBECONFIG" not in without.run("env").out
    finally:
        without.stop()


def test_values_are_quoted_for_a_shell() -> None:
    """What is not there is left out."""
    found = variables(Addresses(("https://127.0.0.1:8443",), kubeconfig="/a b/c"), "http://127.0.0.1:9901")
    assert [*found] == ["KUBECONFIG", "GATEWAY_TLS", "EDGESIM_ADMIN"]


def test_a_busy_port_is_told_unless_nobody_chose_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual port gives way to the next free one; one that was asked for does not."""
    usual = free_port()
    monkeypatch.setattr("edgesim.cli.reserving.KUBE_PORT", usual)
    with socket.create_server(("127.0.0.1", usual)):
        with reserve_kube(KubeSettings()) as taken:
            assert taken.getsockname()[1] > usual
        with pytest.raises(EdgesimError) as refused:
            reserve_kube(KubeSettings(port=usual))
        (problem,) = refused.value.problems
        assert (problem.code, "--kube-port" in problem.hint) == ("ES0700", True)


SETTINGS: dict[str, Any] = {
    "invalid_config": Policy.FREEZE,
    "output": Report.TEXT,
    "kube": False,
    "kube_port": None,
    "kube_host": "127.0.0.1",
    "kube_token": None,
    "rbac": False,
}


@pytest.mark.parametrize("given", [{"kube_port": 0}, {"kube_host": "0.0.0.0"}, {"rbac": True}])
def test_options_of_the_api_ask_for_it(given: dict[str, Any]) -> None:
    """What would change nothing is refused; a token in the environment alone is not."""
    with pytest.raises(typer.BadParameter):
        settings_of((), **{**SETTINGS, **given})
    assert settings_of((), **{**SETTINGS, "kube_token": "x"}).kube is None
    assert settings_of((), **{**SETTINGS, **given, "kube": True}).kube is not None


@pytest.mark.slow
def test_a_command_finds_the_api() -> None:
    """`run --kube` gives the command a KUBECONFIG."""
    script = "import os, sys; print(open(os.environ['KUBECONFIG']).read())"
    done = edgesim("run", "--kube", "--", sys.executable, "-c", script)
    assert done.code == 0
    assert yaml.safe_load(done.out)["current-context"] == "edgesim"


@pytest.mark.slow
def test_machines_are_told_where_it_is(tmp_path: Path) -> None:
    """`up -o json` tells URL and kubeconfig; off loopback the URL is https."""
    script = "import os, json, urllib.request as u; print(u.urlopen(os.environ['EDGESIM_ADMIN'] + '/ready?format=json').read().decode())"
    env = {"XDG_RUNTIME_DIR": str(tmp_path)}
    done = edgesim("run", "--kube", "--kube-host", "0.0.0.0", "--", sys.executable, "-c", script, env=env)
    assert done.code == 0
    assert json.loads(done.out)["kube"]["url"].startswith("https://127.0.0.1:")
