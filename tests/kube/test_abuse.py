"""Requests no client should send: each gets the Status that says why, and stores nothing."""

from __future__ import annotations

import asyncio
import gzip
import io
import json

import pytest

from tests.kube.api import CONFIG_MAPS, Api, config_map


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "refusal"),
    [
        ("POST", CONFIG_MAPS, b"{", {}, (400, "BadRequest")),
        ("POST", CONFIG_MAPS, b"[]", {}, (400, "BadRequest")),
        ("POST", CONFIG_MAPS, b"null", {}, (400, "BadRequest")),
        ("POST", CONFIG_MAPS, b"\xff\xfe", {}, (400, "BadRequest")),
        ("POST", CONFIG_MAPS, b"[" * 100_000, {}, (400, "BadRequest")),
        ("POST", CONFIG_MAPS, b'{"a":' * 500 + b"1" + b"}" * 500, {}, (400, "BadRequest")),
        ("POST", CONFIG_MAPS, b'{"metadata": 3}', {}, (400, "BadRequest")),
        ("POST", CONFIG_MAPS, b'{"metadata": {"name": 3}}', {}, (400, "BadRequest")),
        ("POST", CONFIG_MAPS, b"{}", {"Content-Type": "text/plain"}, (415, "UnsupportedMediaType")),
        (
            "POST",
            CONFIG_MAPS,
            b"k8s\0\xff",
            {"Content-Type": "application/vnd.kubernetes.protobuf"},
            (400, "BadRequest"),
        ),
        ("POST", CONFIG_MAPS, b"a: [", {"Content-Type": "application/yaml"}, (400, "BadRequest")),
        ("POST", CONFIG_MAPS, b" " * (3 * 1024 * 1024 + 1), {}, (413, "RequestEntityTooLarge")),
        ("POST", f"{CONFIG_MAPS}?dryRun=Some", b"{}", {}, (400, "BadRequest")),
        ("POST", f"{CONFIG_MAPS}?fieldValidation=Odd", b"{}", {}, (400, "BadRequest")),
        ("POST", f"{CONFIG_MAPS}?fieldManager={'x' * 200}", b"{}", {}, (400, "BadRequest")),
        ("POST", f"{CONFIG_MAPS}/one", b"{}", {}, (405, "MethodNotAllowed")),
        ("PUT", CONFIG_MAPS, b"{}", {}, (405, "MethodNotAllowed")),
        ("POST", "/api/v1/configmaps", b"{}", {}, (405, "MethodNotAllowed")),
        ("DELETE", "/api/v1/namespaces", b"{}", {}, (405, "MethodNotAllowed")),
        ("GET", "/api/v1/namespaces/default/wonders", None, {}, (404, "NotFound")),
        ("GET", "/apis/none.example/v1/things", None, {}, (404, "NotFound")),
        ("GET", "/api/v1/pods/one", None, {}, (404, "NotFound")),
        ("GET", f"{CONFIG_MAPS}/a%2Fb", None, {}, (404, "NotFound")),
        ("GET", f"{CONFIG_MAPS}/a%00b", None, {}, (404, "NotFound")),
        ("GET", f"{CONFIG_MAPS}/one/status/more", None, {}, (404, "NotFound")),
        ("GET", f"{CONFIG_MAPS}?watch=maybe", None, {}, (400, "BadRequest")),
        ("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion=x", None, {}, (400, "BadRequest")),
        ("GET", f"{CONFIG_MAPS}?watch=1&timeoutSeconds=x", None, {}, (400, "BadRequest")),
        ("GET", f"{CONFIG_MAPS}?watch=1&sendInitialEvents=true", None, {}, (422, "Invalid")),
        ("GET", f"{CONFIG_MAPS}?resourceVersion=x", None, {}, (400, "BadRequest")),
        ("GET", f"{CONFIG_MAPS}?continue=x", None, {}, (400, "BadRequest")),
        ("GET", f"{CONFIG_MAPS}?labelSelector=!!", None, {}, (400, "BadRequest")),
        ("GET", CONFIG_MAPS, None, {"Host": "evil.example"}, (403, "Forbidden")),
        ("GET", CONFIG_MAPS, None, {"Origin": "http://evil.example"}, (403, "Forbidden")),
        ("GET", CONFIG_MAPS, None, {"Authorization": "Bearer nobody"}, (401, "Unauthorized")),
        ("DELETE", f"{CONFIG_MAPS}/one", b'{"propagationPolicy": "Odd"}', {}, (400, "BadRequest")),
        ("DELETE", f"{CONFIG_MAPS}/one", b'{"preconditions": []}', {}, (404, "NotFound")),
    ],
)
async def test_refusals(
    api: Api, method: str, path: str, body: bytes | None, headers: dict[str, str], refusal: tuple[int, str]
) -> None:
    """Each malformed request gets its own Status, and the store stays as it was."""
    before = api.instance.store.version
    answered = await api.ask(method, path, body, **headers)
    assert answered.refusal[:2] == refusal, answered.body
    assert api.instance.store.version == before


async def test_nothing_is_stored_in_part(api: Api) -> None:
    """A patch of which one operation fails leaves the object as it was."""
    await api.ask("POST", CONFIG_MAPS, config_map("one", a="1"))
    operations = [{"op": "add", "path": "/data/b", "value": "2"}, {"op": "test", "path": "/data/a", "value": "9"}]
    refused = await api.ask("PATCH", f"{CONFIG_MAPS}/one", operations, Content_Type="application/json-patch+json")
    assert refused.refusal[0] == 422
    assert (await api.ask("GET", f"{CONFIG_MAPS}/one")).json["data"] == {"a": "1"}


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (gzip.compress(b" " * (4 * 1024 * 1024)), (413, "RequestEntityTooLarge")),
        (b"no gzip", (400, "BadRequest")),
    ],
)
async def test_compressed_bodies(
    api: Api, body: bytes, refusal: tuple[int, str], caplog: pytest.LogCaptureFixture
) -> None:
    """What is small on the wire and large in memory is too large; what cannot be unpacked is BadRequest."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with api.session.post(api.url + CONFIG_MAPS, data=io.BytesIO(body), headers=headers) as response:
        found = await response.json()
    assert (await api.ask("GET", "/healthz")).body == b"ok"
    assert not caplog.records
    assert (found["code"], found["reason"]) == refusal


async def test_a_body_that_does_not_come(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body of which no more comes is waited for so long, answered 504 as by an API server, and the connection closed."""
    monkeypatch.setattr("edgesim.kube.bodies.WITHIN", 0.05)
    host, port = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST {CONFIG_MAPS} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\n{{".encode())
    head, _, body = (await asyncio.wait_for(reader.read(), 30)).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 504 ")
    assert json.loads(body)["reason"] == "Timeout"
    assert (await api.ask("GET", "/healthz")).body == b"ok"


async def test_head_ends(api: Api) -> None:
    """HEAD of what streams to GET has an end."""
    for path in (f"{CONFIG_MAPS}?watch=true", f"{CONFIG_MAPS}?watch=true&resourceVersion=0"):
        assert (await asyncio.wait_for(api.ask("HEAD", path), 30)).status == 200


async def test_a_write_while_it_closes(api: Api) -> None:
    """What is asked of an instance on its way out is unavailable, not a mistake of ours; reading goes on."""
    await api.instance.close(grace=0)
    refused = await api.ask("POST", CONFIG_MAPS, config_map("late"))
    assert refused.refusal == (503, "ServiceUnavailable", "edgesim is shutting down")
    assert (await api.ask("GET", f"{CONFIG_MAPS}/late")).status == 404


async def test_odd_paths(api: Api) -> None:
    """A path with a line break in it, and one that is none, name nothing."""
    for path in ("/api/v1/namespaces/default/pods/%0d%0aX-Evil:1/log", "/api/v1/pods%0a"):
        assert (await api.ask("GET", path)).refusal[:2] == (404, "NotFound")
