"""Who the client is, against what Envoy 1.40 logged and forwarded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.model import RequestHead
from edgesim.model.listener import ListenerOptions
from edgesim.policies.remote import Client, compile_remote, fields_to_set, identify, needs_request_id, seen_by_routes
from tests.policies.heads import head_of

PEER = b"127.0.0.1:45352"
INTERNAL = ("10.0.0.0/8", "127.0.0.0/8")
PLAIN = ListenerOptions()
EDGE = ListenerOptions(use_remote_address=True)
HOPS_1 = ListenerOptions(xff_trusted_hops=1)
EDGE_HOPS_1 = ListenerOptions(use_remote_address=True, xff_trusted_hops=1)
EDGE_HOPS_2 = ListenerOptions(use_remote_address=True, xff_trusted_hops=2)
TRUSTING = ListenerOptions(internal_addresses=INTERNAL)
TRUSTING_EDGE = ListenerOptions(use_remote_address=True, internal_addresses=INTERNAL)


def client(options: ListenerOptions, *forwarded: str, peer: bytes = PEER) -> Client:
    """Return the client of a request with these lines of x-forwarded-for."""
    head = head_of(*[("x-forwarded-for", value) for value in forwarded])
    return identify(compile_remote(options, b"192.0.2.2"), head, peer)


@pytest.mark.parametrize(
    ("options", "sent", "address"),
    [
        (PLAIN, None, "127.0.0.1:45352"),
        (PLAIN, "1.2.3.4", "1.2.3.4:0"),
        (PLAIN, "1.2.3.4, 5.6.7.8", "5.6.7.8:0"),
        (PLAIN, "bogus", "127.0.0.1:45352"),
        (PLAIN, "1.2.3.4,bogus", "127.0.0.1:45352"),
        (PLAIN, "2001:db8::1", "[2001:db8::1]:0"),
        (PLAIN, "1.2.3.4:55", "127.0.0.1:45352"),
        (PLAIN, " 10.0.0.1 ", "10.0.0.1:0"),
        (PLAIN, "", "127.0.0.1:45352"),
        (PLAIN, "10.0.0.1,", "127.0.0.1:45352"),
        (PLAIN, "[2001:db8::1]", "127.0.0.1:45352"),
        (PLAIN, "127.0.0.1", "127.0.0.1:0"),
        (PLAIN, "1.2.3.04", "127.0.0.1:45352"),
        (PLAIN, "1.2.3", "127.0.0.1:45352"),
        (HOPS_1, "1.2.3.4", "127.0.0.1:45352"),
        (HOPS_1, "1.2.3.4, 5.6.7.8", "1.2.3.4:0"),
        (HOPS_1, "1.2.3.4,bogus", "1.2.3.4:0"),
        (HOPS_1, "10.0.0.1,", "10.0.0.1:0"),
        (HOPS_1, "1.2.3.4, 5.6.7.8, 9.9.9.9", "5.6.7.8:0"),
        (EDGE, "1.2.3.4", "127.0.0.1:45352"),
        (EDGE_HOPS_1, None, "127.0.0.1:45352"),
        (EDGE_HOPS_1, "1.2.3.4, 5.6.7.8", "5.6.7.8:0"),
        (EDGE_HOPS_1, "10.0.0.1,", "127.0.0.1:45352"),
        (EDGE_HOPS_2, "1.2.3.4", "127.0.0.1:45352"),
        (EDGE_HOPS_2, "1.2.3.4, 5.6.7.8, 9.9.9.9", "5.6.7.8:0"),
        (EDGE_HOPS_2, "1.2.3.4,bogus", "1.2.3.4:0"),
    ],
)
def test_the_client_is_who_envoy_says(options: ListenerOptions, sent: str | None, address: str) -> None:
    """Every combination measured gives the address that Envoy logged."""
    found = client(options, *([] if sent is None else [sent]))
    assert address == found.address.decode()
    assert found.ip.decode() == address.rpartition(":")[0].strip("[]")


@pytest.mark.parametrize(
    ("options", "sent", "forwarded"),
    [
        (PLAIN, ["1.2.3.4"], None),
        (EDGE, [], "192.0.2.2"),
        (EDGE, ["1.2.3.4"], "1.2.3.4,192.0.2.2"),
        (EDGE, ["1.1.1.1", "2.2.2.2"], "1.1.1.1,2.2.2.2,192.0.2.2"),
        (EDGE, [""], "192.0.2.2"),
        (EDGE, ["10.0.0.1,"], "10.0.0.1,,192.0.2.2"),
        (ListenerOptions(use_remote_address=True, skip_xff_append=True), ["1.2.3.4"], None),
    ],
)
def test_only_an_edge_appends_the_peer(options: ListenerOptions, sent: list[str], forwarded: str | None) -> None:
    """The machine's own address stands for the loopback one."""
    found = client(options, *sent).forwarded_for
    assert forwarded == (None if found is None else found.decode())


def test_a_peer_that_is_not_loopback_is_appended_itself() -> None:
    """127.0.0.2 is no loopback address to Envoy, and without an own address the peer is written."""
    assert client(EDGE, peer=b"127.0.0.2:5").forwarded_for == b"127.0.0.2"
    assert client(EDGE, peer=b"[2001:db8::9]:5").forwarded_for == b"2001:db8::9"
    assert identify(compile_remote(EDGE), head_of(), PEER).forwarded_for == b"127.0.0.1"


@pytest.mark.parametrize(
    ("options", "sent", "internal"),
    [
        (PLAIN, "10.0.0.1", False),
        (TRUSTING, None, False),
        (TRUSTING, "10.0.0.1", True),
        (TRUSTING, " 10.0.0.1 ", True),
        (TRUSTING, "127.0.0.1", True),
        (TRUSTING, "10.0.0.1, 10.0.0.2", False),
        (TRUSTING, "1.2.3.4", False),
        (TRUSTING, "bogus", False),
        (TRUSTING, "", False),
        (TRUSTING, "fd00::1", False),
        (TRUSTING_EDGE, None, True),
        (TRUSTING_EDGE, "10.0.0.1", False),
        (TRUSTING_EDGE, "", False),
        (EDGE, None, False),
        (ListenerOptions(xff_trusted_hops=1, internal_addresses=INTERNAL), "10.0.0.1,1.2.3.4", False),
    ],
)
def test_internal_requests_are_those_envoy_takes_for_internal(
    options: ListenerOptions, sent: str | None, internal: bool
) -> None:
    """A single internal address is needed, and by default no address is internal."""
    assert client(options, *([] if sent is None else [sent])).internal is internal


def test_what_a_client_may_not_say_is_dropped() -> None:
    """The edge drops most, an internal request keeps its retry headers."""
    assert b"x-envoy-retry-on" in client(PLAIN).drops
    assert b"x-envoy-decorator-operation" not in client(PLAIN).drops
    assert b"x-envoy-decorator-operation" in client(EDGE).drops
    assert client(TRUSTING_EDGE).drops == {b"x-envoy-internal", b"x-forwarded-client-cert"}


@pytest.mark.parametrize(
    ("options", "fields", "written"),
    [
        (PLAIN, {}, ["x-forwarded-proto: http"]),
        (PLAIN, {"x-forwarded-proto": "https"}, []),
        (
            EDGE,
            {"x-forwarded-proto": "https"},
            ["x-forwarded-proto: http", "x-forwarded-for: 192.0.2.2", "x-envoy-external-address: 127.0.0.1"],
        ),
        (
            EDGE_HOPS_1,
            {"x-forwarded-proto": "https", "x-forwarded-for": "1.2.3.4"},
            ["x-forwarded-for: 1.2.3.4,192.0.2.2", "x-envoy-external-address: 1.2.3.4"],
        ),
        (
            TRUSTING_EDGE,
            {},
            ["x-forwarded-proto: http", "x-forwarded-for: 192.0.2.2", "x-envoy-internal: true"],
        ),
    ],
)
def test_the_fields_set_are_envoys(options: ListenerOptions, fields: dict[str, str], written: list[str]) -> None:
    """Scheme, addresses and the internal mark are written as measured."""
    head = head_of(*fields.items())
    found = identify(compile_remote(options, b"192.0.2.2"), head, PEER)
    assert written == [b": ".join(field).decode() for field in fields_to_set(found, head, b"http")]


@pytest.mark.parametrize(
    ("options", "sent", "made"),
    [
        (PLAIN, False, True),
        (PLAIN, True, False),
        (EDGE, True, True),
        (TRUSTING_EDGE, True, False),
        (ListenerOptions(use_remote_address=True, preserve_external_request_id=True), True, False),
        (ListenerOptions(use_remote_address=True, preserve_external_request_id=True), False, True),
        (ListenerOptions(use_remote_address=True, generate_request_id=False), True, False),
        (ListenerOptions(generate_request_id=False), False, False),
    ],
)
def test_request_ids_are_made_where_envoy_makes_them(options: ListenerOptions, sent: bool, made: bool) -> None:
    """An edge replaces the client's id unless told to preserve it."""
    head = head_of(*([("x-request-id", "mine")] if sent else []))
    rules = compile_remote(options)
    assert needs_request_id(rules, identify(rules, head, PEER), head) is made


@given(st.text(st.characters(max_codepoint=255)), st.integers(0, 3), st.booleans())
def test_no_header_breaks_it(sent: str, hops: int, edge: bool) -> None:
    """Whatever x-forwarded-for says, there is a client, and it is the peer where the header says no address."""
    options = ListenerOptions(use_remote_address=edge, xff_trusted_hops=hops, internal_addresses=INTERNAL)
    head = head_of()
    head.headers[b"x-forwarded-for"] = sent.encode("latin-1")
    found = identify(compile_remote(options), head, PEER)
    assert found.address == PEER or found.address.endswith(b":0")


def test_routes_see_what_is_made_and_not_what_is_dropped() -> None:
    """A head as routes see it has the fields the proxy makes, one line each, and none that its client may not send."""
    known = replace(client(PLAIN), drops=frozenset((b"x-envoy-internal",)))
    sent = {b"x-envoy-internal": b"true", b"x-forwarded-for": b"1.2.3.4", b"x-request-id": b"theirs", b"a": b"2"}
    repeated = {b"a": [b"1", b"2"], b"x-request-id": [b"one", b"theirs"]}
    head = RequestHead(b"GET", b"a", b"/x", b"q", sent, repeated)
    seen = seen_by_routes(known, head, b"http", b"ours")
    assert (seen.method, seen.authority, seen.path, seen.query) == (b"GET", b"a", b"/x", b"q")
    assert b"x-envoy-internal" not in seen.headers
    assert (seen.headers[b"x-request-id"], seen.headers[b"a"]) == (b"ours", b"2")
    assert dict(fields_to_set(known, head, b"http")).items() <= seen.headers.items()
    assert seen.repeated == {b"a": [b"1", b"2"]}
    theirs = seen_by_routes(known, RequestHead(b"GET", b"a", b"/x", None, {b"x-request-id": b"theirs"}), b"http")
    assert (theirs.headers[b"x-request-id"], theirs.repeated) == (b"theirs", None)
