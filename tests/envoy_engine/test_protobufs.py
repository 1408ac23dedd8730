"""What is exported, packed as Envoy's messages: the library's own, slow reading of it is the judge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesim.dialects.envoy import Form, Json, Kind, snapshot
from edgesim.envoy.discovery import without_pods
from edgesim.envoy.discovery_bootstrap import ServerAddress, ads, bootstrap
from edgesim.envoy.protobufs import packed
from edgesim.envoy.scalars import UnencodableError
from edgesim.envoy.served import serve
from edgesim.model import Model
from edgesim.model.codes import CODES
from edgesim.policies.protobuf_wire import read_fields
from tests.dialects.envoy.scenes import ASSIGNMENTS, everything
from tests.dialects.envoy.test_validate import models
from tests.dialects.scenes import run

pytest.importorskip("envoy_data_plane")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the library's, of fields Envoy has still
EVERYTHING = Form(source=ads, access_log="-", access_log_format='{"code": "%RESPONSE_CODE%"}', draw_header="x-draw")


def message_of(url: str) -> Any:
    package = ".".join(part for part in url.rpartition("/")[2].split(".") if part[0].islower())
    import_module(f"envoy_data_plane.{package}")
    return import_module("envoy_data_plane.message_pool").default_message_pool.url_to_type[url]


def unpacked(content: bytes) -> Any:
    """Read an Any with the library: the message in it."""
    url, value = (part for _number, _type, part in read_fields(content))
    assert isinstance(url, bytes)
    return message_of(url.decode()).parse(value)


def judged(content: Json) -> tuple[Json, Json]:
    """Return a message as it was packed, and as the library reads its JSON, both as JSON."""
    rest = {name: value for name, value in content.items() if name != "@type"}
    ours = unpacked(packed(content))  # which loads the types that the library must know
    return _known(ours.to_dict()), message_of(content["@type"]).from_dict(_known(rest)).to_dict()


def _known(node: Any) -> Any:
    """Leave out what the library does not read: the names of health checks (too new), and `consecutive_5xx` (its casing)."""
    if isinstance(node, list):
        return [_known(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    is_check = {"timeout", "interval"} <= node.keys()
    left = {name: value for name, value in node.items() if not (is_check and name == "name")}
    return {name: _known(value) for name, value in left.items() if "consecutive5" not in name.replace("_", "").lower()}


@pytest.mark.parametrize("kind", [*Kind])
def test_everything_that_is_exported_is_packed(kind: Kind) -> None:
    """Each resource of a model with every feature says as a message what it says as JSON."""
    for part in snapshot(everything(), ASSIGNMENTS, ads, EVERYTHING).of(kind).values():
        ours, theirs = judged({"@type": kind.type_url, **part})
        assert ours == theirs


@settings(max_examples=3)
@given(models())
def test_random_tables_are_packed(model: Model) -> None:
    """Whatever routes a table has, they say as messages what they say as JSON."""
    packed_as_read(model)


@pytest.mark.slow
@given(models())
def test_many_random_tables_are_packed(model: Model) -> None:
    """The same of more tables: the judge takes milliseconds for a route."""
    packed_as_read(model)


def packed_as_read(model: Model) -> None:
    for routes in snapshot(model, {}, ads).routes.values():
        ours, theirs = judged({"@type": Kind.ROUTES.type_url, **routes})
        assert ours == theirs


@pytest.mark.slow
def test_every_example_is_packed() -> None:
    """What is sound of each example of a problem, and each mended one, is what Envoy's messages hold."""
    for text in (text for row in CODES.values() if not row.console for text in (row.bad, row.mend)):
        resources = snapshot(without_pods(run(text).translation.model), {}, ads)
        assert serve(resources).resources is resources


def test_a_bootstrap_is_a_message() -> None:
    """The bootstrap of an Envoy that is served has fields only that Envoy's message has."""
    written = bootstrap("edge-1", ServerAddress("a.example", 18000, "secret", "PEM"), ("127.0.0.1", 9901))
    ours, theirs = judged({"@type": "type.googleapis.com/envoy.config.bootstrap.v3.Bootstrap", **written})
    assert ours == theirs


def test_health_checks_have_names() -> None:
    """The name of a health check, which the tables lack, is field 27, as Envoy's message has it."""
    checks = [{"name": "check-1", "timeout": "1s"}]
    content = packed({"@type": Kind.CLUSTER.type_url, "name": "c", "health_checks": checks})
    assert b"\xda\x01\x07check-1" in content


def test_outlier_detection_counts_errors() -> None:
    """`consecutive_5xx` and its like, which the library's JSON cannot name, is what its message has."""
    content = {
        "@type": Kind.CLUSTER.type_url,
        "name": "c",
        "outlier_detection": {"consecutive_5xx": 6, "enforcing_consecutive_5xx": 7},
    }
    found = unpacked(packed(content)).outlier_detection
    assert (found.consecutive_5xx, found.enforcing_consecutive_5xx) == (6, 7)


JSONS = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), JSONS, max_size=3))
def test_any_json_is_packed(content: Json) -> None:
    """Metadata of any JSON is there again when the library reads it."""
    url = "type.googleapis.com/google.protobuf.Struct"
    assert unpacked(packed({"@type": url, "value": content})).to_dict() == content


@given(st.integers(-(10**10), 10**10), st.integers(0, 999_999_999))
def test_durations_are_exact(seconds: int, nanos: int) -> None:
    """A duration is packed to the nanosecond."""
    url = "type.googleapis.com/google.protobuf.Duration"
    read = unpacked(packed({"@type": url, "value": f"{seconds}.{nanos:09}s"}))
    assert read.seconds * 10**9 + read.nanos == int(f"{seconds}{nanos:09}")


ROUTES, CLUSTER = Kind.ROUTES.type_url, Kind.CLUSTER.type_url
ROUTE = "virtual_hosts[0].routes[0]"


def routed(**route: Any) -> Json:
    return {"@type": ROUTES, "virtual_hosts": [{"name": "a", "routes": [route]}]}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"name": "a"}, "a message without @type"),
        ({"@type": "type.googleapis.com/envoy.no.such.v3.Thing"}, "unknown type"),
        ({"@type": "type.googleapis.com/envoy.config.route.v3.Thing"}, "unknown type"),
        ({"@type": "nothing"}, "unknown type nothing"),
        (routed(nothing=1), f"{ROUTE}: envoy.config.route.v3.Route has no field nothing"),
        (routed(match={"prefix": "/", "path": "/"}), f"{ROUTE}.match: path beside prefix in"),
        (routed(match={"prefix": 1}), f"{ROUTE}.match.prefix: 1 is no text"),
        (routed(match="x"), f"{ROUTE}.match: 'x' is no envoy.config.route.v3.RouteMatch"),
        (routed(match={"prefix": "\ud800"}), "is no UTF-8"),
        (routed(direct_response={"status": -1}), "direct_response.status: -1 is no number from 0 to 4294967295"),
        (routed(direct_response={"status": 1 << 32}), "is no number from 0 to"),
        (routed(direct_response={"status": True}), "True is no number"),
        (routed(direct_response={"status": 2.5}), "2.5 is no number"),
        (routed(direct_response={"body": {"inline_bytes": "%"}}), "'%' is no base64"),
        (routed(route={"timeout": "1 s"}), "route.timeout: '1 s' is no duration"),
        (routed(typed_per_filter_config=[]), "typed_per_filter_config: [] is no map"),
        (routed(typed_per_filter_config={"f": {"@type": "x.Y"}}), "typed_per_filter_config: unknown type x.Y"),
        ({"@type": CLUSTER, "type": "NOTHING"}, "type: 'NOTHING' is no ClusterDiscoveryType"),
        ({"@type": CLUSTER, "health_checks": {}}, "health_checks: {} is no list"),
        ({"@type": CLUSTER, "lb_subset_config": {"locality_weight_aware": 1}}, "1 is neither true nor false"),
        ({"@type": CLUSTER, "metadata": {"filter_metadata": {"x": {"y": {1, 2}}}}}, "is no JSON"),
    ],
)
def test_what_a_message_cannot_hold_is_an_error(content: Json, told: str) -> None:
    """A type, a field or a value that a message does not have is told with its place, and never left out."""
    with pytest.raises(UnencodableError) as found:
        packed(content)
    assert told in str(found.value)


def test_numbers_in_strings_are_numbers() -> None:
    """Numbers of 64 bits are strings in protobuf's JSON; camel case and null are what JSON may have, too."""
    plain = {"@type": ROUTES, "name": "a", "max_direct_response_body_size_bytes": 5}
    spelled = {"@type": ROUTES, "name": "a", "maxDirectResponseBodySizeBytes": "5", "virtualHosts": None}
    assert packed(plain) == packed(spelled)
    assert json.dumps(plain)
