"""apply, patch, get and delete against a running instance."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from tests.running import Gateway, canary, running

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, labels: {team: a}}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 5678}]
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running(*canary("echo", "upstream", "vs-1")) as started:
        yield started


def test_apply_says_created_configured_unchanged(gateway: Gateway) -> None:
    """The words are kubectl's, and a second apply of the same text changes nothing."""
    for text, verb in ((SERVICE, "created"), (SERVICE, "unchanged"), (SERVICE.replace("80", "81"), "configured")):
        done = gateway.run("apply", "-f", "-", stdin=text)
        assert (done.code, done.out) == (0, f"service/web {verb}\n")


def test_apply_of_nothing_is_a_mistake(gateway: Gateway) -> None:
    """A template that rendered nothing must not pass for applied."""
    done = gateway.run("apply", "-f", "-", stdin="# nothing\n")
    assert (done.code, done.out, done.err) == (1, "", "ES0711 no objects passed to apply\n")


def test_apply_of_what_a_file_declared_is_unchanged(gateway: Gateway) -> None:
    """The files an instance was started with count as applied."""
    done = gateway.apply(*canary("upstream"))
    assert (done.code, done.out) == (0, "upstream.gloo.solo.io/echo unchanged\n")


def test_apply_removes_what_the_manifest_dropped_and_keeps_what_others_wrote(gateway: Gateway) -> None:
    """The three-way merge: a label patched in stays, a label taken out of the manifest goes."""
    manifest = SERVICE.replace("web", "merge")
    gateway.run("apply", "-f", "-", stdin=manifest)
    patched = gateway.run("patch", "svc", "merge", "-n", "shop", "-p", '{"metadata": {"labels": {"by": "patch"}}}')
    assert patched.out == "service/merge patched\n"
    gateway.run("apply", "-f", "-", stdin=manifest.replace("team: a", "tier: b"))
    found = json.loads(gateway.run("get", "svc", "merge", "-n", "shop", "-o", "json").out)
    assert found["metadata"]["labels"] == {"by": "patch", "tier": "b"}


def test_patch_from_a_file_and_without_a_change(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A patch may be a YAML file; one that changes nothing says so; one that cannot be read is refused at its line."""
    file = tmp_path_factory.mktemp("patch") / "patch.yaml"
    file.write_text("spec:\n  virtualHost:\n    domains: ['*']\n")
    arguments = ("virtualservice", "echo", "-n", "gloo-system", "--type", "merge", "--patch-file", file)
    assert gateway.run("patch", *arguments).out == "virtualservice.gateway.solo.io/echo patched (no change)\n"
    file.write_text("spec:\n  virtualHost:\n    domain: ['*']\n")
    refused = gateway.run("patch", *arguments)
    assert (refused.code, refused.out) == (1, "")
    assert f"{file}:3:5: error ES0103" in refused.err
    assert "did you mean `domains`?" in refused.err


def test_get_as_json_is_a_list_or_the_object(gateway: Gateway) -> None:
    """`-A -o json` prints a v1 List, one name the object; namespace and status are always there."""
    listed = json.loads(gateway.run("get", "virtualservices", "-A", "-o", "json").out)
    assert (listed["apiVersion"], listed["kind"]) == ("v1", "List")
    single = json.loads(gateway.run("get", "VS", "echo", "-n", "gloo-system", "-o", "json").out)
    assert listed["items"] == [single]
    assert single["kind"] == "VirtualService"
    assert single["metadata"]["namespace"] == "gloo-system"
    assert single["status"]["statuses"]["gloo-system"]["state"] == "Accepted"
    every = [json.loads(gateway.run("get", kind, "-A", "-o", "json").out) for kind in ("po", "deploy", "svc", "us")]
    for each in every:
        assert each["items"]
        assert all("namespace" in item["metadata"] and "status" in item for item in each["items"])


def test_get_as_yaml_can_be_applied_again(gateway: Gateway) -> None:
    """What get prints is a manifest: applying it changes nothing."""
    shown = gateway.run("get", "upstream", "echo", "-n", "gloo-system", "-o", "yaml").out
    assert yaml.safe_load(shown)["spec"]["kube"]["serviceName"] == "echo"
    assert gateway.run("apply", "-f", "-", stdin=shown).out == "upstream.gloo.solo.io/echo unchanged\n"


def test_get_as_a_table(gateway: Gateway) -> None:
    """The columns are kubectl's for Kubernetes' kinds, with NAMESPACE under -A."""
    lines = gateway.run("get", "deployments", "-A").out.splitlines()
    assert lines[0].split() == ["NAMESPACE", "NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert lines[1].split()[:5] == ["echo", "echo-v1", "1/1", "1", "1"]
    assert gateway.run("get", "deploy", "-n", "echo", "-o", "name").out == "deployment.apps/echo-v1\n"


def test_what_is_not_there(gateway: Gateway) -> None:
    """A missing object is NotFound with 1, an empty list a remark with 0, an unknown kind a usage error with 2."""
    missing = gateway.run("get", "vs", "nope")
    assert (missing.code, missing.out) == (1, "")
    assert missing.err == 'Error from server (NotFound): virtualservices.gateway.solo.io "nope" not found (ES0727)\n'
    empty = gateway.run("get", "vs")
    assert (empty.code, empty.out, empty.err) == (0, "", "No resources found in default namespace.\n")
    unknown = gateway.run("get", "virtualservise")
    assert unknown.code == 2
    assert "did you mean `virtualservice`?" in unknown.err
    gone = gateway.run("delete", "svc", "nope")
    assert (gone.code, gone.err) == (1, 'Error from server (NotFound): services "nope" not found (ES0727)\n')


def test_deleting_a_deployment_takes_its_pods_along(gateway: Gateway) -> None:
    """When delete returns, the pods are out; when apply returns, the new ones serve."""
    assert gateway.apply(*canary("echo-v2")).out == "deployment.apps/echo-v2 created\n"
    assert "echo-v2-" in gateway.run("get", "pods", "-n", "echo").out
    assert gateway.run("delete", "-f", *canary("echo-v2")).out == 'deployment.apps "echo-v2" deleted\n'
    assert "echo-v2-" not in gateway.run("get", "pods", "-n", "echo").out
