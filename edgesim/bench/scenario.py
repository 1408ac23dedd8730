"""What is measured: route tables and loads, and each peer's configuration for them.

Every table sends what it matches half to version v1 and half to v2, two subsets of one cluster. Requests differ from
each other, and so do the answers, so that nobody gains by remembering them; one scenario shows what that would gain.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEN_HEADERS = (
    "accept: application/json, text/plain, */*",
    "accept-encoding: gzip, deflate, br",
    "accept-language: en-GB,en;q=0.9,de;q=0.8",
    "authorization: Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJiZW5jaCJ9",
    "cache-control: no-cache",
    "cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
    "referer: http://shop.example.com/basket",
    "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "x-tenant: acme",
)
"""Nine, and the Host that every request carries."""


_DISTINCT = 50_000


@dataclass(frozen=True, slots=True)
class Scenario:
    """A route table and a load. `routes` 0 means the canary's own two routes.

    `distinct` sends 50,000 different requests, whose answers all differ; otherwise it is one request for ever, as wrk
    and its like send it. `peers` are those it is about, all by default.
    """

    name: str
    title: str
    connections: int = 64
    headers: tuple[str, ...] = ()
    routes: int = 0
    distinct: bool = False
    peers: tuple[str, ...] = ()

    @property
    def prefixes(self) -> list[str]:
        """The paths the table knows; empty for the canary, which takes any."""
        return [f"/service-{number:05d}/" for number in range(self.routes)]

    @property
    def paths(self) -> list[str]:
        """The paths that are asked for, spread over the whole table. The backend's answer to `/` never changes."""
        if not self.distinct:
            return ["/"]
        prefixes = self.prefixes or ["/"]
        return [f"{prefixes[number % len(prefixes)]}items/{number}" for number in range(_DISTINCT)]


SCENARIOS = (
    Scenario("canary", "Canary table, 64 connections"),
    Scenario("one-connection", "Canary table, 1 connection", connections=1),
    Scenario("ten-headers", "Canary table, 64 connections, 10 headers a request", headers=TEN_HEADERS),
    Scenario("distinct", "Canary table, 64 connections, no two requests or answers alike", distinct=True),
    Scenario("routes-10", "10 path routes, 64 connections, requests all over the table", routes=10, distinct=True),
    Scenario(
        "routes-50000", "50,000 path routes, 64 connections, requests all over the table", routes=50_000, distinct=True
    ),
    Scenario(
        "access-log", "Canary table, 64 connections, without and with an access log", peers=("edgesim", "edgesim-log")
    ),
)


@dataclass(frozen=True, slots=True)
class Backends:
    """The ports of the two versions on 127.0.0.1."""

    v1: int
    v2: int


def envoy(scenario: Scenario, backends: Backends, port: int) -> str:
    """Return Envoy's bootstrap."""
    subset = {"subset_selectors": [{"keys": ["version"]}], "fallback_policy": "ANY_ENDPOINT"}
    endpoints = [_envoy_endpoint("v1", backends.v1), _envoy_endpoint("v2", backends.v2)]
    cluster = {
        "name": "echo",
        "type": "STATIC",
        "lb_subset_config": subset,
        "load_assignment": {"cluster_name": "echo", "endpoints": [{"lb_endpoints": endpoints}]},
    }
    connections = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
            }
        ],
        "route_config": {
            "virtual_hosts": [{"name": "echo", "domains": ["*"], "routes": _envoy_routes(scenario)}],
        },
    }
    listener = {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": connections}]}
        ],
    }
    return json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}})


def _envoy_endpoint(version: str, port: int) -> dict[str, Any]:
    return {
        "endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}},
        "metadata": {"filter_metadata": {"envoy.lb": {"version": version}}},
    }


def _envoy_routes(scenario: Scenario) -> list[dict[str, Any]]:
    def arm(version: str) -> dict[str, Any]:
        return {"name": "echo", "metadata_match": {"filter_metadata": {"envoy.lb": {"version": version}}}}

    split = {"weighted_clusters": {"clusters": [arm(version) | {"weight": 50} for version in ("v1", "v2")]}}
    canary = [{"name": "stage", "string_match": {"exact": "canary"}}]
    only_v2 = {"cluster": "echo", "metadata_match": arm("v2")["metadata_match"]}
    if scenario.routes:
        return [{"match": {"prefix": path}, "route": split} for path in scenario.prefixes]
    return [
        {"match": {"prefix": "/", "headers": canary}, "route": only_v2},
        {"match": {"prefix": "/"}, "route": split},
    ]


def manifests(scenario: Scenario, backends: Backends) -> list[dict[str, Any]]:
    """Return what an engineer would apply to a cluster, its pods being the backends of this benchmark."""
    upstream = {
        "apiVersion": "gloo.solo.io/v1",
        "kind": "Upstream",
        "metadata": {"name": "echo", "namespace": "gloo-system"},
        "spec": {
            "kube": {
                "selector": {"app": "echo"},
                "serviceName": "echo",
                "serviceNamespace": "echo",
                "servicePort": 8080,
                "subsetSpec": {"selectors": [{"keys": ["version"]}]},
            }
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "echo", "namespace": "echo"},
        "spec": {"selector": {"app": "echo"}, "ports": [{"port": 8080, "protocol": "TCP"}]},
    }
    virtual_service = {
        "apiVersion": "gateway.solo.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "echo", "namespace": "gloo-system"},
        "spec": {"virtualHost": {"domains": ["*"], "routes": _gloo_routes(scenario)}},
    }
    pods = [_deployment("v1", backends.v1), _deployment("v2", backends.v2)]
    return [*pods, service, upstream, virtual_service]


def _deployment(version: str, port: int) -> dict[str, Any]:
    labels = {"app": "echo", "version": version}
    template = {
        "metadata": {"labels": labels, "annotations": {"edgesim.io/address": f"127.0.0.1:{port}"}},
        "spec": {"containers": [{"name": "echo", "image": "bench/echo", "ports": [{"containerPort": 8080}]}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"echo-{version}", "namespace": "echo"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }


def _gloo_routes(scenario: Scenario) -> list[dict[str, Any]]:
    def to(version: str) -> dict[str, Any]:
        return {
            "upstream": {"name": "echo", "namespace": "gloo-system"},
            "subset": {"values": {"version": version}},
        }

    split = {"multi": {"destinations": [{"destination": to(version), "weight": 50} for version in ("v1", "v2")]}}
    if scenario.routes:
        return [{"matchers": [{"prefix": path}], "routeAction": split} for path in scenario.prefixes]
    canary = {"prefix": "/", "headers": [{"name": "stage", "value": "canary"}]}
    return [
        {"matchers": [canary], "routeAction": {"single": to("v2")}},
        {"matchers": [{"prefix": "/"}], "routeAction": split},
    ]


_NGINX = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
{http}
}}
"""


_BACKEND = """\
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = / {{ return 200 "version:{version}\\n"; }}
    location / {{ add_header x-answer $request_id; return 200 "version:{version}\\n"; }}
  }}
"""


def nginx_backend(folder: Path, backends: Backends) -> str:
    """Return the configuration of the two versions, as fast as a backend gets."""
    servers = [_BACKEND.format(port=port, version=v) for v, port in (("v1", backends.v1), ("v2", backends.v2))]
    return _NGINX.format(folder=folder, http="".join(servers))


def nginx_proxy(folder: Path, backends: Backends, port: int) -> str:
    """Return nginx with the canary's two routes."""
    http = f"""\
  upstream v1 {{ server 127.0.0.1:{backends.v1}; keepalive 64; keepalive_requests 1000000000; }}
  upstream v2 {{ server 127.0.0.1:{backends.v2}; keepalive 64; keepalive_requests 1000000000; }}
  split_clients "$request_id" $arm {{ 50% v1; * v2; }}
  map $http_stage $version {{ canary v2; default $arm; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://$version;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Request-Id $request_id;
    }}
  }}"""
    return _NGINX.format(folder=folder, http=http)


def haproxy(backends: Backends, port: int) -> str:
    """Return HAProxy with the canary's two routes."""
    return f"""\
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend echo
  bind 127.0.0.1:{port}
  unique-id-format %{{+X}}o%ci%cp%fi%fp%Ts%rt%pid
  unique-id-header x-request-id
  use_backend canary if {{ req.hdr(stage) -m str canary }}
  default_backend split
backend canary
  server v2 127.0.0.1:{backends.v2}
backend split
  balance random(1)
  server v1 127.0.0.1:{backends.v1} weight 50
  server v2 127.0.0.1:{backends.v2} weight 50
"""
