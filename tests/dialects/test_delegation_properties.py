from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edgesim.dialects import Document, Resource, decode, nowhere, translate
from edgesim.model import ForwardAction, PathKind, Route, ValueKind
from tests.dialects.naive_delegation import Flat, expand

NAMES = ("a", "b", "c", "d")
NAMESPACES = ("default", "other")
_TEXTS = ("/", "/a", "/a/b", "/ab", "/b")

matchers = st.fixed_dictionaries(
    {},
    optional={
        "caseSensitive": st.booleans(),
        "headers": st.lists(st.sampled_from([{"name": "x"}, {"name": "x", "value": "1"}, {"name": "y"}]), max_size=2),
        "queryParameters": st.lists(st.sampled_from([{"name": "q"}, {"name": "r"}]), max_size=1),
        "methods": st.lists(st.sampled_from(["GET", "PUT", "POST"]), max_size=2, unique=True),
    },
).flatmap(
    lambda rest: st.tuples(st.sampled_from(("prefix", "prefix", "exact", "regex")), st.sampled_from(_TEXTS)).map(
        lambda path: {path[0]: path[1], **rest}
    )
)
# Timeouts tell who wrote them; the two are two fields.
options = st.fixed_dictionaries(
    {},
    optional={
        "timeout": st.integers(0, 9).map(lambda n: f"{n}s"),
        "idleTimeout": st.integers(0, 9).map(lambda n: f"{n}s"),
    },
)
switches = st.fixed_dictionaries(
    {}, optional={"inheritableMatchers": st.booleans(), "inheritablePathMatchers": st.booleans()}
)
labels = st.dictionaries(st.sampled_from(("x", "y")), st.sampled_from(("1", "2")), max_size=2)
selectors = st.fixed_dictionaries(
    {},
    optional={"labels": labels, "namespaces": st.lists(st.sampled_from((*NAMESPACES, "*")), max_size=2)},
).map(lambda selector: {"selector": selector})
refs = st.tuples(st.sampled_from(NAMESPACES), st.sampled_from(NAMES)).map(
    lambda key: {"ref": {"namespace": key[0], "name": key[1]}}
)


def routes(delegating: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return routes, of which about one in `delegating` + 1 answers."""
    answers: st.SearchStrategy[dict[str, Any]] = st.just({"routeAction": {"clusterHeader": "?"}})
    delegates = st.one_of(refs, selectors).map(lambda action: {"delegateAction": action})
    action = st.sampled_from([answers, *[delegates] * delegating]).flatmap(lambda each: each)
    return st.lists(action.flatmap(_route), max_size=3)


def _route(action: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Add the rest to an action: to most delegating routes what they may have."""
    listed = st.lists(matchers, max_size=2)
    if "delegateAction" in action:
        short = st.sampled_from(("/", "/", "/a")).map(lambda prefix: {"prefix": prefix})
        listed = st.one_of(st.lists(short, max_size=1), st.lists(short, max_size=1), listed)
    given_matchers = listed.map(lambda found: {"matchers": found} if found else {})
    given_options = options.map(lambda found: {"options": found})
    return st.tuples(switches, given_options, given_matchers).map(lambda parts: action | parts[0] | parts[1] | parts[2])


tables: st.SearchStrategy[dict[tuple[str, str], dict[str, Any]]] = st.dictionaries(
    st.tuples(st.sampled_from(NAMESPACES), st.sampled_from(NAMES)),
    st.fixed_dictionaries(
        {
            "labels": labels,
            "spec": st.fixed_dictionaries({"routes": routes(1)}, optional={"weight": st.integers(-1, 1)}),
        }
    ),
    min_size=2,
    max_size=6,
)


def manifest(kind: str, key: tuple[str, str], spec: dict[str, Any], given_labels: dict[str, str]) -> dict[str, Any]:
    metadata = {"name": key[1], "namespace": key[0], "labels": given_labels}
    return {"apiVersion": "gateway.solo.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def resource(document: dict[str, Any]) -> Resource:
    found = decode(Document(document, nowhere("x.yaml"))).resource
    assert found is not None
    return found


def documents(
    host: list[dict[str, Any]], drawn: dict[tuple[str, str], dict[str, Any]]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Make RouteTables of what was drawn; every route answers with where it stands."""
    found = {key: manifest("RouteTable", key, each["spec"], each["labels"]) for key, each in drawn.items()}
    _number(host, "host")
    for key, document in found.items():
        _number(document["spec"]["routes"], ".".join(key))
    return found


def _number(listed: list[dict[str, Any]], where: str) -> None:
    for index, route in enumerate(listed):
        if "routeAction" in route:
            route["routeAction"] = {"clusterHeader": f"{where}.{index}"}


def flat(route: Route) -> tuple[Any, ...]:
    """Return what the reference says of a route, as the model says it."""
    assert isinstance(route.action, ForwardAction)
    found = []
    for match in route.matches:
        headers = [(each.name, each.value) for each in match.headers]
        query = [each.name for each in match.query]
        sensitive = match.path.case_sensitive or match.path.kind is PathKind.REGEX
        found.append((match.path.kind.value, match.path.value, sensitive, headers, query, list(match.methods)))
        assert all(each.kind in {ValueKind.PRESENT, ValueKind.EXACT} for each in match.headers)
    return route.action.cluster_header, found, route.action.timeout, route.policies.idle_timeout


def wanted(each: Flat) -> tuple[Any, ...]:
    name, listed, chosen = each
    found = []
    for matcher in listed:
        kind = next(name for name in ("prefix", "exact", "regex") if name in matcher)
        sensitive = matcher.get("caseSensitive", True) or kind == "regex"
        headers = [(header["name"], header.get("value", "")) for header in matcher.get("headers", [])]
        query = [parameter["name"] for parameter in matcher.get("queryParameters", [])]
        found.append((kind, matcher[kind], sensitive, headers, query, list(matcher.get("methods", []))))
    timeouts = [float(chosen[name][:-1]) if name in chosen else None for name in ("timeout", "idleTimeout")]
    return name, found, *timeouts


@settings(max_examples=300, deadline=None)
@given(routes(3), tables)
def test_delegation_equals_a_naive_expansion(
    host: list[dict[str, Any]], drawn: dict[tuple[str, str], dict[str, Any]]
) -> None:
    """Over any tables, selectors, weights, matchers and switches the flat list is the reference's."""
    made = documents(host, drawn)
    top = manifest("VirtualService", ("default", "host"), {"virtualHost": {"routes": host}}, {})
    model = translate([resource(top), *map(resource, made.values())]).model
    found = [flat(each) for each in model.virtual_hosts[0].routes]
    assert [wanted(each) for each in expand(host, "default", made)] == found
