from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesim.config.read import read_text
from edgesim.dialects import Memo, Resource, Translation, assign, decode, translate
from edgesim.model import Route
from tests.dialects.certificates import pair
from tests.dialects.scenes import SERVICE, TO_ECHO, UPSTREAM, route
from tests.dialects.tables import API, BY_REF, says, table
from tests.dialects.test_inheritance import options, refs

LABEL = "delegateAction: {selector: {labels: {x: y}, namespaces: ['*']}}\n"


def host(text: str, name: str, domain: str) -> str:
    return route(text).replace("name: echo}", f"name: {name}}}", 1).replace("['*']", f"[{domain}]", 1)


# What stands under each name, now or later. What is wrong in some of them is wrong on purpose.
POOL: tuple[tuple[str, ...], ...] = (
    (host(API + BY_REF, "one", "one.example"), host("options: {timeout: 3s}\n" + API + BY_REF, "one", "one.example")),
    (
        host("inheritableMatchers: true\nmatchers: [{prefix: /, methods: [GET]}]\n" + LABEL, "two", "two.example"),
        host(LABEL, "two", "two.example"),
        host(LABEL, "two", "one.example"),
        host(LABEL + refs("slow"), "two", "two.example").replace("spec:", "spec:\n  # moved down", 1),
    ),
    (
        host(
            "routeAction: {single: {kube: {ref: {name: echo, namespace: default}, port: 80}}}\n",
            "three",
            "three.example",
        ),
    ),
    (
        table(says("1", "/api/a"), says("2", "/api/b"), labels="x: y"),
        table(says("1", "/api/a"), says("3", "/api/b"), labels="x: y"),
        table(says("1", "/api/a"), says("2", "/api/b"), labels="x: z"),
        table(says("1", "/api/a"), says("2", "/other"), weight=3, labels="x: y"),
        table("matchers: [{prefix: /api}]\ndelegateAction: {ref: {name: b, namespace: default}}\n", labels="x: y"),
    ),
    (
        table("matchers: [{prefix: /api/c}]\n" + TO_ECHO, name="b", labels="x: y"),
        table("matchers: [{prefix: /api/c}]\n" + TO_ECHO + refs("slow"), name="b", labels="x: y"),
        table("# a line more\nmatchers: [{prefix: /api}]\n" + BY_REF, name="b"),
        table("matchers: [{prefix: /api/c}]\nrouteAction: {upstreamGroup: {name: ug, namespace: default}}\n", name="b"),
    ),
    (table(says("c", "/api/c"), name="c", namespace="other", labels="x: y"),),
    (options("slow", "timeout: 60s"), options("slow", "timeout: -1s")),
    (UPSTREAM, UPSTREAM.replace("5678", "5679"), UPSTREAM.replace("port: 5678", "port: 0")),
    (SERVICE, SERVICE.replace("port: 80", "port: 81")),
    (
        (
            "apiVersion: gloo.solo.io/v1\nkind: UpstreamGroup\nmetadata: {name: ug}\nspec:\n  destinations:\n"
            "  - {weight: 1, destination: {upstream: {name: echo}}}\n"
        ),
    ),
    (
        (
            "apiVersion: gloo.solo.io/v1\nkind: Settings\nmetadata: {name: default, namespace: gloo-system}\n"
            "spec: {gloo: {regexMaxProgramSize: 100}}\n"
        ),
    ),
    (
        (
            "apiVersion: gateway.solo.io/v1\nkind: Gateway\nmetadata: {name: gateway-proxy, namespace: gloo-system}\n"
            "spec: {bindPort: 8080, httpGateway: {}}\n"
        ),
        (
            "apiVersion: gateway.solo.io/v1\nkind: Gateway\nmetadata: {name: gateway-proxy, namespace: gloo-system}\n"
            "spec: {bindPort: 8080, httpGateway: {virtualServices: [{name: one, namespace: default}]}}\n"
        ),
    ),
)


def resource(text: str) -> Resource:
    (document,) = read_text(dedent(text), "x.yaml").documents
    found = decode(document).resource
    assert found is not None
    return found


changes = st.sampled_from([(i, j) for i, texts in enumerate(POOL) for j in range(-1, len(texts))])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(changes, min_size=1, max_size=3), min_size=1, max_size=12))
def test_with_a_memo_everything_comes_out_as_without(steps: list[list[tuple[int, int]]]) -> None:
    """After any changes model and problems are those of a fresh translation, and equal hosts stay the same object."""
    stored = {i: resource(texts[0]) for i, texts in enumerate(POOL[:10])}
    memo = Memo()
    before = translate(stored.values(), memo=memo)
    for step in steps:
        for i, j in step:
            if j < 0:
                stored.pop(i, None)
            else:
                stored[i] = resource(POOL[i][j])
        fresh = translate(stored.values())
        found = translate(stored.values(), memo=memo)
        assert fresh.model == found.model
        assert set(fresh.problems) == set(found.problems)
        assert len(fresh.problems) == len(found.problems)
        _check_identity(before, found)
        before = found


def _check_identity(before: Translation, after: Translation) -> None:
    old = {each.name: each for each in before.model.virtual_hosts}
    for each in after.model.virtual_hosts:
        assert each is old.get(each.name) or each != old.get(each.name)


BASE = (POOL[0][0], POOL[1][1], POOL[3][0], POOL[4][0], UPSTREAM)


def changed(before: list[Resource], index: int, text: str) -> list[Resource]:
    after = [*before]
    after[index] = resource(text)
    return after


def routes(translation: Translation) -> list[Route]:
    return [each for one in translation.model.virtual_hosts for each in one.routes]


def kept(before: Translation, after: Translation) -> list[bool]:
    """Tell of each route whether it was there before."""
    ids = set(map(id, routes(before)))
    return [id(each) in ids for each in routes(after)]


@pytest.fixture
def base() -> tuple[Memo, list[Resource], Translation]:
    memo = Memo()
    resources = [resource(text) for text in BASE]
    return memo, resources, translate(resources, memo=memo)


Base = tuple[Memo, list[Resource], Translation]


def test_without_a_change_the_model_is_the_same(base: Base) -> None:
    """Not only equal: nothing has to be pushed."""
    memo, resources, before = base
    assert translate(resources, memo=memo).model is before.model
    assert translate([*resources, resource(SERVICE)], memo=memo).model is before.model


def test_only_the_route_that_changed_is_new(base: Base) -> None:
    """The other route of the same table stays the identical object, and so do clusters."""
    memo, resources, before = base
    after = translate(changed(resources, 2, POOL[3][1]), memo=memo)
    assert kept(before, after) == [True, False, True, False, True]
    assert after.model.clusters is before.model.clusters


def test_a_table_written_again_changes_nothing(base: Base) -> None:
    """Another object of the same text gives the identical model."""
    memo, resources, before = base
    assert translate(changed(resources, 2, BASE[2]), memo=memo).model is before.model


def test_a_virtual_service_that_changed_keeps_the_routes_of_its_tables(base: Base) -> None:
    """As long as they take nothing over from it."""
    memo, resources, before = base
    text = BASE[0].replace("name: one}", "name: one, labels: {x: y}}")
    after = translate(changed(resources, 0, text), memo=memo)
    assert after.model is before.model


def test_a_virtual_host_that_is_not_concerned_stays(base: Base) -> None:
    """Only the host that delegates to the table is new."""
    memo, resources, before = base
    after = translate(changed(resources, 3, POOL[4][3]), memo=memo)
    one, two = after.model.virtual_hosts
    assert one is before.model.virtual_hosts[0]
    assert two is not before.model.virtual_hosts[1]


def test_a_file_that_changed_is_noticed() -> None:
    """A certificate on disk is read again at each translation, and the virtual host is new only if it differs."""
    memo = Memo()
    text = route("directResponseAction: {status: 200}\n").replace(
        "  virtualHost:", "  sslConfig: {sslFiles: {tlsCert: chain, tlsKey: key}}\n  virtualHost:", 1
    )
    resources = [resource(text)]
    contents = {"chain": pair().chain.encode(), "key": pair().key.encode()}
    first = translate(resources, contents.__getitem__, memo)
    assert first.problems == ()
    assert translate(resources, contents.__getitem__, memo).model is first.model
    contents["chain"] = pair("b.example").chain.encode()
    assert [each.code for each in translate(resources, contents.__getitem__, memo).problems] == ["ES0503"]
    contents["key"] = pair("b.example").key.encode()
    after = translate(resources, contents.__getitem__, memo)
    assert after.problems == ()
    assert after.model.virtual_hosts != first.model.virtual_hosts


def test_endpoints_are_the_same_while_nothing_of_theirs_changed(base: Base) -> None:
    """The identical mapping, whatever else is new."""
    memo, resources, before = base
    one = assign(before.model.clusters, resources, memo)
    after = changed(resources, 2, POOL[3][1])
    assert assign(translate(after, memo=memo).model.clusters, after, memo) is one
    other = [*after, resource(SERVICE)]
    assert assign(translate(other, memo=memo).model.clusters, other, memo) is not one


def test_a_translation_that_breaks_leaves_no_half_truth(base: Base) -> None:
    """After an exception the next translation reads all anew."""
    memo, resources, before = base

    def broken(_path: str) -> bytes:
        raise KeyboardInterrupt

    tls = route("directResponseAction: {status: 200}\n").replace(
        "  virtualHost:", "  sslConfig: {sslFiles: {tlsCert: a, tlsKey: b}}\n  virtualHost:", 1
    )
    with pytest.raises(KeyboardInterrupt):
        translate([*changed(resources, 2, POOL[3][1]), resource(tls)], broken, memo)
    after = translate(resources, memo=memo)
    assert after.model == before.model
    assert after.model is not before.model
