"""`up --engine envoy` and `verify`: real Envoy from the command line."""

from __future__ import annotations

import json
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
import typer

from edgesim.cli.options import Report
from edgesim.cli.reproducers import curl
from edgesim.cli.settings import Engine
from edgesim.cli.up import settings_of
from edgesim.config.serving import Policy
from edgesim.envoy import find_envoy
from edgesim.model import EdgesimError
from edgesim.verify import Asked, Handshake
from tests.running import CANARY, edgesim, running

FILES = tuple(CANARY / name for name in ("echo.yaml", "upstream.yaml", "vs-1.yaml"))


def test_a_difference_can_be_asked_again() -> None:
    """A request is told as a curl command that a shell reads as it was meant."""
    asked = Asked("edge", "PUT", "a.example", "/it's?x=1", (("x-empty", ""), ("x", "a b")), 7)
    assert curl(asked, "$ENVOY") == (
        "curl -gsi --path-as-is -X PUT -H 'host: a.example' -H 'x-edgesim-draw: 7' -H 'x-empty;' -H 'x: a b' "
        "\"$ENVOY\"'/it'\"'\"'s?x=1'"
    )


def test_a_difference_behind_tls_is_asked_again_with_it() -> None:
    """Of a listener with TLS the command says https and its port, with a server name that it takes."""
    asked = Asked("edge", "HEAD", "x.a.example", "/x")
    assert curl(asked, "$EDGESIM", Handshake("a.example", 8443)) == (
        "curl -gsik --http1.1 --path-as-is --connect-to \"::$EDGESIM\" --head -H 'host: x.a.example' "
        "-H 'x-edgesim-draw: 0' https://a.example:8443/x"
    )


def test_without_envoy_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no Envoy the command ends with exit code 2 and tells how to install one."""
    other = ModuleType("envoy")  # a package of that name without an Envoy
    other.__spec__ = ModuleSpec("envoy", None)
    monkeypatch.setitem(sys.modules, "envoy", other)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EdgesimError, match="ES0730") as found:
        find_envoy()
    assert found.value.exit_code == 2
    assert "pip install" in found.value.problems[0].hint


def test_what_envoy_cannot_tell_is_refused() -> None:
    """`--route-header` is a wrong command line with Envoy as the engine."""
    with pytest.raises(typer.BadParameter, match="do not tell it"):
        settings_of((), invalid_config=Policy.FREEZE, output=Report.TEXT, engine=Engine.ENVOY, route_header=True)


@pytest.mark.slow
def test_envoy_serves_what_is_applied(tmp_path: Path) -> None:
    """With Envoy as the engine pods, apply and the access log work as with edgesim's own."""
    pytest.importorskip("envoy")
    log = tmp_path / "access.log"
    with running(*FILES, "--engine", "envoy", "--access-log", log, "--access-log-format", "%RESPONSE_CODE%") as gateway:
        assert gateway.get("/") == (200, "version:v1")
        changed = tmp_path / "vs.yaml"
        changed.write_text((CANARY / "vs-1.yaml").read_text().replace("prefix: /", "prefix: /only"))
        assert gateway.apply(changed).code == 0
        assert gateway.get("/")[0] == 404
        assert gateway.get("/only")[0] == 200
    assert log.read_text().splitlines() == ["200", "404", "200"]


@pytest.mark.slow
def test_verify_tells_what_it_asked() -> None:
    """`verify` ends with 0 where nothing differs, and says how much was asked and with which seed."""
    pytest.importorskip("envoy")
    done = edgesim("verify", *FILES, "--requests", "50", "--seed", "3")
    assert (done.code, done.out) == (0, "50 requests, no difference (--seed 3)\n")
    told = json.loads(edgesim("verify", *FILES, "--requests", "50", "--seed", "3", "-o", "json").out)
    nothing: dict[str, object] = {"not_compared": [], "explained": [], "differences": []}
    assert told == {"requests": 50, "seed": 3, **nothing, "interrupted": False}
