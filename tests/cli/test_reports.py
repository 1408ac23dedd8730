"""check, route, explain, version and help."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from edgesim.cli.app import COMMANDS
from edgesim.model.codes import CODES
from tests.running import Gateway, canary, edgesim, running

GROUPS = [
    "Deployments",
    "Pods",
    "Upstreams",
    "UpstreamGroups",
    "AuthConfigs",
    "RateLimitConfigs",
    "VirtualHostOptions",
    "RouteOptions",
    "Secrets",
    "VirtualServices",
    "RouteTables",
    "Gateways",
    "Proxies",
]
STEP_5 = canary("echo", "upstream", "echo-v2", "vs-5")


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running(*STEP_5) as started:
        yield started


def test_check_of_a_clean_configuration_prints_glooctls_lines(gateway: Gateway) -> None:
    """Offline and live, the lines are glooctl's, in its order."""
    expected = [*(f"Checking {group}... OK" for group in GROUPS), "No problems detected."]
    for done in (edgesim("check", *STEP_5), gateway.run("check")):
        assert (done.code, done.out.splitlines()) == (0, expected)


def test_check_as_json(gateway: Gateway) -> None:
    """The JSON has glooctl's shape, and the problems beside it."""
    report = json.loads(gateway.run("check", "-o", "json").out)
    assert report["resources"][0] == {"name": "Deployments", "status": "OK"}
    assert (report["errors"], report["problems"]) == ([], [])


def test_check_tells_of_notes_and_stays_clean() -> None:
    """A kind edgesim has no use for is a note, which changes no exit code."""
    done = edgesim("check", "-", stdin="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    assert done.code == 0
    assert "-:2:1: note ES0600" in done.out
    assert "No problems detected." in done.out


def test_route_shows_exact_shares(gateway: Gateway) -> None:
    """Each destination comes with its share, offline and live alike."""
    for done in (edgesim("route", *STEP_5, "/"), gateway.run("route", "http://localhost:8080/")):
        assert done.code == 0
        assert "1/2 (50%) echo_gloo-system subset version=v1" in done.out
        assert "1/2 (50%) echo_gloo-system subset version=v2" in done.out
        assert "vs-5.yaml:25" in done.out


def test_route_with_a_header_and_as_json() -> None:
    """A header may decide; the JSON names route, place, subset and share."""
    done = edgesim("route", *STEP_5, "-H", "stage: canary", "-o", "json", "http://localhost:8080/a?b=c")
    report = json.loads(done.out)
    assert (report["route"], report["target"]) == (1, "/a?b=c")
    assert report["origin"][0]["line"] == 12
    assert [(arm["subset"], arm["share"]) for arm in report["destinations"]] == [({"version": "v2"}, "1")]


def test_route_with_a_pinned_draw_chooses_as_the_proxy_would() -> None:
    """The arm is draw mod total weight, counted through the weights in order."""
    for draw, version in (("0", "v1"), ("49", "v1"), ("50", "v2"), ("99", "v2"), ("100", "v1")):
        report = json.loads(edgesim("route", *STEP_5, "--random", draw, "-o", "json", "/").out)
        assert [arm["subset"]["version"] for arm in report["destinations"] if arm["chosen"]] == [version]


def test_route_without_a_route_shows_the_reply() -> None:
    """Nothing configured answers 404."""
    report = edgesim("route", *canary("echo"), "/").out
    assert "reply:         404: no virtual host has this domain" in report


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "http://a:b/", "http://x/%00"])
def test_route_of_a_bad_url_is_a_usage_error(url: str) -> None:
    """What is no URL is told with exit code 2."""
    done = edgesim("route", *canary("echo"), url)
    assert done.code == 2
    assert "Traceback" not in done.err


def test_explain_prints_every_code() -> None:
    """Each code has a page; a near miss is told, with exit code 2."""
    code = min(CODES)
    assert CODES[code].meaning in edgesim("explain", code.lower()).out
    assert edgesim("explain", "ES9999").code == 2


@pytest.mark.parametrize("command", [command.__name__.rstrip("_") for command in COMMANDS])
def test_every_command_has_help_with_an_example(command: str) -> None:
    """`--help` ends with an example that begins with the command."""
    done = edgesim(command, "--help")
    assert done.code == 0
    example = done.out.partition("Example:")[2]
    assert f"edgesim {command}" in example


def test_usage_errors_end_with_2() -> None:
    """A missing argument, an unknown option and an unknown command are usage errors."""
    for arguments in (["get"], ["check", "--nope"], ["chekc"], ["delete"], ["patch", "vs", "echo"], ["apply"]):
        assert edgesim(*arguments).code == 2


def test_version() -> None:
    """The version is printed, and machines get JSON."""
    assert set(json.loads(edgesim("version", "-o", "json").out)) == {"edgesim", "python"}
