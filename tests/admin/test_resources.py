"""The Kubernetes-shaped API of a running instance, and its refusals."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.running import Gateway, canary, edgesim, running, send

SERVICES = "/apis/gateway.solo.io/v1/namespaces/gloo-system/virtualservices"
ECHO = f"{SERVICES}/echo"
MERGE = {"Content-Type": "application/merge-patch+json"}
JSON = {"Content-Type": "application/json-patch+json"}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running(*canary("echo", "upstream", "vs-1")) as started:
        yield started


def _service(name: str, port: int = 80) -> str:
    spec = {"selector": {"app": name}, "ports": [{"port": port, "targetPort": 5678}]}
    return json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})


def test_ready_once_it_serves(gateway: Gateway) -> None:
    """`GET /ready` answers LIVE, HEAD the same without a body."""
    assert send(gateway.admin, "GET", "/ready")[::2] == (200, b"LIVE\n")
    assert send(gateway.admin, "HEAD", "/ready")[::2] == (200, b"")


def test_lists_have_a_kind_and_a_version(gateway: Gateway) -> None:
    """A list is of the kind's own List, of one namespace or of all, with the store's version."""
    for path in (SERVICES, "/apis/gateway.solo.io/v1/virtualservices"):
        status, found = gateway.ask("GET", path)
        assert (status, found["kind"], found["apiVersion"]) == (200, "VirtualServiceList", "gateway.solo.io/v1")
        assert [item["metadata"]["name"] for item in found["items"]] == ["echo"]
        assert int(found["metadata"]["resourceVersion"]) > 0
    assert gateway.ask("GET", "/apis/gateway.solo.io/v1/namespaces/none/virtualservices")[1]["items"] == []


def test_create_read_replace_delete(gateway: Gateway) -> None:
    """The life of an object, with AlreadyExists, Conflict and NotFound where they belong."""
    path = "/api/v1/namespaces/life/services"
    status, made = gateway.ask("POST", path, _service("web"))
    assert (status, made["metadata"]["namespace"], made["metadata"]["generation"]) == (201, "life", 1)
    status, again = gateway.ask("POST", path, _service("web"))
    assert (status, again["reason"], again["message"]) == (409, "AlreadyExists", 'services "web" already exists')
    made["spec"]["ports"][0]["port"] = 81
    status, replaced = gateway.ask("PUT", f"{path}/web", json.dumps(made))
    assert (status, replaced["metadata"]["generation"]) == (200, 2)
    status, stale = gateway.ask("PUT", f"{path}/web", json.dumps(made))
    assert (status, stale["reason"]) == (409, "Conflict")
    status, same = gateway.ask("PUT", f"{path}/web", _service("web", 81))
    assert (status, same["metadata"]["resourceVersion"]) == (200, replaced["metadata"]["resourceVersion"])
    status, deleted = gateway.ask("DELETE", f"{path}/web")
    assert (status, deleted["status"], deleted["details"]["uid"]) == (200, "Success", made["metadata"]["uid"])
    status, gone = gateway.ask("GET", f"{path}/web")
    assert (status, gone["reason"], gone["message"]) == (404, "NotFound", 'services "web" not found')


def test_patches_of_both_kinds(gateway: Gateway) -> None:
    """A merge patch and a JSON patch change what they name and leave the rest."""
    status, labelled = gateway.ask("PATCH", ECHO, '{"metadata": {"labels": {"a": "b"}}}', MERGE)
    assert (status, labelled["metadata"]["labels"]) == (200, {"a": "b"})
    version = labelled["metadata"]["resourceVersion"]
    status, same = gateway.ask("PATCH", ECHO, '{"metadata": {"labels": {"a": "b"}}}', MERGE)
    assert (status, same["metadata"]["resourceVersion"]) == (200, version)
    operations = [
        {"op": "test", "path": "/metadata/labels/a", "value": "b"},
        {"op": "remove", "path": "/metadata/labels"},
    ]
    status, patched = gateway.ask("PATCH", ECHO, json.dumps(operations), JSON)
    assert (status, "labels" in patched["metadata"]) == (200, False)
    assert patched["spec"] == labelled["spec"]


def test_concurrent_patches_lose_nothing(gateway: Gateway) -> None:
    """Patches of different fields at the same time all hold afterwards."""

    def label(number: int) -> None:
        body = json.dumps({"metadata": {"labels": {f"l{number}": "x"}}})
        answers.append(gateway.ask("PATCH", "/api/v1/namespaces/echo", body, MERGE)[0])

    answers: list[int] = []
    threads = [threading.Thread(target=label, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 12
    labels = gateway.ask("GET", "/api/v1/namespaces/echo")[1]["metadata"]["labels"]
    assert labels == {f"l{number}": "x" for number in range(12)}


BODIES: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b"{}",
    b"3",
    b"null",
    b"\xff",
    b"a: b: c",
    b"[" * 5000,
    b'{"metadata": 3}',
    b'{"metadata": null}',
    b'{"metadata": {"name": ["x"]}}',
    b'{"metadata": {"name": {}}}',
    b'{"metadata": {"name": "A_B"}, "spec": {}}',
    b'{"metadata": {"name": "a/b"}, "spec": {}}',
    b'{"metadata": {"name": "x", "namespace": "other"}}',
    b'{"metadata": {"name": "x", "resourceVersion": {}}, "spec": {}}',
    b'{"metadata": {"name": "x"}, "spec": {"nope": 1}}',
    b'{"kind": "Service", "metadata": {"name": "x"}}',
    b'{"kind": ["x"]}',
    b'{"apiVersion": 3}',
    b'{"kind": "List", "items": []}',
    b'{"metadata": {"name": "x", "annotations": 7}, "spec": {}}',
    b"a: &a [*a]",
    b'{"spec": 3, "metadata": {"name": "echo"}}',
    b'{"metadata": {"name": "echo", "resourceVersion": "x"}}',
    b'{"metadata": {"labels": {"a": ["b"]}}}',
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_bad_bodies_are_the_callers_fault(gateway: Gateway, body: bytes) -> None:
    """Whatever the body, the answer is a Status of class 400, and nothing is stored."""
    before = gateway.ask("GET", SERVICES)[1]["items"]
    yaml = {"Content-Type": "application/yaml"}
    requests: list[tuple[str, str, dict[str, str]]] = [
        ("POST", SERVICES, {}),
        ("PUT", ECHO, {}),
        ("PATCH", f"{SERVICES}/none", JSON),
        ("PATCH", f"{SERVICES}/none", MERGE),
        ("POST", "/edgesim/v1/patch?kind=vs&name=none", MERGE),
    ]
    for method, path, headers in requests:
        status, answer = gateway.ask(method, path, body, headers)
        assert 400 <= status < 500, (method, path, answer)
        assert (answer["kind"], answer["code"]) == ("Status", status)
    for path in ("/edgesim/v1/apply", "/edgesim/v1/delete"):
        status, outcome = gateway.ask("POST", path, body, yaml)
        assert status < 500
        assert not outcome.get("results")
        assert gateway.ask("POST", path, body, {"Content-Type": "application/json"})[0] == 400
    for headers in (MERGE, JSON):
        assert gateway.ask("PATCH", ECHO, body, headers)[0] < 500
    assert gateway.ask("GET", SERVICES)[1]["items"] == before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/apis/none/v1/things", 404),
        ("GET", "/api/v1/virtualservices", 404),
        ("GET", "/apis/gateway.solo.io/v1/virtualservices/echo", 404),
        ("GET", "/api/v1/namespaces/a%2Fb/services/c%00", 404),
        ("DELETE", "/ready", 405),
        ("DELETE", f"{SERVICES}/none", 404),
        ("POST", "/api/v1/services", 404),
        ("GET", "/edgesim/v1/route", 400),
        ("GET", "/edgesim/v1/route?url=ftp://x", 400),
        ("GET", "/edgesim/v1/route?url=/&random=-1", 400),
        ("GET", "/edgesim/v1/route?url=/&random=18446744073709551616", 400),
        ("GET", "/edgesim/v1/route?url=/&header=x", 400),
        ("GET", "/edgesim/v1/problems?kind=nope", 400),
        ("POST", "/edgesim/v1/delete?kind=vs", 400),
        ("POST", "/edgesim/v1/apply", 415),
        ("POST", SERVICES, 400),
    ],
)
def test_bad_requests(gateway: Gateway, method: str, path: str, status: int) -> None:
    """What cannot be done is a Status with Kubernetes' code."""
    found, answer = gateway.ask(method, path)
    assert (found, answer["kind"], answer["code"]) == (status, "Status", status)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "[::1"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_foreign_pages_are_refused(gateway: Gateway, headers: dict[str, str]) -> None:
    """A Host or Origin that is not this machine is forbidden, whatever is asked."""
    assert gateway.ask("GET", "/edgesim/v1/problems", headers=headers)[0] == 403
    assert gateway.ask("DELETE", ECHO, headers=headers)[0] == 403


def test_the_own_page_is_let_in(gateway: Gateway) -> None:
    """Loopback by any name may ask, and a page of the admin side itself."""
    port = gateway.admin.rpartition(":")[2]
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
        assert gateway.ask("GET", "/edgesim/v1/problems", headers={"Host": host})[0] == 200
    assert gateway.ask("GET", "/edgesim/v1/problems", headers={"Origin": gateway.admin})[0] == 200


def test_off_loopback_it_needs_the_token() -> None:
    """Bound to every address, requests without the token are refused, but for readiness in a word."""
    with running("--admin-host", "0.0.0.0", "--admin-token", "secret") as gateway:
        url = gateway.admin.replace("0.0.0.0", "127.0.0.1")
        cases: list[tuple[dict[str, Any], int]] = [
            ({}, 401),
            ({"Authorization": "Bearer wrong"}, 401),
            ({"Authorization": "Bearer secret"}, 200),
            ({"Authorization": "Bearer secret", "Host": "laptop.example"}, 200),
        ]
        for headers, status in cases:
            assert send(url, "GET", "/edgesim/v1/problems", headers)[0] == status
        assert send(url, "GET", "/ready")[::2] == (200, b"LIVE\n")
        assert send(url, "GET", "/ready?format=json")[0] == 401
        assert send(url, "GET", "/ready?format=json", {"Authorization": "Bearer secret"})[0] == 200
        assert edgesim("get", "ns", "--admin", url).code == 1
        assert edgesim("get", "ns", "--admin", url, env={"EDGESIM_ADMIN_TOKEN": "secret"}).code == 0
