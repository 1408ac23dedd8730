from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.config.read import read_text
from edgesim.dialects import KINDS, Kind, decode
from edgesim.dialects.check import check, describe
from edgesim.dialects.decode import without_nulls
from edgesim.dialects.schema.gateway import VirtualService
from edgesim.dialects.schema.kubernetes import Deployment, Service
from edgesim.dialects.schema.upstream import Upstream
from edgesim.model.codes import CODES
from tests.dialects.scenes import run

VS = {"apiVersion": "gateway.solo.io/v1", "kind": "VirtualService", "metadata": {"name": "echo"}}


def found(spec: Any) -> list[tuple[str, str, str]]:
    """Return code, path and hint of everything found in the spec of a VirtualService."""
    findings = check(VirtualService, {**VS, "spec": spec})
    return [(each.code, ".".join(map(str, each.path)), each.hint) for each in findings]


def test_every_mistake_is_found() -> None:
    """A document with five mistakes gives five findings, in the order of the document."""
    spec = {
        "virtualHost": {
            "domain": ["*"],
            "routes": [
                {"matcher": [], "routeAction": {"multi": {"destinations": [{"weight": "ten"}, {"weight": -1}]}}},
                {"redirectAction": {"responseCode": "MOVED_PERMANENTLI"}},
            ],
        }
    }
    routes = "spec.virtualHost.routes"
    assert found(spec) == [
        ("ES0103", "spec.virtualHost.domain", "did you mean `domains`?"),
        ("ES0103", f"{routes}.0.matcher", "did you mean `matchers`?"),
        ("ES0104", f"{routes}.0.routeAction.multi.destinations.0.weight", ""),
        ("ES0106", f"{routes}.0.routeAction.multi.destinations.1.weight", ""),
        ("ES0107", f"{routes}.1.redirectAction.responseCode", "did you mean `MOVED_PERMANENTLY`?"),
    ]


def test_a_wrong_type_is_told_in_human_words() -> None:
    """The message says what was expected and what is there."""
    action = {"multi": {"destinations": [{"weight": "ten"}]}}
    (finding,) = check(VirtualService, {**VS, "spec": {"virtualHost": {"routes": [{"routeAction": action}]}}})
    assert finding.message == "expected a whole number 0..4294967295, got text 'ten'"


def test_a_number_where_text_belongs_wants_quotes() -> None:
    """`version: 1` in labels is a number to YAML; the hint is to quote it."""
    manifest = {**VS, "metadata": {"name": "echo", "labels": {"version": 1, "on": True}}, "spec": {}}
    findings = check(VirtualService, manifest)
    assert [finding.hint for finding in findings] == [
        "put it in quotes: '1'",
        "yes, no, on, off, true and false are no text to YAML: put it in quotes",
    ]


def test_a_number_where_a_duration_belongs_wants_its_unit() -> None:
    """In quotes it would be none either; and the end of a field's name points to the field where it is the only one."""
    hosts = [{"addr": "a", "port": 80, "weight": 3}]
    config = {"connectTimeout": 5}
    findings = check(
        Upstream, {**VS, "kind": "Upstream", "spec": {"static": {"hosts": hosts}, "connectionConfig": config}}
    )
    assert {finding.hint for finding in findings} == {"say the unit: 5s", "did you mean `loadBalancingWeight`?"}


def test_a_field_of_the_level_below_is_pointed_to() -> None:
    """`timeout` on a route belongs into its options, and the hint says so."""
    assert found({"virtualHost": {"routes": [{"timeout": "1s"}]}}) == [
        ("ES0103", "spec.virtualHost.routes.0.timeout", "did you mean `options.timeout`?")
    ]


@pytest.mark.parametrize(
    ("spec", "name", "hint"),
    [
        ({"static": {"subsetSpec": {}}}, "subsetSpec", "`subsetSpec` belongs in `spec.kube`"),
        ({"kube": {"useTls": True}}, "useTls", "`useTls` belongs in `spec.static`"),
        ({"subsetSpec": {}}, "subsetSpec", "did you mean `kube.subsetSpec`?"),
        ({"static": {"sslConfig": {}}}, "sslConfig", "`sslConfig` belongs in `spec`"),
        ({"static": {"connectTimeout": "1s"}}, "connectTimeout", "`connectTimeout` belongs in `spec.connectionConfig`"),
        ({"loadBalancerConfig": {"choiceCount": 2}}, "choiceCount", "did you mean `leastRequest.choiceCount`?"),
        ({"labels": {}}, "labels", "`labels` belongs in `metadata`"),
        ({"metadata": {}}, "metadata", "`metadata` belongs at the top of the document"),
        ({"static": {"hosts": [{"useTls": True}]}}, "useTls", "`useTls` belongs in `spec.static`"),
        ({"static": {"hosts": [{"labels": {}}]}}, "labels", ""),
        ({"static": {"host": []}}, "host", "did you mean `hosts`?"),
        ({"kube": {"selectors": {}}}, "selectors", "did you mean `selector`?"),
    ],
)
def test_a_field_of_another_message_is_pointed_to(spec: Any, name: str, hint: str) -> None:
    """Where it belongs counts for more than how it is spelt, but for a slip; far away it may be anything."""
    findings = check(Upstream, {**VS, "kind": "Upstream", "spec": spec})
    assert [(each.path[-1], each.hint) for each in findings] == [(name, hint)]


def test_fields_of_routes_are_pointed_to_by_their_route() -> None:
    """With its number, as the document has it."""
    routes: list[Any] = [{}, {"routeAction": {"retries": {}, "virtualHost": {}}}]
    assert [hint for _code, _path, hint in found({"virtualHost": {"routes": routes}})] == [
        "`retries` belongs in `spec.virtualHost.routes[1].options`",
        "`virtualHost` belongs in `spec`",
    ]


def test_an_operator_as_kubernetes_writes_it_is_recognised() -> None:
    """`!` and its like have names in Gloo, which the hint gives."""
    expressions = [{"key": "a", "operator": word} for word in ("!", "notin")]
    selecting = {"delegateAction": {"selector": {"expressions": expressions}}}
    hints = [hint for _code, _path, hint in found({"virtualHost": {"routes": [selecting]}})]
    assert hints == ["did you mean `DoesNotExist`?", "did you mean `NotIn`?"]


def test_snake_case_is_recognised() -> None:
    """A field in snake case is told its real spelling."""
    assert found({"virtual_host": {}}) == [("ES0103", "spec.virtual_host", "did you mean `virtualHost`?")]


def test_an_unsimulated_field_gives_one_note_and_is_still_checked() -> None:
    """Merge settings that do nothing here have one note each, and a misspelt field among them is an error."""
    host = {"options": {"corsPolicyMergeSettings": {"allowOrigin": "UNION", "allowOrigins": "UNION"}}}
    assert [code for code, _path, _hint in found({"virtualHost": host})] == ["ES0601", "ES0103"]


def test_unsimulated_fields_inside_one_give_no_further_note() -> None:
    """One note for the outer field says it all."""
    upstream = {"apiVersion": "gloo.solo.io/v1", "kind": "Upstream", "metadata": {"name": "echo"}}
    spec = {"connectionConfig": {"http1ProtocolOptions": {"enableTrailers": True}}, "preconnectPolicy": {}}
    findings = check(Upstream, {**upstream, "spec": spec})
    assert [(each.code, each.path[-1]) for each in findings] == [
        ("ES0601", "http1ProtocolOptions"),
        ("ES0601", "preconnectPolicy"),
    ]


def test_labels_are_a_mapping() -> None:
    """A list of labels is refused, and a null among labels is absent."""
    for labels, codes in (([], ["ES0104"]), ({"a": None, "b": "c"}, [])):
        manifest = {**VS, "metadata": {"name": "echo", "labels": labels}, "spec": {}}
        assert [each.code for each in check(VirtualService, manifest)] == codes


def test_a_null_field_is_an_absent_one() -> None:
    """Null neither has a wrong type nor satisfies a required field."""
    assert found({"virtualHost": None, "sslConfig": None}) == []
    assert [each.code for each in check(VirtualService, {**VS, "spec": None})] == ["ES0105"]


def test_excluding_fields_are_found() -> None:
    """Two actions on one route are refused at the second."""
    route = {"redirectAction": {}, "directResponseAction": {"status": 200}}
    assert found({"virtualHost": {"routes": [route]}}) == [
        ("ES0108", "spec.virtualHost.routes.0.directResponseAction", "")
    ]


@pytest.mark.parametrize("value", ["1.5s", "500ms", "1m30s", "0", "0s", "-1s", ".5h", "10us", "3µs"])
def test_go_durations_are_read(value: str) -> None:
    """Durations have Go's syntax."""
    assert found({"virtualHost": {"routes": [{"options": {"timeout": value}}]}}) == []


@pytest.mark.parametrize("value", ["", "5", "5 s", "1.5", "s", "1d", "5s\n", "1s 2s"])
def test_other_durations_are_malformed(value: str) -> None:
    """What Go would not parse is refused."""
    assert [code for code, *_ in found({"virtualHost": {"routes": [{"options": {"timeout": value}}]}})] == ["ES0109"]


@pytest.mark.parametrize("value", [[], {}, "x", 1, 1.5, True, None])
def test_every_value_has_words(value: object) -> None:
    """Each kind of plain data is described, text and numbers with what they are."""
    assert describe(value)


def test_a_long_text_is_cut_in_messages() -> None:
    """A message does not repeat a page of text."""
    assert len(describe("x" * 5000)) < 80


def test_int_or_text_takes_both_and_no_boolean() -> None:
    """A Service's targetPort is a number or a name."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}

    def codes(port: object) -> list[str]:
        spec = {"ports": [{"port": 80, "targetPort": port}]}
        return [each.code for each in check(Service, {**service, "spec": spec})]

    assert codes(8080) == codes("http") == []
    assert codes(True) == codes([]) == codes(1.5) == ["ES0104"]


def test_a_pod_needs_a_container() -> None:
    """An empty list of containers is refused, and a mapping in its place."""
    base = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}}

    def codes(containers: object) -> list[str]:
        spec = {"selector": {}, "template": {"spec": {"containers": containers}}}
        return [each.code for each in check(Deployment, {**base, "spec": spec})]

    assert codes([]) == ["ES0106"]
    assert codes({}) == ["ES0104"]
    assert codes([None]) == ["ES0104"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_one_of_names_real_fields(kind: Kind) -> None:
    """The groups of excluding fields of every schema are fields of it (some belong to one of two heirs)."""
    for schema in _structs(kind.schema, set()):
        names = {field.encode_name for field in msgspec.structs.fields(schema)}
        for group in schema.ONE_OF:
            assert len(names & set(group)) >= 2, (schema, group)


def _structs(schema: Any, seen: set[Any]) -> set[Any]:
    """Collect the structs that a struct holds."""
    if schema not in seen:
        seen.add(schema)
        _collect(msgspec.inspect.type_info(schema), seen)
    return seen


def _collect(info: Any, seen: set[Any]) -> None:
    match info:
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            if cls in seen and len(seen) > 1:
                return
            seen.add(cls)
            for field in fields:
                _collect(field.type, seen)
        case msgspec.inspect.UnionType(types=types):
            for each in types:
                _collect(each, seen)
        case msgspec.inspect.VarTupleType(item_type=item) | msgspec.inspect.Metadata(type=item):
            _collect(item, seen)


# Any data at all, with enough real names in it to get deep into the schemas.
NAMES = st.sampled_from(
    [
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "namespace",
        "labels",
        "spec",
        "status",
        "virtualHost",
        "domains",
        "routes",
        "matchers",
        "prefix",
        "regex",
        "headers",
        "value",
        "routeAction",
        "single",
        "multi",
        "destinations",
        "destination",
        "weight",
        "upstream",
        "subset",
        "values",
        "options",
        "timeout",
        "retries",
        "static",
        "kube",
        "hosts",
        "addr",
        "port",
        "ports",
        "containers",
        "selector",
        "template",
        "replicas",
        "gloo",
        "subsetSpec",
        "selectors",
        "keys",
        "redirectAction",
        "responseCode",
        "fallbackPolicy",
        "subsets",
        "addresses",
        "ip",
        "targetPort",
        "circuitBreakers",
        "faults",
        "abort",
        "percentage",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["ANY_ENDPOINT", "1s", "a", "default", "FOUND", 2, -1, 80])
)
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=25
)


@given(kind=st.sampled_from(KINDS), data=st.dictionaries(NAMES, DATA, max_size=5))
def test_the_check_and_msgspec_agree(kind: Kind, data: dict[str, Any]) -> None:
    """Whatever the check finds no fault with msgspec reads, and what msgspec refuses the check refuses too."""
    manifest = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "a"}, "spec": {}, **data}
    manifest = without_nulls(manifest)
    refused = [each for each in check(kind.schema, manifest) if CODES[each.code].severity != "note"]
    try:
        msgspec.convert(manifest, kind.schema)
    except msgspec.ValidationError:
        assert refused
    else:
        assert all(each.code == "ES0108" for each in refused)  # msgspec knows no excluding fields


VALID = [row.mend for row in CODES.values() if not row.console]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for name, item in items for deeper in _paths(item, (*path, name)))]


@given(text=st.sampled_from(VALID), data=st.data())
def test_no_mutation_of_a_valid_manifest_raises(text: str, data: st.DataObject) -> None:
    """Any one value of a valid manifest may become anything: it is read or refused, and never raises."""
    documents = [document.manifest for document in read_text(text, "x.yaml").documents]
    manifest = data.draw(st.sampled_from(documents))
    path = data.draw(st.sampled_from(_paths(manifest)))
    value: Any = manifest
    for step in path[:-1]:
        value = value[step]
    if path:
        value[path[-1]] = data.draw(DATA)
    for problem in run("\n---\n".join(json.dumps(each) for each in documents)).problems:
        assert problem.position is not None


def test_decoding_bare_documents_never_raises() -> None:
    """Every mended example is decoded without a problem of the schema."""
    for text in VALID:
        for document in read_text(text, "x.yaml").documents:
            assert decode(document).resource is not None


def test_a_number_beyond_every_float_is_out_of_range() -> None:
    """A percentage of 400 digits is refused, not an overflow."""
    options = {"faults": {"abort": {"percentage": 10**400}}}
    assert [code for code, *_ in found({"virtualHost": {"routes": [{"options": options}]}})] == ["ES0106"]
