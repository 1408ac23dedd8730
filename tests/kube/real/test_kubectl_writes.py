"""What kubectl writes, and what it prints about it: the same as against a cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.kube.real import binaries
from tests.kube.real.cluster import Cluster, documents, eventually
from tests.kube.real.scenes import application, deployment, service, virtual_service
from tests.running import CANARY

pytestmark = pytest.mark.slow
versions = pytest.mark.parametrize("version", [binaries.OLDEST, binaries.NEWEST])


@pytest.mark.parametrize("version", binaries.KUBECTLS)
def test_apply_tells_what_became_of_each_object(kube: Cluster, namespace: str, version: str) -> None:
    """`kubectl apply` of an application says created, then unchanged, then configured, and the proxy follows at once."""
    app = documents(*application(namespace))
    names = (
        "deployment.apps/echo-v1",
        "service/echo",
        "upstream.gloo.solo.io/echo",
        "virtualservice.gateway.solo.io/echo",
    )
    assert kube.says("apply", "-f", "-", stdin=app, version=version).splitlines() == [f"{n} created" for n in names]
    kube.says("rollout", "status", "-n", namespace, "deploy/echo-v1", version=version)
    assert kube.curl(host=namespace) == (200, "version:v1")
    assert kube.says("apply", "-f", "-", stdin=app, version=version).splitlines() == [f"{n} unchanged" for n in names]
    moved = documents(virtual_service(namespace, prefix="/other"), deployment(namespace, replicas=2))
    assert kube.says("apply", "-f", "-", stdin=moved, version=version).splitlines() == [
        "virtualservice.gateway.solo.io/echo configured",
        "deployment.apps/echo-v1 configured",
    ]
    eventually(lambda: kube.curl("/other", host=namespace) == (200, "version:v1"), "what is applied is not served")
    assert kube.curl(host=namespace)[0] == 404


@versions
def test_server_side_apply_knows_who_owns_a_field(kube: Cluster, namespace: str, version: str) -> None:
    """Two managers of one field conflict until one of them forces; the other then has to."""
    before, after = deployment(namespace), deployment(namespace, replicas=3)
    ours = ("apply", "--server-side", "--field-manager=ours", "-f", "-")
    theirs = ("apply", "--server-side", "--field-manager=theirs", "-f", "-")
    named = "deployment.apps/echo-v1"
    assert kube.says(*ours, stdin=documents(before), version=version) == f"{named} serverside-applied"
    said = kube.refuses(*theirs, stdin=documents(after), version=version)
    assert 'Apply failed with 1 conflict: conflict with "ours": .spec.replicas' in said
    forced = kube.says(*theirs, "--force-conflicts", stdin=documents(after), version=version)
    assert forced == f"{named} serverside-applied"
    said = kube.refuses(*ours, stdin=documents(before), version=version)
    assert 'Apply failed with 1 conflict: conflict with "theirs": .spec.replicas' in said
    shown = kube.says("get", "deploy/echo-v1", "-n", namespace, "--show-managed-fields", "-o", "json", version=version)
    managers = {(each["manager"], each["operation"]) for each in json.loads(shown)["metadata"]["managedFields"]}
    assert {("ours", "Apply"), ("theirs", "Apply")} <= managers


@versions
def test_patches_of_each_type(kube: Cluster, namespace: str, version: str) -> None:
    """Merge and JSON patches change any kind, a strategic one the built-in kinds, and a Gloo kind refuses it."""
    kube.says("apply", "-f", "-", stdin=documents(*application(namespace)), version=version)
    rule, merge = ("patch", "-n", namespace, "vs", "echo"), '{"spec":{"virtualHost":{"domains":["b.example"]}}}'
    named = "virtualservice.gateway.solo.io/echo"
    assert kube.says(*rule, "--type", "merge", "-p", merge, version=version) == f"{named} patched"
    assert kube.says(*rule, "--type", "merge", "-p", merge, version=version) == f"{named} patched (no change)"
    operation = f'[{{"op":"replace","path":"/spec/virtualHost/domains/0","value":"{namespace}"}}]'
    assert kube.says(*rule, "--type", "json", "-p", operation, version=version) == f"{named} patched"
    assert kube.curl(host=namespace) == (200, "version:v1")
    said = kube.refuses(*rule, "-p", merge, version=version)
    assert "application/strategic-merge-patch+json is not supported by gateway.solo.io/v1, Kind=VirtualService" in said
    variables = '{"spec":{"template":{"spec":{"containers":[{"name":"echo","env":[{"name":"A","value":"b"}]}]}}}}'
    patched = kube.says("patch", "-n", namespace, "deploy", "echo-v1", "-p", variables, version=version)
    assert patched == "deployment.apps/echo-v1 patched"
    container = json.loads(kube.says("get", "-n", namespace, "deploy/echo-v1", "-o", "json"))["spec"]["template"][
        "spec"
    ]
    assert [each["image"] for each in container["containers"]] == ["hashicorp/http-echo"]
    assert container["containers"][0]["env"] == [{"name": "A", "value": "b"}]
    removed = '{"spec":{"template":{"spec":{"containers":[{"name":"echo","env":[{"name":"A","$patch":"delete"}]}]}}}}'
    kube.says("patch", "-n", namespace, "deploy", "echo-v1", "-p", removed, version=version)
    container = json.loads(kube.says("get", "-n", namespace, "deploy/echo-v1", "-o", "json"))["spec"]["template"][
        "spec"
    ]
    assert not container["containers"][0].get("env")


@versions
def test_small_changes(kube: Cluster, namespace: str, version: str) -> None:
    """label, annotate, scale and set image do what they say, and say what kubectl says."""
    kube.says("apply", "-f", "-", stdin=documents(deployment(namespace)), version=version)
    on = ("-n", namespace)
    assert kube.says("label", *on, "deploy/echo-v1", "team=echo", version=version) == "deployment.apps/echo-v1 labeled"
    said = kube.refuses("label", *on, "deploy/echo-v1", "team=foxtrot", version=version)
    assert "'team' already has a value (echo), and --overwrite is false" in said
    assert kube.says("label", *on, "deploy/echo-v1", "team-", version=version) == "deployment.apps/echo-v1 unlabeled"
    annotated = kube.says("annotate", *on, "deploy/echo-v1", "kubernetes.io/change-cause=first", version=version)
    assert annotated.removesuffix("d") == "deployment.apps/echo-v1 annotate"  # so says 1.27
    assert (
        kube.says("scale", *on, "deploy/echo-v1", "--replicas=3", version=version) == "deployment.apps/echo-v1 scaled"
    )
    kube.says("rollout", "status", *on, "deploy/echo-v1", version=version)
    shown = kube.says("get", *on, "deploy/echo-v1", "-o", "jsonpath={.status.readyReplicas}", version=version)
    assert shown == "3"
    changed = kube.says("set", "image", *on, "deploy/echo-v1", "echo=hashicorp/http-echo:1.0", version=version)
    assert changed == "deployment.apps/echo-v1 image updated"


@pytest.mark.parametrize("version", binaries.KUBECTLS)
def test_create_of_built_in_kinds(kube: Cluster, version: str) -> None:
    """`kubectl create` of namespaces, config maps, secrets and deployments works; newer ones send protobuf."""
    name = f"made-{version.replace('.', '-')}"
    on = ("-n", name)
    assert kube.says("create", "ns", name, version=version) == f"namespace/{name} created"
    again = kube.refuses("create", "ns", name, version=version)
    assert again == f'Error from server (AlreadyExists): namespaces "{name}" already exists'
    assert kube.says("create", *on, "cm", "c", "--from-literal=a=b", version=version) == "configmap/c created"
    assert (
        kube.says("create", *on, "secret", "generic", "s", "--from-literal=k=v", version=version) == "secret/s created"
    )
    assert kube.says("get", *on, "cm", "c", "-o", "jsonpath={.data.a}", version=version) == "b"
    assert kube.says("get", *on, "secret", "s", "-o", "jsonpath={.data.k} {.type}", version=version) == "dg== Opaque"
    made = kube.says("create", *on, "deploy", "d", "--image=nginx", "--replicas=2", version=version)
    assert made == "deployment.apps/d created"
    ready = kube.says("wait", *on, "deploy/d", "--for=condition=Available", "--timeout=30s", version=version)
    assert ready == "deployment.apps/d condition met"
    assert kube.says("create", *on, "sa", "robot", version=version) == "serviceaccount/robot created"
    role = kube.says("create", *on, "role", "r", "--verb=get,list", "--resource=pods", version=version)
    assert role == "role.rbac.authorization.k8s.io/r created"
    missing = kube.refuses("create", "-n", "nowhere", "cm", "c", version=version)
    assert 'namespaces "nowhere" not found' in missing


@versions
def test_dry_runs_and_differences(kube: Cluster, namespace: str, version: str) -> None:
    """Dry runs and `kubectl diff` keep nothing; diff ends with 1 where something differs, with 0 where nothing does."""
    app = documents(deployment(namespace))
    for where, word in (("client", "dry run"), ("server", "server dry run")):
        said = kube.says("apply", f"--dry-run={where}", "-f", "-", stdin=app, version=version)
        assert said == f"deployment.apps/echo-v1 created ({word})"
    assert "NotFound" in kube.refuses("get", "-n", namespace, "deploy/echo-v1", version=version)
    kube.says("apply", "-f", "-", stdin=app, version=version)
    before = kube.says("get", "-n", namespace, "deploy/echo-v1", "-o", "jsonpath={.metadata.resourceVersion}")
    done = kube.kubectl("diff", "-f", "-", stdin=documents(deployment(namespace, replicas=5)), version=version)
    assert (done.code, done.err) == (1, ""), done
    assert {"-  replicas: 1", "+  replicas: 5"} <= set(done.out.splitlines())
    done = kube.kubectl("diff", "-f", "-", stdin=app, version=version)
    assert (done.code, done.out) == (0, ""), done
    after = kube.says("get", "-n", namespace, "deploy/echo-v1", "-o", "jsonpath={.spec.replicas}")
    assert (after, before != "") == ("1", True)


def test_replace_needs_the_version_that_was_read(kube: Cluster, namespace: str) -> None:
    """`kubectl replace` of what was read works once; with the same version again it is a conflict."""
    kube.says("apply", "-f", "-", stdin=documents(service(namespace)))
    read = yaml.safe_load(kube.says("get", "-n", namespace, "svc/echo", "-o", "yaml"))
    read["metadata"]["labels"] = {"a": "b"}
    assert kube.says("replace", "-f", "-", stdin=documents(read)) == "service/echo replaced"
    read["metadata"]["labels"] = {"a": "c"}
    said = kube.refuses("replace", "-f", "-", stdin=documents(read))
    assert 'Operation cannot be fulfilled on services "echo": the object has been modified' in said
    del read["metadata"]["resourceVersion"]
    assert kube.says("replace", "-f", "-", stdin=documents(read)) == "service/echo replaced"


@versions
def test_delete_by_file_name_label_and_all(kube: Cluster, namespace: str, version: str) -> None:
    """Each way to delete says what it deleted, and what is gone is gone."""
    app = documents(*application(namespace))
    kube.says("apply", "-f", "-", stdin=app, version=version)
    deleted = kube.says("delete", "-f", "-", stdin=app, version=version).splitlines()
    # newer clients name the namespace
    assert [line.split(" from ")[0] for line in deleted] == [
        'deployment.apps "echo-v1" deleted',
        'service "echo" deleted',
        'upstream.gloo.solo.io "echo" deleted',
        'virtualservice.gateway.solo.io "echo" deleted',
    ]
    eventually(lambda: kube.curl(host=namespace)[0] == 404, "what is deleted is still served")
    kube.says("apply", "-f", "-", stdin=app, version=version)
    assert 'upstream.gloo.solo.io "echo" deleted' in kube.says("delete", "-n", namespace, "us", "echo", version=version)
    kube.says("delete", "-n", namespace, "deploy,svc", "--all", version=version)
    kube.says("label", "-n", namespace, "vs/echo", "old=yes", version=version)
    assert "deleted" in kube.says("delete", "-n", namespace, "vs", "-l", "old=yes", version=version)
    left = kube.kubectl("get", "-n", namespace, "vs,us,deploy,rs,pods,svc", version=version)
    assert left.err.strip() == f"No resources found in {namespace} namespace.", left
    assert "NotFound" in kube.refuses("delete", "-n", namespace, "vs", "echo", version=version)
    assert "deleted" in kube.says("delete", "namespace", namespace, version=version)
    assert "NotFound" in kube.refuses("get", "namespace", namespace, version=version)


def test_deleting_a_namespace_takes_all_that_is_in_it(kube: Cluster, namespace: str) -> None:
    """A namespace is emptied and gone when the command returns, and so are its routes; gloo-system cannot be deleted."""
    kube.says("apply", "-f", "-", stdin=documents(*application(namespace)))
    kube.says("delete", "namespace", namespace)
    eventually(lambda: kube.curl(host=namespace)[0] == 404, "what is deleted is still served")
    assert "not found" in kube.refuses("apply", "-f", "-", stdin=documents(service(namespace)))
    assert "Forbidden" in kube.refuses("delete", "namespace", "gloo-system")


def test_edit_changes_what_the_editor_changed(kube: Cluster, namespace: str, tmp_path: Path) -> None:
    """`kubectl edit` sends what the editor left, and says so."""
    kube.says("apply", "-f", "-", stdin=documents(*application(namespace)))
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's|prefix: /$|prefix: /edited|' \"$1\"\n")
    editor.chmod(0o755)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("KUBE_EDITOR", str(editor))
        patched.setenv("EDITOR", str(editor))
        said = kube.says("edit", "-n", namespace, "vs/echo")
    assert said == "virtualservice.gateway.solo.io/echo edited"
    assert kube.curl("/edited", host=namespace) == (200, "version:v1")
    assert kube.curl(host=namespace)[0] == 404


def test_a_watching_reader_sees_one_store(kube: Cluster, namespace: str) -> None:
    """What kubectl applies, `edgesim get` shows, and the other way round, with the same resource version."""
    kube.says("apply", "-f", "-", stdin=documents(*application(namespace)))
    through = kube.says("get", "-n", namespace, "vs/echo", "-o", "jsonpath={.metadata.uid} {.metadata.resourceVersion}")
    shown = kube.gateway.run("get", "virtualservice", "echo", "-n", namespace, "-o", "json")
    metadata = json.loads(shown.out)["metadata"]
    assert through == f"{metadata['uid']} {metadata['resourceVersion']}"
    assert kube.gateway.apply(CANARY / "upstream.yaml").code == 0
    assert kube.says("get", "-n", "gloo-system", "upstream/echo", "-o", "name") == "upstream.gloo.solo.io/echo"
    # Without its Service it is a mistake, which would hold up what the other tests apply.
    assert "deleted" in kube.says("delete", "-n", "gloo-system", "upstream/echo")
