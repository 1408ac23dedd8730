"""Random configurations in Gloo's YAML: what a seed makes is always the same, and every part is on the way of some other."""

from __future__ import annotations

from random import Random
from typing import Any

from edgesim.dialects.envoy import yaml_text
from tests.differential.random_options import host_options, route_options, upstream_options, weighted_options

Json = dict[str, Any]
_PREFIXES = ("/", "/a", "/a/", "/a/b", "/A", "/ab", "/b/v1", "/shop")
_EXACTS = ("/", "/a", "/a/", "/a/b/c", "/shop/cart", "/b")
_REGEXES = ("/.*", "/a/.*", "/ab?(/.*)?", "/(a|b)/v1", "/[ab]+/.*", "/shop/[0-9]+", "(?i)/a.*", "/a/v[12]x?")
_NAMES = ("stage", "x-user", "x", "y")
_VALUES = ("canary", "1", "22", "")
_VALUE_REGEXES = ("can.*", "[12]+", "2", ".*", "1|22")
_DOMAINS = ("*", "a.example", "*.example", "*.a.example", "b.*", "b.a.*", "*-dash.example", "port.test:8080")
_KUBE, _STATICS, FAILING = "pods", ("one", "two"), "failing"
"""The last one answers 503, whatever it is asked."""
_GROUP = "group"


def manifests(random: Random) -> str:
    """Return manifests: upstreams of every kind, tables that others delegate to, virtual services."""
    shared = _manifest("RouteOption", "shared", {"options": route_options(random)}, "gateway.solo.io/v1")
    whole = [*_backends(random), shared, *_tables(random), *_services(random)]
    return "---\n".join(yaml_text(each) for each in whole)


def _manifest(kind: str, name: str, spec: Json, version: str = "gloo.solo.io/v1", **metadata: Any) -> Json:
    given = {"name": name, "namespace": "default", **metadata}
    return {"apiVersion": version, "kind": kind, "metadata": given, "spec": spec}


# -- where requests go ---------------------------------------------------------------------------------


def _backends(random: Random) -> list[Json]:
    statics = [
        _manifest(
            "Upstream",
            name,
            {"static": {"hosts": [{"addr": f"{name}.internal", "port": 80}]}, **upstream_options(random)},
        )
        for name in (*_STATICS, FAILING)
    ]
    selectors: list[Json] = [
        {"keys": ["version"], **({"singleHostPerSubset": True} if random.random() < 0.2 else {})},
        *([{"keys": ["color", "version"]}] if random.random() < 0.5 else []),
    ]
    subsets: Json = {"selectors": selectors}
    policy = random.choice(("ANY_ENDPOINT", "DEFAULT_SUBSET", "NO_FALLBACK", ""))
    if policy:
        subsets["fallbackPolicy"] = policy
    if policy == "DEFAULT_SUBSET":
        subsets["defaultSubset"] = {"values": random.choice(({"version": "v1"}, {"version": "v9"}, {"color": "blue"}))}
    kube = {"serviceName": "app", "serviceNamespace": "default", "servicePort": 80, "subsetSpec": subsets}
    service = _manifest("Service", "app", {"selector": {"app": "app"}, "ports": [{"port": 80}]}, "v1")
    group = {"destinations": [_arm(random) for _ in range(random.randint(1, 3))]}
    return [
        *statics,
        service,
        *(_pods(f"v{number}", color) for number, color in ((1, "blue"), (2, "green"), (3, ""))),
        _manifest("Upstream", _KUBE, {"kube": kube, **upstream_options(random)}),
        _manifest("UpstreamGroup", _GROUP, group),
    ]


def _pods(version: str, color: str) -> Json:
    labels = {"app": "app", "version": version, **({"color": color} if color else {})}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "app", "image": "hashicorp/http-echo"}]},
    }
    return _manifest(
        "Deployment", f"app-{version}", {"selector": {"matchLabels": labels}, "template": template}, "apps/v1"
    )


def _destination(random: Random) -> Json:
    chance = random.random()
    if chance < 0.4:
        return {"upstream": {"name": random.choice(_STATICS), "namespace": "default"}}
    if chance < 0.45:
        return {"upstream": {"name": FAILING, "namespace": "default"}}
    if chance < 0.48:
        return {"upstream": {"name": "nowhere", "namespace": "default"}}
    if chance < 0.52:
        return {"kube": {"ref": {"name": "app", "namespace": "default"}, "port": 80}}
    found: Json = {"upstream": {"name": _KUBE, "namespace": "default"}}
    if random.random() < 0.8:
        found["subset"] = {"values": {"version": random.choice(("v1", "v2", "v3", "v9"))}}
        if random.random() < 0.15:
            found["subset"]["values"]["color"] = random.choice(("blue", "green", "red"))
    return found


def _arm(random: Random) -> Json:
    arm: Json = {"destination": _destination(random), "weight": random.choice((1, 1, 2, 5, 30, 100, 0))}
    return arm if random.random() < 0.5 else {**arm, "options": weighted_options(random)}


# -- routes ----------------------------------------------------------------------------------------------


def _matcher(random: Random, below: str = "") -> Json:
    kind = random.choice(("prefix", "prefix", "exact", "regex"))
    path = random.choice({"prefix": _PREFIXES, "exact": _EXACTS, "regex": _REGEXES}[kind])
    path = path.removeprefix("(?i)") if below else path
    found: Json = {kind: f"{below}{path}"}
    if not below and random.random() < 0.2:
        found["caseSensitive"] = random.random() < 0.5
    if random.random() < 0.35:
        found["headers"] = [_header(random) for _ in range(random.randint(1, 2))]
    if random.random() < 0.2:
        found["queryParameters"] = [_value(random)]
    if random.random() < 0.2:
        found["methods"] = random.sample(("GET", "POST", "PUT", "HEAD"), random.randint(1, 2))
    return found


def _header(random: Random) -> Json:
    found = _value(random)
    if random.random() < 0.1:
        return {"name": ":method", "value": "GET", **({"invertMatch": True} if random.random() < 0.5 else {})}
    return {**found, **({"invertMatch": True} if random.random() < 0.3 else {})}


def _value(random: Random) -> Json:
    if random.random() < 0.3:
        return {"name": random.choice(_NAMES), "value": random.choice(_VALUE_REGEXES), "regex": True}
    return {"name": random.choice(_NAMES), "value": random.choice(_VALUES)}


def _route(random: Random, below: str = "") -> Json:
    matchers = [_matcher(random, below) for _ in range(random.choice((1, 1, 1, 2)))]
    action = random.choices((_single, _multi, _grouped, _by_header, _redirect, _direct), (8, 4, 1, 1, 3, 2))[0]
    route = {"matchers": matchers, **action(random)}
    if below and random.random() < 0.6:
        route["inheritableMatchers"] = True
    if random.random() < 0.6:
        route["options"] = route_options(random, forwarded="routeAction" in route)
    if "routeAction" in route and random.random() < 0.15:
        route["optionsConfigRefs"] = {"delegateOptions": [{"name": "shared", "namespace": "default"}]}
    return route


def _single(random: Random) -> Json:
    return {"routeAction": {"single": _destination(random)}}


def _multi(random: Random) -> Json:
    return {"routeAction": {"multi": {"destinations": [_arm(random) for _ in range(random.randint(1, 3))]}}}


def _grouped(_random: Random) -> Json:
    return {"routeAction": {"upstreamGroup": {"name": _GROUP, "namespace": "default"}}}


def _by_header(_random: Random) -> Json:
    return {"routeAction": {"clusterHeader": "x-user"}}


def _redirect(random: Random) -> Json:
    found: Json = {}
    path = random.choice(("", "pathRedirect", "prefixRewrite", "regexRewrite"))
    if path == "regexRewrite":
        found[path] = {"pattern": {"regex": "/([ab])"}, "substitution": r"/x\1"}
    elif path:
        found[path] = random.choice(("/", "/new", "/new/"))
    for name, values in (
        ("hostRedirect", ("other.example", "other.example:81")),
        ("responseCode", ("FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT")),
        ("httpsRedirect", (True,)),
        ("stripQuery", (True,)),
        ("portRedirect", (444, 80)),
    ):
        if random.random() < 0.35:
            found[name] = random.choice(values)
    return {"redirectAction": found}


def _direct(random: Random) -> Json:
    return {
        "directResponseAction": {
            "status": random.choice((200, 201, 204, 302, 404, 503)),
            "body": random.choice(("", "no")),
        }
    }


# -- delegation --------------------------------------------------------------------------------------------


def _tables(random: Random) -> list[Json]:
    """Return a table that is named, which delegates to another one, and two that are found by their labels."""
    named = [_route(random, "/d") for _ in range(random.randint(1, 3))]
    deeper = {"matchers": [{"prefix": "/d/e"}], "delegateAction": {"ref": {"name": "deeper", "namespace": "default"}}}
    return [
        _table("named", [deeper, *named] if random.random() < 0.5 else [*named, deeper]),
        _table("deeper", [_route(random, "/d/e") for _ in range(2)]),
        *(_table(f"found-{number}", [_route(random, "/f")], number, {"team": "found"}) for number in (1, 2)),
    ]


def _table(name: str, routes: list[Json], weight: int = 0, labels: dict[str, str] | None = None) -> Json:
    spec: Json = {"routes": routes, **({"weight": weight} if weight else {})}
    return _manifest("RouteTable", name, spec, "gateway.solo.io/v1", **({"labels": labels} if labels else {}))


def _delegates(random: Random) -> list[Json]:
    by_name = {"ref": {"name": "named", "namespace": "default"}}
    by_label = {"selector": {"labels": {"team": "found"}, "namespaces": ["*"]}}
    found: list[Json] = []
    for prefix, to in (("/d", by_name), ("/f", by_label)):
        if random.random() < 0.5:
            matcher: Json = {"prefix": prefix}
            if random.random() < 0.4:
                matcher["headers"] = [{"name": "stage", "value": "canary"}]
            route: Json = {"matchers": [matcher], "delegateAction": to}
            if random.random() < 0.4:
                route["options"] = route_options(random, forwarded=False)
            found.append(route)
    return found


# -- virtual services ----------------------------------------------------------------------------------------


def _services(random: Random) -> list[Json]:
    domains = random.sample(_DOMAINS, random.randint(1, 4))
    hosts = random.randint(1, min(3, len(domains)))
    return [_service(random, f"host-{at}", domains[at::hosts]) for at in range(hosts)]


def _service(random: Random, name: str, domains: list[str]) -> Json:
    routes = [_route(random) for _ in range(random.randint(1, 7))] + _delegates(random)
    random.shuffle(routes)
    host: Json = {"domains": domains, "routes": routes}
    if random.random() < 0.5:
        host["options"] = host_options(random)
    return _manifest("VirtualService", name, {"virtualHost": host}, "gateway.solo.io/v1")
