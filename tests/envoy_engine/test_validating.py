"""What an Envoy of this machine says of routes."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from edgesim.dialects.envoy import Kind, Resources, snapshot
from edgesim.envoy.discovery_bootstrap import ads
from edgesim.envoy.origins import origin_at_fault
from edgesim.envoy.validating import reason_of
from edgesim.model import HostRewrite, HostRewriteKind
from tests.dialects.envoy.scenes import ASSIGNMENTS, everything
from tests.envoy_engine.fleet import telling
from tests.envoy_engine.test_discovery import named

BAD = named("bad", host_rewrite=HostRewrite(HostRewriteKind.LITERAL, "a\nb"))


def many(*more: object) -> Resources:
    """Return so many routes that Envoy would not send what it says of them, with some more at the end."""
    routes = (*(named(f"route-{number}") for number in range(300)), *more)
    return snapshot(telling("text", 8080, routes=routes), {}, ads)  # type: ignore[arg-type]


async def test_without_an_envoy_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no Envoy to ask, nothing is told."""
    other = ModuleType("envoy")
    other.__spec__ = ModuleSpec("envoy", None)
    monkeypatch.setitem(sys.modules, "envoy", other)
    monkeypatch.setenv("PATH", "/nowhere")
    assert await reason_of(many(BAD)) == ""


@pytest.mark.slow
async def test_the_route_is_found_among_many() -> None:
    """An Envoy tells what is wrong with which of many routes."""
    pytest.importorskip("envoy")
    routes = many(BAD)
    reason = await reason_of(routes)
    assert "HostRewriteLiteral: value does not match" in reason
    assert [step.name for step in origin_at_fault(reason, Kind.ROUTES, None, routes)] == ["bad"]


@pytest.mark.slow
async def test_sound_routes_are_taken() -> None:
    """Of routes with every feature there is, and of many, an Envoy says nothing."""
    pytest.importorskip("envoy")
    assert await reason_of(snapshot(everything(), ASSIGNMENTS, ads)) == ""
    assert await reason_of(many()) == ""
