"""Nearly right requests at every route: whatever they are, no answer is a 500, and every refusal is a Status."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from edgesim.dialects import KINDS, Kind, kind_of
from tests.kube.api import Api, Json, config_map, virtual_service

REQUESTS = 4_000
METHODS = ("GET", "POST", "PUT", "PATCH", "PATCH", "PATCH", "DELETE", "HEAD")
FITTING = {
    "POST": ("application/json", "application/yaml"),
    "PUT": ("application/json",),
    "DELETE": ("application/json",),
}
PATCHES = {list: ("application/json-patch+json",), dict: (
    "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml"
)}  # fmt: skip
TYPES = (
    "application/json",
    "application/yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "application/vnd.kubernetes.protobuf",
    "text/plain",
)
QUERIES = (
    "",
    "dryRun=All",
    "fieldValidation=Strict",
    "fieldValidation=Ignore",
    "fieldManager=fuzz",
    "fieldManager=fuzz&force=true",
    "labelSelector=a%3Db",
    "labelSelector=%21",
    "fieldSelector=metadata.name%3Dx",
    "watch=1&timeoutSeconds=1&resourceVersion=abc",
    "propagationPolicy=Foreground",
    "tailLines=-5",
    "sinceTime=yesterday",
    "pretty=true",
)
ACCEPTS = ("*/*", "application/json;as=Table;v=v1;g=meta.k8s.io", "application/yaml", "", ";;,=", "text/html")
REVIEWS = (
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews",
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
)
PARTS = ("", "", "", "/status", "/scale", "/log", "/exec", "/finalize", "/eviction", "/proxy", "/none")
NAMES = ("one", "two", "x", "a%2Fb", "%00", "A_B", "ü", "x" * 300, "..", "%2e%2e")
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**31, 2**70, 1.5, 1e300, "", "x", "ü\u0000", "\U0001f600", "1", [], {}, [None], [[]]),
    *(
        {"": ""},
        {"$patch": "delete"},
        {"a": {"b": {}}},
        "x" * 1000,
        [{"name": "x"}, {"name": "x"}],
        "2026-01-01T00:00:00Z",
    ),
)
DEPLOYMENT: Json = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "one",
        "labels": {"a": "b"},
        "annotations": {"c": "d"},
        "finalizers": [],
        "ownerReferences": [],
    },
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "x"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}},
        "template": {
            "metadata": {"labels": {"app": "x"}},
            "spec": {
                "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 1}], "env": [{"name": "E"}]}]
            },
        },
    },
}
SEEDS = (DEPLOYMENT, virtual_service("one"), config_map("one", a="1"))
COMMON = tuple(kind for each in SEEDS if (kind := kind_of(each["apiVersion"], each["kind"])) is not None)
PATCHED: tuple[list[Json], ...] = (
    [{"op": "add", "path": "/metadata/labels", "value": 3}],
    [{"op": "remove", "path": "/metadata"}],
    [{"op": "replace", "path": "", "value": []}],
    [{"op": "replace", "path": "/spec", "value": None}],
    [{"op": "copy", "from": "/spec", "path": "/metadata/annotations"}],
    [{"op": "move", "from": "/kind", "path": "/apiVersion"}],
    [{"op": "add", "path": "/metadata/managedFields", "value": [{"manager": 3}]}],
)


def _mutated(value: Any, random: random.Random) -> Any:
    """Change one place of a value, or several."""
    if random.random() < 0.15 or not isinstance(value, dict | list) or not value:
        return copy.deepcopy(random.choice(VALUES))
    if isinstance(value, list):
        index = random.randrange(len(value))
        return [_mutated(each, random) if place == index else each for place, each in enumerate(value)]
    name = random.choice([*value, *random.sample(("spec", "data", "metadata", "$patch", "status", "x"), 1)])
    if random.random() < 0.1:
        return {key: each for key, each in value.items() if key != name}
    return {**value, name: _mutated(value.get(name), random)}


def _body(kind: Kind, method: str, random: random.Random) -> bytes:
    seed = next((each for each in SEEDS if each["kind"] == kind.kind), None)
    minimal = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "one"}, "spec": {}, "data": {}}
    drawn = random.random()
    if method == "DELETE" and drawn < 0.7:
        return b""
    if drawn < 0.1:
        return json.dumps(random.choice(PATCHED)).encode()
    value = _mutated(seed or minimal, random) if drawn < 0.8 else random.choice(VALUES)
    data = json.dumps(value).encode()
    if random.random() < 0.1 and data:
        place = random.randrange(len(data))
        data = data[:place] + random.randbytes(random.randrange(4)) + data[place + random.randrange(3) :]
    return b"k8s\0" + random.randbytes(20) if random.random() < 0.03 else data


def _path(kind: Kind, method: str, random: random.Random) -> str:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    place = f"/namespaces/{random.choice(('none', *('default',) * 9))}" if kind.namespaced else ""
    named = random.random() < (0.1 if method == "POST" else 0.95)
    name = f"/{random.choice(NAMES[: 1 if random.random() < 0.9 else None])}" if named else ""
    part = random.choice(PARTS) if name and random.random() < 0.3 else ""
    query = random.choice(QUERIES) if random.random() < 0.6 else "fieldManager=fuzz&force=true&fieldValidation=Ignore"
    return f"{root}{place}/{kind.plural}{name}{part}?{query.replace('&force=true', '') if method != 'PATCH' else query}"


def _review(random: random.Random) -> tuple[str, bytes]:
    """Return a question about rights, nearly right."""
    path, attributes = random.choice(REVIEWS), {"verb": "get", "resource": "pods", "namespace": "default"}
    spec = {"resourceAttributes": attributes, "user": "u", "groups": ["g"], "namespace": "default"}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
    return path, json.dumps(_mutated(body, random)).encode()


def _type(method: str, body: bytes | None, random: random.Random) -> str:
    """Return a media type that fits, most of the time."""
    if random.random() < 0.1:
        return random.choice(TYPES)
    shape = list if (body or b"").lstrip().startswith(b"[") else dict
    return random.choice(PATCHES[shape] if method == "PATCH" else FITTING.get(method, TYPES))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_no_request_is_answered_with_a_500(api: Api, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    """Every answer is below 500, and every one from 400 on that has a body is a Status that says so."""
    drawn = random.Random(seed)
    for number in range(REQUESTS):
        if number % 20 == 0:
            for kind, made in zip(COMMON, SEEDS, strict=True):
                await api.ask("POST", _path(kind, "POST", random.Random(1)).partition("?")[0], made)
        kind, method = drawn.choice(COMMON if drawn.random() < 0.7 else KINDS), drawn.choice(METHODS)
        path, body = _path(kind, method, drawn), None if method in {"GET", "HEAD"} else _body(kind, method, drawn)
        if drawn.random() < 0.03:
            method, (path, body) = "POST", _review(drawn)
        accept = drawn.choice(ACCEPTS) if drawn.random() < 0.2 else "*/*"
        headers = {"Content-Type": _type(method, body, drawn), "Accept": accept}
        answered = await api.ask(method, path, body, **headers)
        told = f"{method} {path} {headers} {body!r}: {answered.status} {answered.body[:300]!r} {caplog.text[-2000:]}"
        assert answered.status < 500, told
        if answered.status >= 400 and method != "HEAD":
            assert answered.json["kind"] == "Status", told
            assert answered.json["code"] == answered.status, told
