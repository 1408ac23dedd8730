"""`edgesim export envoy`, of files and of a running instance."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dialects.certificates import pair, secret
from tests.running import Gateway, canary, edgesim, running

STEP_5 = canary("echo", "echo-v2", "upstream", "vs-5")
SECURE = """\
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {name: safe}
spec:
  sslConfig: {secretRef: {name: safe, namespace: default}}
  virtualHost: {routes: [{directResponseAction: {status: 200}}]}
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running(*STEP_5) as started:
        yield started


def clusters(text: str) -> list[dict[str, Any]]:
    """Return the clusters of a bootstrap."""
    found: list[dict[str, Any]] = yaml.safe_load(text)["static_resources"]["clusters"]
    return found


def metadata(text: str) -> list[str]:
    """Return the version of each endpoint of the first cluster."""
    (locality,) = clusters(text)[0]["load_assignment"]["endpoints"]
    return sorted(each["metadata"]["filter_metadata"]["envoy.lb"]["version"] for each in locality["lb_endpoints"])


def test_both_formats_say_the_same() -> None:
    """YAML has comments and JSON has none; they are the same configuration, twice the same bytes."""
    first, again = edgesim("export", "envoy", *STEP_5), edgesim("export", "envoy", *STEP_5)
    as_json = edgesim("export", "envoy", "--format", "json", *STEP_5)
    assert first.out == again.out
    assert first.code == as_json.code == 0
    assert yaml.safe_load(first.out) == json.loads(as_json.out)
    assert "# VirtualService gloo-system/echo: spec.virtualHost.routes[0]" in first.out


def test_a_file_is_written_as_envoy_reads_one_of_its_name(tmp_path: Path) -> None:
    """Envoy takes a file for JSON or YAML by its name: so one that ends in .json is JSON, unless told otherwise."""
    file = tmp_path / "envoy.json"
    assert edgesim("export", "envoy", *STEP_5, "-o", file).code == 0
    assert "static_resources" in json.loads(file.read_text())
    assert edgesim("export", "envoy", *STEP_5, "-o", file, "--format", "yaml").code == 0
    assert file.read_text().startswith("#")


def test_a_format_is_no_file() -> None:
    """`-o json` asks other commands for JSON: no file of that name comes of it."""
    found = edgesim("export", "envoy", *STEP_5, "-o", "json")
    assert (found.code, found.out) == (2, "")
    assert "--format json" in found.err


def test_what_envoy_cannot_do_is_told_twice() -> None:
    """It stands on standard error and at the top of the file, and fails only where asked to be strict."""
    found = edgesim("export", "envoy", *STEP_5)
    assert "note ES1300" in found.err
    assert "ES1300" in found.out.partition("admin:")[0]
    assert edgesim("export", "envoy", "--strict", *STEP_5).code == 1


def test_a_note_of_translation_is_listed_too(tmp_path: Path) -> None:
    """A field that edgesim only reads is not in what is exported, and that is said."""
    file = tmp_path / "upstream.yaml"
    text = "apiVersion: gloo.solo.io/v1\nkind: Upstream\nmetadata: {name: a}\nspec:\n"
    file.write_text(f"{text}  static: {{hosts: [{{addr: 10.0.0.1, port: 80}}]}}\n  proxyProtocolVersion: V1\n")
    found = edgesim("export", "envoy", file)
    assert "ES0601" in found.err
    assert "ES0601" in found.out.partition("admin:")[0]


def test_errors_are_left_out_and_said(tmp_path: Path) -> None:
    """Manifests with errors give what is sound of them, and exit code 1; a path that is not there gives nothing."""
    file = tmp_path / "upstream.yaml"
    file.write_text("apiVersion: gloo.solo.io/v1\nkind: Upstream\nmetadata: {name: a}\nspec: {}\n")
    found = edgesim("export", "envoy", file)
    assert found.code == 1
    assert "ES0300" in found.err
    missing = edgesim("export", "envoy", tmp_path / "nothing")
    assert (missing.code, missing.out) == (2, "")


def test_a_file_with_keys_is_its_owners(tmp_path: Path) -> None:
    """What holds a private key can be read by its owner only, also where the file was there before."""
    vs, out = tmp_path / "vs.yaml", tmp_path / "envoy.yaml"
    made = pair("safe.test")
    vs.write_text(f"{SECURE}---\n{secret('safe', {'tls.crt': made.chain, 'tls.key': made.key})}")
    out.touch(0o644)
    assert edgesim("export", "envoy", vs, "-o", out).code == 0
    assert "PRIVATE KEY" in out.read_text()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_is_a_line(tmp_path: Path) -> None:
    """The output in a folder that is not there is said in one line."""
    found = edgesim("export", "envoy", *STEP_5, "-o", tmp_path / "no" / "envoy.yaml")
    assert found.code == 2
    assert "ES0710" in found.err


def test_pods_of_a_running_instance_are_endpoints(gateway: Gateway) -> None:
    """With its pods an upstream has their addresses and labels, and nothing is left unsaid of subsets."""
    found = edgesim("export", "envoy", "--admin", gateway.admin, "--with-pods", *STEP_5)
    assert metadata(found.out) == ["v1", "v2"]
    assert "ES1300" not in found.err


def test_without_files_it_is_what_is_served(gateway: Gateway) -> None:
    """Without a path the running instance's own configuration is exported, with its pods."""
    found = edgesim("export", "envoy", "--admin", gateway.admin)
    assert found.code == 0
    assert metadata(found.out) == ["v1", "v2"]
    (listener,) = yaml.safe_load(found.out)["static_resources"]["listeners"]
    assert listener["address"]["socket_address"]["port_value"] == 8080


def test_an_access_log_is_written_where_asked() -> None:
    """The log's file and format are the connection manager's."""
    found = edgesim("export", "envoy", *STEP_5, "--access-log", "/tmp/log", "--access-log-format", "%RESPONSE_CODE%")
    assert '{inline_string: "%RESPONSE_CODE%"}' in found.out
    assert "path: /tmp/log" in found.out
